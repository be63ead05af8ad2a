package emulator_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/types"
)

func (r *rig) restore(ctx context.Context, as ...types.Adjustment) (types.Description, error) {
	r.t.Helper()
	results, err := connector.Restore.Dispatch(ctx, &r.bus, connector.RestoreRequest{Adjustments: as})
	if err != nil {
		return types.Description{}, err
	}
	require.Len(r.t, results, 1)
	return results[0].Value, nil
}

func twoSettings(c *emulator.Config) {
	c.Components = []emulator.Component{{Name: "fake-app", Settings: []emulator.Setting{
		{Name: "replicas", Min: types.Int(1), Max: types.Int(8), Value: types.Int(2)},
		{Name: "gc", Values: []types.Value{types.Text("serial"), types.Text("g1")}, Value: types.Text("serial")},
	}}}
}

func TestRestore(t *testing.T) {
	pinned := func(c *emulator.Config) { c.Components[0].Settings[0].Pinned = true }
	tests := []struct {
		name         string
		restored     types.Adjustments
		change       func(*emulator.Config)
		replicas, gc string
		logged       string
	}{
		{name: "nothing", replicas: "2", gc: "serial"},
		{name: "all", restored: types.Adjustments{to("replicas", types.Int(5)), to("gc", types.Text("g1"))}, replicas: "5", gc: "g1"},
		{name: "a whole number that has become a float", restored: types.Adjustments{to("replicas", types.Float(5))}, replicas: "5", gc: "serial"},
		{name: "outside of the range", restored: types.Adjustments{to("replicas", types.Int(12))}, replicas: "12", gc: "serial"},
		{name: "of another connector", restored: types.Adjustments{{Component: "db", Setting: "replicas", Value: types.Int(5)}}, replicas: "2", gc: "serial"},
		{name: "setting that is gone", restored: types.Adjustments{to("threads", types.Int(5)), to("gc", types.Text("g1"))}, replicas: "2", gc: "g1",
			logged: `level=WARN msg="a restored setting does not exist any more" setting=fake-app.threads`},
		{name: "value that is gone", restored: types.Adjustments{to("replicas", types.Int(5)), to("gc", types.Text("zgc"))}, replicas: "5", gc: "serial",
			logged: `level=WARN msg="a restored value is not accepted any more" setting=fake-app.gc`},
		{name: "pinned now", restored: types.Adjustments{to("replicas", types.Int(5)), to("gc", types.Text("g1"))}, change: pinned, replicas: "2", gc: "g1",
			logged: `level=WARN msg="a restored setting is pinned now" setting=fake-app.replicas value=5 pinned=2`},
		{name: "pinned at that value", restored: types.Adjustments{to("replicas", types.Int(2))}, change: pinned, replicas: "2", gc: "serial"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes := []func(*emulator.Config){twoSettings}
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			r := newRig(t, changes...)
			d, err := r.restore(r.context(), tt.restored...)
			require.NoError(t, err)
			assert.Equal(t, r.describe(), d, "it answers with what is in force")
			assert.Equal(t, tt.replicas, r.value("fake-app.replicas").String())
			assert.Equal(t, tt.gc, r.value("fake-app.gc").String())
			if tt.logged == "" {
				assert.Empty(t, r.log.String())
			} else {
				assert.Contains(t, r.log.String(), tt.logged)
			}
		})
	}
}

func TestRestoreThatIsCancelledChangesNothing(t *testing.T) {
	r := newRig(t, twoSettings)
	cause := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := r.restore(ctx, to("replicas", types.Int(5)))
	require.ErrorIs(t, err, cause)
	assert.Equal(t, "2", r.value("fake-app.replicas").String())
}

// The next measurement and adjustment draw what they would have drawn.
func TestRestoreDrawsNothing(t *testing.T) {
	plain, restored := newRig(t), newRig(t)
	_, err := restored.restore(restored.context(), to("replicas", types.Int(7)))
	require.NoError(t, err)
	plain.adjust(to("replicas", types.Int(7)))
	plain.adjust(to("replicas", types.Int(7)))
	assert.Equal(t, plain.figure("throughput"), restored.figure("throughput")) //nolint:testifylint // to the last bit
}

// A servo that starts again finds the application as it left it.
func TestServoStartsAgainWhereItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	run := func(commands ...optimizer.Command) []optimizer.Result {
		file, err := journal.Open(journal.Options{Path: path})
		require.NoError(t, err)
		defer func() { require.NoError(t, file.Close()) }()
		opt := optimizertest.New(commands...)
		s, err := servo.New(servo.Options{Optimizer: opt, Journal: file, Once: true})
		require.NoError(t, err)
		e, err := emulator.New(defaults(twoSettings), connector.Env{})
		require.NoError(t, err)
		require.NoError(t, s.Use("emulator", e))
		require.NoError(t, s.Run(t.Context()))
		assert.Empty(t, opt.Violations())
		return opt.Results()
	}
	run(optimizertest.Adjust(to("replicas", types.Int(6)), to("gc", types.Text("g1"))))
	results := run(optimizertest.Describe())
	require.Len(t, results, 1)
	for selector, want := range map[string]string{"fake-app.replicas": "6", "fake-app.gc": "g1"} {
		s, ok := results[0].Description.Setting(selector)
		require.True(t, ok, selector)
		assert.Equal(t, want, s.Value.String(), selector)
	}
}
