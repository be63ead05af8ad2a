package optimizer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

func answering(tb testing.TB, body string) *optimizer.Client {
	return connect(tb, optimizertest.Status(200, body), func(o *optimizer.Options) { o.Retry.MaxTries = 1 })
}

func TestCommands(t *testing.T) {
	control := types.DefaultControl()
	for _, tt := range []struct {
		name, body string
		want       optimizer.Command
	}{
		{"describe", `{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":{}}}`, optimizer.Command{Verb: optimizer.Describe, UID: "u1", Control: control}},
		{"describe without param", `{"cmd":"DESCRIBE"}`, optimizer.Command{Verb: optimizer.Describe, Control: control}},
		{"describe with null param", `{"cmd":"DESCRIBE","cmd_uid":null,"param":null}`, optimizer.Command{Verb: optimizer.Describe, Control: control}},
		{"describe with null control", `{"cmd":"DESCRIBE","param":{"control":null}}`, optimizer.Command{Verb: optimizer.Describe, Control: control}},
		{"unknown fields", `{"cmd":"DESCRIBE","since":1,"param":{"more":[]}}`, optimizer.Command{Verb: optimizer.Describe, Control: control}},
		{"a command wins over a status", `{"status":"ok","cmd":"DESCRIBE"}`, optimizer.Command{Verb: optimizer.Describe, Control: control}},
		{
			"metrics as an object", `{"cmd":"MEASURE","cmd_uid":"u2","param":{"metrics":{"z":{"unit":"rpm"},"a":null,"m":7},"control":{"duration":180,"past":"10s"}}}`,
			optimizer.Command{Verb: optimizer.Measure, UID: "u2", Metrics: []string{"z", "a", "m"}, Control: types.Control{Duration: types.Duration(3 * time.Minute), Delay: types.Duration(10 * time.Second)}},
		},
		{"metrics as a list", `{"cmd":"MEASURE","param":{"metrics":["z","a"],"control":{}}}`, optimizer.Command{Verb: optimizer.Measure, Metrics: []string{"z", "a"}, Control: control}},
		{"no metrics", `{"cmd":"MEASURE","param":{"metrics":[],"control":{}}}`, optimizer.Command{Verb: optimizer.Measure, Metrics: []string{}, Control: control}},
		{
			"adjust", `{"cmd":"ADJUST","cmd_uid":"u3","param":{"state":{"application":{"components":{"main":{"settings":{"replicas":{"value":2.0,"type":"range"},"cpu":{"value":1.5}}}}}},"control":null}}`,
			optimizer.Command{Verb: optimizer.Adjust, UID: "u3", Control: control, Adjustments: types.Adjustments{
				{Component: "main", Setting: "replicas", Value: types.Float(2)}, {Component: "main", Setting: "cpu", Value: types.Float(1.5)},
			}},
		},
		{"adjust nothing", `{"cmd":"ADJUST","param":{"state":{"application":{"components":{}}}}}`, optimizer.Command{Verb: optimizer.Adjust, Control: control}},
		{"sleep", `{"cmd":"SLEEP","param":{"duration":60,"data":{"status":"waiting","reason":"no pipeline"}}}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Minute, SleepReason: "waiting: no pipeline"}},
		{"sleep in words", `{"cmd":"SLEEP","param":{"duration":"1m30s","data":{"reason":"no pipeline"}}}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: 90 * time.Second, SleepReason: "no pipeline"}},
		{"sleep without param", `{"cmd":"SLEEP"}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: 2 * time.Minute, SleepReason: "unknown reason"}},
		{"sleep of nulls", `{"cmd":"SLEEP","param":{"duration":null,"data":null}}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: 2 * time.Minute, SleepReason: "unknown reason"}},
		{"sleep with other data", `{"cmd":"SLEEP","param":{"data":["x"]}}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: 2 * time.Minute, SleepReason: "unknown reason"}},
		{"sleep with a status only", `{"cmd":"SLEEP","param":{"data":{"status":"waiting","reason":5}}}`, optimizer.Command{Verb: optimizer.Sleep, SleepFor: 2 * time.Minute, SleepReason: "waiting: unknown reason"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answering(t, tt.body).Next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestCommandsThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		verb       optimizer.Verb
		want       []string
	}{
		{"measure without param", `{"cmd":"MEASURE","cmd_uid":"u9"}`, optimizer.Measure, []string{"control: required", "metrics: required"}},
		{"measure with nulls", `{"cmd":"MEASURE","cmd_uid":"u9","param":{"metrics":null,"control":null}}`, optimizer.Measure, []string{"control: required", "metrics: required"}},
		{"names that are none", `{"cmd":"MEASURE","cmd_uid":"u9","param":{"metrics":[1,"a",{}],"control":{"duration":-1,"warmup":"x"}}}`, optimizer.Measure, []string{"metrics[0]: a name is required, not 1", "metrics[2]: a name", "control.duration: -1s is negative", "control.warmup"}},
		{"metrics of another type", `{"cmd":"MEASURE","cmd_uid":"u9","param":{"metrics":"all","control":{}}}`, optimizer.Measure, []string{`metrics: a list or an object is required, not "all"`}},
		{"control of another type", `{"cmd":"DESCRIBE","cmd_uid":"u9","param":{"control":5}}`, optimizer.Describe, []string{"control"}},
		{"param of another type", `{"cmd":"DESCRIBE","cmd_uid":"u9","param":[1]}`, optimizer.Describe, []string{"param: an object is required, not [1]"}},
		{"adjust without param", `{"cmd":"ADJUST","cmd_uid":"u9"}`, optimizer.Adjust, []string{"state: required"}},
		{"adjust without application", `{"cmd":"ADJUST","cmd_uid":"u9","param":{"state":{}}}`, optimizer.Adjust, []string{"state.application.components: required"}},
		{
			"all of an adjust", `{"cmd":"ADJUST","cmd_uid":"u9","param":{"control":{"settlement":"soon"},"state":{"application":{"components":{"a":{},"b":{"settings":{"x":{},"y":{"value":true},"ok":{"value":1}}}}}}}}`, optimizer.Adjust,
			[]string{"control.settlement", "state.application.components.a.settings: required", "state.application.components.b.settings.x.value: required", "b.settings.y.value"},
		},
		{"sleep of no length", `{"cmd":"SLEEP","cmd_uid":"u9","param":{"duration":"long"}}`, optimizer.Sleep, []string{"duration"}},
		{"sleep back in time", `{"cmd":"SLEEP","cmd_uid":"u9","param":{"duration":-3}}`, optimizer.Sleep, []string{"duration: -3s is negative"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command, err := answering(t, tt.body).Next(t.Context())
			var ce *optimizer.CommandError
			require.ErrorAs(t, err, &ce)
			assert.Equal(t, tt.verb, ce.Command.Verb)
			assert.Equal(t, "u9", ce.Command.UID)
			assert.Equal(t, ce.Command, command)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("a uid of another type", func(t *testing.T) {
		_, err := answering(t, `{"cmd":"ADJUST","cmd_uid":5}`).Next(t.Context())
		var ce *optimizer.CommandError
		require.ErrorAs(t, err, &ce)
		assert.Empty(t, ce.Command.UID)
		assert.ErrorContains(t, err, "cmd_uid: a string or null is required, not 5")
		assert.ErrorContains(t, err, "state: required")
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"unknown command", `{"cmd":"CANCEL"}`, `command "CANCEL" is unknown: accepted are DESCRIBE, MEASURE, ADJUST and SLEEP`},
		{"command of another type", `{"cmd":5}`, "the answer is no command"},
		{"unknown status", `{"status":"fine"}`, `status "fine" is unknown: accepted are ok, unexpected-event`},
		{"status of another type", `{"status":[]}`, "the answer is no status"},
		{"reason of another type", `{"status":"ok","reason":{}}`, "the answer is no status"},
		{"neither", `{"data":"WITHHOLD"}`, `neither a command nor a status: "{\"data\":\"WITHHOLD\"}"`},
		{"nulls", `{"cmd":null,"status":null}`, "neither a command nor a status"},
		{"null", `null`, "neither a command nor a status"},
		{"two documents", `{"status":"ok"}{"status":"ok"}`, "neither a command nor a status"},
		{"cut off", `{"cmd":"DESCRIBE"`, "neither a command nor a status"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := answering(t, tt.body).Next(t.Context())
			var ce *optimizer.CommandError
			assert.NotErrorAs(t, err, &ce)
			assert.ErrorContains(t, err, tt.want)
		})
	}
	t.Run("quoted at most 200 bytes", func(t *testing.T) {
		_, err := answering(t, `{"x":"`+strings.Repeat("y", 5000)+`"}`).Next(t.Context())
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 400)
	})
}
