package optimizertest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// witness is a test that is allowed to fail.
type witness struct {
	testing.TB
	failures []string
}

func (w *witness) Helper() {}

func (w *witness) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

func description(cpu float64) types.Description {
	return types.Description{Components: []types.Component{{Name: "web", Settings: []types.Setting{
		types.Range("cpu", types.Float(1), types.Float(4), types.Float(0.5)).With(types.Float(cpu)),
	}}}}
}

func TestExpectations(t *testing.T) {
	measured := optimizertest.Measure(time.Second, "throughput")
	for _, tt := range []struct {
		name string
		step optimizertest.Step
		give optimizer.Result
		says []string
	}{
		{name: "any success", step: optimizertest.Step{Command: measured}},
		{name: "no success", step: optimizertest.Step{Command: measured}, give: optimizer.Result{Outcome: types.Failed, Message: "no metrics"}, says: []string{"step 1, MEASURE: failed:  no metrics"}},
		{name: "as wanted", step: optimizertest.Step{Command: optimizertest.Describe(), Want: &optimizer.Result{Description: description(2)}}, give: optimizer.Result{Description: description(2)}},
		{name: "a failure that is wanted", step: optimizertest.Step{Command: measured, Want: &optimizer.Result{Outcome: types.Rejected, Reason: "unstable"}}, give: optimizer.Result{Outcome: types.Rejected, Reason: "unstable"}},
		{
			name: "not as wanted", step: optimizertest.Step{Command: optimizertest.Describe(), Want: &optimizer.Result{Description: description(2)}},
			give: optimizer.Result{Description: description(3)}, says: []string{"step 1, DESCRIBE: the answer differs\n", "\n-", `"value": 2`, "\n+", `"value": 3`},
		},
		{name: "checked", step: optimizertest.Step{Command: measured, Check: func(optimizer.Result) error { return errors.New("too few readings") }}, says: []string{"step 1, MEASURE: too few readings"}},
		{name: "checked, so any outcome will do", step: optimizertest.Step{Command: measured, Check: func(optimizer.Result) error { return nil }}, give: optimizer.Result{Outcome: types.Failed}},
		{name: "reports", step: optimizertest.Step{Command: measured, Reports: 1}},
		{name: "too few reports", step: optimizertest.Step{Command: measured, Reports: 2}, says: []string{"1 reports of progress, expected at least 2"}},
		{name: "what cannot be sent", step: optimizertest.Step{Command: measured, Want: &optimizer.Result{Outcome: "odd"}}, says: []string{`outcome "odd" is unknown`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := optimizertest.New(optimizertest.Sleep(time.Second)).Expect(tt.step)
			next(t, fake) // the sleep
			command := next(t, fake)
			require.NoError(t, fake.Progress(t.Context(), report(command.Verb, command.UID, 50)))
			result := tt.give
			result.Verb, result.UID = command.Verb, command.UID
			require.NoError(t, fake.Reply(t.Context(), result))
			w := &witness{TB: t}
			fake.Verify(t.Context(), w)
			assert.Equal(t, fake.Mismatches(), w.failures)
			if len(tt.says) == 0 {
				assert.Empty(t, w.failures)
				return
			}
			require.Len(t, w.failures, 1)
			for _, want := range tt.says {
				assert.Contains(t, w.failures[0], want)
			}
			assert.Less(t, strings.Count(w.failures[0], "\n"), 20, "a diff is short")
		})
	}
}

func TestVerifyTellsOfEverything(t *testing.T) {
	fake := optimizertest.New().Expect(optimizertest.Step{Command: optimizertest.Describe()}, optimizertest.Step{Command: optimizertest.Measure(time.Second)})
	command := next(t, fake)
	require.NoError(t, fake.Reply(t.Context(), optimizer.Result{Verb: command.Verb, UID: command.UID, Outcome: types.Failed}))
	require.NoError(t, fake.Goodbye(t.Context(), "too early"))
	ctx, cancel := contextThatEnds(t)
	defer cancel()
	w := &witness{TB: t}
	fake.Verify(ctx, w)
	require.Len(t, w.failures, 3)
	assert.Contains(t, w.failures[0], "open: MEASURE u2")
	assert.Contains(t, w.failures[1], "step 1, DESCRIBE: failed")
	assert.Contains(t, w.failures[2], "protocol: GOODBYE without a HELLO")
}
