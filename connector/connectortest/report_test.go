package connectortest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/types"
)

// inner makes the test binary run the kit against a connector that fails.
const inner = "CONNECTORTEST_INNER"

func TestRunFails(t *testing.T) {
	if os.Getenv(inner) != "" {
		c := good()
		c.Skip = map[string]string{"handlers never panic": "not today"}
		connectortest.Run(t, define(func(r *reference) {
			r.promote = func(context.Context, connector.None) (connector.None, error) {
				return connector.None{}, errors.New("not good enough")
			}
		}), c)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunFails$", "-test.v")
	cmd.Env = append(os.Environ(), inner+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "--- FAIL: TestRunFails/every_command_is_answered")
	assert.Contains(t, string(out), "broken promise: every command is answered: promote: promote hook of reference: not good enough")
	assert.Contains(t, string(out), "--- SKIP: TestRunFails/handlers_never_panic")
	assert.Contains(t, string(out), "skipped: handlers never panic: not today")
	assert.Contains(t, string(out), "--- PASS: TestRunFails/shutdown_is_safe_twice")
}

func TestConfigOfTheKit(t *testing.T) {
	c := good()
	c.Skip = map[string]string{"handlers never panic": " ", "everything": "no time"}
	c.Prompt = -time.Second
	_, err := connectortest.Verify(define(func(*reference) {}), c)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `skip["handlers never panic"]: a reason is required`)
	assert.Contains(t, err.Error(), `skip["everything"]: there is no such promise; there are "the info names the connector", `)
	assert.Contains(t, err.Error(), "prompt: -1s is not a positive duration")
}

func TestAStanzaThatIsRefusedIsNoSuccess(t *testing.T) {
	for name, yaml := range map[string]string{"a value": "address: 7\ninterval: x", "the syntax": "address: [", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			c := good()
			c.YAML = yaml
			results, err := connectortest.Verify(define(func(*reference) {}), c)
			require.NoError(t, err)
			states := map[string]connectortest.State{}
			for _, r := range results {
				states[r.Promise] = r.State
			}
			assert.Equal(t, connectortest.Broken, states["building and binding do nothing yet"])
			assert.Equal(t, connectortest.Blocked, states["every command is answered"])
		})
	}
}

// What nobody complains about and could not be examined is not kept.
func TestBlockedAloneIsBroken(t *testing.T) {
	c := good()
	c.Skip = map[string]string{"every command is answered": "it is known to fail"}
	results, err := connectortest.Verify(define(func(r *reference) {
		r.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
			return types.Measurement{}, errors.New("no data")
		}
	}), c)
	require.NoError(t, err)
	for _, r := range results {
		if r.Promise == "progress never runs backwards" {
			assert.Equal(t, connectortest.Broken, r.State)
			assert.Contains(t, r.String(), "it could not be examined: measure hook of reference: no data")
		}
	}
}

func TestOtherSettings(t *testing.T) {
	describe := func(settings ...types.Setting) connector.Definition {
		return define(func(r *reference) {
			r.described(func(d *types.Description) {
				d.Components = append(d.Components, types.Component{Name: "other", Settings: settings})
			})
		})
	}
	cases := map[string]struct {
		setting types.Setting
		want    connectortest.State
	}{
		"pinned":           {types.Setting{Name: "x", Kind: types.RangeKind, Pinned: true, Min: types.Int(1), Max: types.Int(3), Step: types.Int(1), Value: types.Int(2)}, connectortest.Kept},
		"not known":        {types.Range("x", types.Int(1), types.Int(3), types.Int(1)), connectortest.Kept},
		"only one value":   {types.Enum("x", types.Text("a")).With(types.Text("a")), connectortest.Kept},
		"nowhere to go":    {types.Range("x", types.Int(2), types.Int(2), types.Int(0)).With(types.Int(2)), connectortest.Kept},
		"a float upwards":  {types.Range("x", types.Float(0.5), types.Float(2), types.Float(0.5)).With(types.Float(1)), connectortest.Broken},
		"an int downwards": {types.Range("x", types.Int(1), types.Int(3), types.Int(1)).With(types.Int(3)), connectortest.Broken},
		"without a step":   {types.Range("x", types.Int(1), types.Int(3), types.Int(0)).With(types.Int(3)), connectortest.Broken},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			results, err := connectortest.Verify(describe(test.setting), good())
			require.NoError(t, err)
			for _, r := range results {
				if r.Promise == "an adjustment shows in the description" {
					assert.Equal(t, test.want, r.State, "%s", r)
				}
			}
		})
	}
}

func TestGivenValues(t *testing.T) {
	c := good()
	c.Values = map[string][]types.Value{"reference.level": {types.Int(9)}, "reference.mode": {}}
	var seen []int64
	results, err := connectortest.Verify(define(func(r *reference) {
		r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
			for _, a := range q.Adjustments {
				if v, ok := a.Value.Int64(); ok && a.Setting == "level" && v == 9 {
					seen = append(seen, v)
				}
			}
			return r.apply(ctx, q)
		}
	}), c)
	require.NoError(t, err)
	for _, r := range results {
		assert.NotEqual(t, connectortest.Broken, r.State, "%s", r)
	}
	assert.NotEmpty(t, seen)
}
