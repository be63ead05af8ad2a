package servo_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// The tests of this file and its neighbours hold the loop against the protocol,
// a case for each rule, over loopback HTTP.

// talk is a servo and an optimizer that talk over loopback HTTP.
type talk struct {
	*testing.T
	opt     *optimizertest.Optimizer
	options servo.Options
	retry   optimizer.Retry
	app     *app
	others  map[string]connector.Connector

	s   *servo.Servo
	log syncBuffer
}

func newTalk(t *testing.T, commands ...optimizer.Command) *talk {
	return &talk{
		T: t, opt: optimizertest.New(commands...), app: newApp("a", nil),
		options: servo.Options{Name: "test", Grace: 2 * time.Second, ProgressInterval: 5 * time.Millisecond},
		retry:   optimizer.Retry{MaxTries: 1},
	}
}

// build makes the servo, against the optimizer at url.
func (k *talk) build(url string) {
	k.Helper()
	client, err := optimizer.NewClient(optimizer.Options{URL: url, Retry: k.retry})
	require.NoError(k, err)
	k.options.Optimizer = client
	k.options.Logger = slog.New(slog.NewTextHandler(&k.log, nil))
	k.s, err = servo.New(k.options)
	require.NoError(k, err)
	require.NoError(k, k.s.Use("a", k.app))
	for name, c := range k.others {
		require.NoError(k, k.s.Use(name, c))
	}
}

// during runs the servo while f runs, and returns the error of Run.
func (k *talk) during(f func(ctx context.Context)) error {
	k.Helper()
	if k.s == nil {
		k.build(k.opt.Start(k.T))
	}
	ctx, cancel := context.WithTimeout(k.Context(), time.Minute)
	defer cancel()
	run, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- k.s.Run(run) }()
	f(ctx)
	stop()
	return <-done
}

// complete runs the servo until the script is done and returns the results.
func (k *talk) complete() []optimizer.Result {
	k.Helper()
	var results []optimizer.Result
	require.NoError(k, k.during(func(ctx context.Context) {
		var err error
		results, err = k.opt.WaitDone(ctx)
		require.NoError(k, err)
	}))
	return results
}

// params returns what was posted as the event, in order.
func (k *talk) params(e optimizer.Event) []map[string]json.RawMessage {
	var all []map[string]json.RawMessage
	for _, r := range k.opt.Requests() {
		if r.Event != e {
			continue
		}
		var envelope struct{ Param map[string]json.RawMessage }
		require.NoError(k, json.Unmarshal(r.Body, &envelope))
		all = append(all, envelope.Param)
	}
	return all
}

// count returns how often an event was posted.
func (k *talk) count(e optimizer.Event) int {
	n := 0
	for _, r := range k.opt.Requests() {
		if r.Event == e {
			n++
		}
	}
	return n
}

// holding makes the measurements of the servo last until they are cancelled or
// released, with progress.
func (k *talk) holding(released <-chan struct{}, unwound *error) {
	k.app.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			if err := connector.Progress(ctx, types.Progress{Percent: min(99, float64(n)), Message: "measuring"}); err != nil {
				*unwound = err
				return types.Measurement{}, err
			}
			select {
			case <-tick.C:
			case <-released:
				return types.Measurement{Readings: []types.Reading{types.DataPoint{Metric: types.Metric{Name: "latency"}, Sample: types.Observe(1)}}}, nil
			}
		}
	}
}

type rule struct {
	name string
	test func(t *testing.T)
}

func check(t *testing.T, rules []rule) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.test(t)
		})
	}
	t.Logf("%d rows", len(rules))
}

// waitFor waits until the log has text.
func waitFor(t *testing.T, log *syncBuffer, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), text) }, 30*time.Second, time.Millisecond, text)
}
