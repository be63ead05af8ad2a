package servo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// answersWith is a row of one command, whose answer has to have these keys.
func answersWith(cmd optimizer.Command, prepare func(*rig), keys []string, check func(*rig, message)) func(*rig) {
	return func(r *rig) {
		if prepare != nil {
			prepare(r)
		}
		r.start(cmd)
		m := r.result()
		require.NoError(r, r.end())
		if keys != nil {
			assert.ElementsMatch(r, keys, keysOf(m.param), m.body)
		}
		if check != nil {
			check(r, m)
		}
		assert.Empty(r, r.opt.Violations())
	}
}

func keysOf(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// at follows keys into a document.
func at(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// measuring sets what connector "a" measures.
func measuring(m types.Measurement, err error) func(*rig) {
	return func(r *rig) {
		r.a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) { return m, err }
	}
}

var (
	okMeasure = []string{"status", "message", "reason", "metrics", "annotations", "cmd_uid"}
	anError   = []string{"status", "message", "reason", "cmd_uid"}
	latency   = types.Metric{Name: "latency", Unit: types.Milliseconds}
	errBoom   = errors.New("boom")
)

func TestConformanceAnswers(t *testing.T) {
	describe, measure := optimizertest.Describe(), optimizertest.Measure(time.Second, "latency")
	adjust := optimizertest.Adjust(types.Adjustment{Component: "a", Setting: "workers", Value: types.Int(4)})
	reading := types.DataPoint{Metric: latency, Time: time.Unix(1709078340, 0), Sample: types.Observe(12.5)}
	succeeds := func(r *rig, m message) {
		assert.Equal(r, "ok", m.param["status"])
		assert.Nil(r, m.param["message"])
		assert.Equal(r, "success", m.param["reason"])
		assert.Equal(r, "u1", m.param["cmd_uid"])
	}
	status := func(word string, reason any, text string) func(*rig, message) {
		return func(r *rig, m message) {
			assert.Equal(r, word, m.param["status"])
			assert.Equal(r, reason, m.param["reason"])
			assert.Equal(r, text, m.param["message"])
		}
	}
	conform(t, "6", []row{
		{"keys: DESCRIBE ok", answersWith(describe, nil, []string{"status", "message", "reason", "descriptor", "cmd_uid"}, succeeds)},
		{"keys: MEASURE ok", answersWith(measure, nil, okMeasure, succeeds)},
		{"keys: ADJUST ok", answersWith(adjust, nil, []string{"status", "message", "reason", "state", "cmd_uid"}, succeeds)},
		{"keys: DESCRIBE error", answersWith(describe, failing(connector.Describe, types.Control{}, errBoom), anError, nil)},
		{"keys: MEASURE error", answersWith(measure, measuring(types.Measurement{}, errBoom), anError, nil)},
		{"keys: ADJUST error", answersWith(adjust, adjusting(errBoom), anError, nil)},
		{"keys: cmd_uid is null when the command has none", func(r *rig) {
			r.opt.OmitUIDs()
			answersWith(measure, nil, okMeasure, func(r *rig, m message) { assert.Nil(r, m.param["cmd_uid"]) })(r)
		}},
		{"DESCRIPTION: components with settings, and metrics with units", answersWith(describe, nil, nil, func(r *rig, m message) {
			assert.Equal(r, map[string]any{"type": "range", "pinned": false, "unit": "", "value": 2.0, "min": 1.0, "max": 8.0, "step": 1.0},
				orUnit(at(m.param, "descriptor", "application", "components", "a", "settings", "workers")))
			assert.Equal(r, map[string]any{"latency": map[string]any{"unit": "ms"}}, at(m.param, "descriptor", "measurement", "metrics"))
		})},
		{"MEASUREMENT: a scalar", answersWith(measure, measuring(types.Measurement{Readings: []types.Reading{reading}}, nil), okMeasure, func(r *rig, m message) {
			assert.Equal(r, 12.5, at(m.param, "metrics", "latency", "value"))
			assert.Equal(r, "ms", at(m.param, "metrics", "latency", "unit"))
		})},
		{"MEASUREMENT: a time series, in whole epoch seconds", answersWith(measure, measuring(types.Measurement{Readings: []types.Reading{
			types.NewTimeSeries(latency, reading),
		}}, nil), okMeasure, func(r *rig, m message) {
			values, _ := at(m.param, "metrics", "latency", "values").([]any)
			require.Len(r, values, 1)
			assert.Equal(r, []any{[]any{1709078340.0, 12.5}}, at(values[0], "data"))
			assert.Regexp(r, `^\d{10}$`, at(values[0], "id"))
		})},
		{"MEASUREMENT: several series of one metric are kept", answersWith(measure, measuring(types.Measurement{Readings: []types.Reading{
			types.TimeSeries{Metric: latency, ID: "x", Points: []types.DataPoint{reading}},
			types.TimeSeries{Metric: latency, ID: "y", Points: []types.DataPoint{reading}},
		}}, nil), okMeasure, func(r *rig, m message) {
			values, _ := at(m.param, "metrics", "latency", "values").([]any)
			require.Len(r, values, 2)
			assert.Equal(r, "x", at(values[0], "id"))
			assert.Equal(r, "y", at(values[1], "id"))
		})},
		{"MEASUREMENT: annotations, {} when there are none", answersWith(measure, nil, okMeasure, func(r *rig, m message) {
			assert.Equal(r, map[string]any{}, m.param["annotations"])
		})},
		{"ADJUSTMENT: the state after it", answersWith(adjust, nil, nil, func(r *rig, m message) {
			assert.Equal(r, 4.0, at(m.param, "state", "application", "components", "a", "settings", "workers", "value"))
			assert.Equal(r, map[string]any{}, at(m.param, "state", "measurement", "metrics"))
		})},
		{"status: rejected", answersWith(adjust, adjusting(connector.Reject("unstable", errors.New("pods are not ready"))), anError,
			status("rejected", "unstable", "pods are not ready"))},
		{"status: aborted", answersWith(measure, measuring(types.Measurement{}, connector.Abort("slo-violation", errBoom)), anError,
			status("aborted", "slo-violation", "boom"))},
		{"status: cancelled by a handler", answersWith(measure, measuring(types.Measurement{}, event.Cancel("maintenance")), anError, func(r *rig, m message) {
			assert.Equal(r, "cancelled", m.param["status"])
			assert.Contains(r, m.param["message"], "maintenance")
		})},
		{"status: failed with a reason", answersWith(measure, measuring(types.Measurement{}, connector.Fail("start-failed", errBoom)), anError,
			status("failed", "start-failed", "boom"))},
		{"status: failed for any other error, reason null", answersWith(measure, measuring(types.Measurement{}, errBoom), anError, func(r *rig, m message) {
			assert.Equal(r, "failed", m.param["status"])
			assert.Nil(r, m.param["reason"])
			assert.Contains(r, m.param["message"], "boom")
		})},
		{"status: failed after a panic, and the servo goes on", func(r *rig) {
			first := true
			r.a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				if first {
					first = false
					panic("no")
				}
				return types.Measurement{}, nil
			}
			r.start(measure, measure)
			all := r.results()
			require.Len(r, all, 2)
			assert.Equal(r, "failed", all[0].param["status"])
			assert.Equal(r, "ok", all[1].param["status"])
		}},
	})
}

func TestConformanceSeveralErrors(t *testing.T) {
	measure := optimizertest.Measure(time.Second, "latency")
	aborted := connector.Abort("slo-violation", errors.New("aborted it"))
	rejected := connector.Reject("unstable", errors.New("rejected it"))
	adjustFailed := connector.Fail("start-failed", errors.New("adjusting failed"))
	plain := errors.New("plain it was")
	// both is a row of two connectors, of which the first ends with its error
	// when the second has ended with its own.
	both := func(first, second error, check func(r *rig, m message)) func(*rig) {
		return func(r *rig) {
			begun := make(chan struct{})
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				close(begun)
				<-ctx.Done() // the other has failed, and all are cancelled
				return types.Measurement{}, first
			}
			b := newApp("b", nil)
			b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				<-begun
				return types.Measurement{}, second
			}
			r.more["b"] = b
			answersWith(measure, nil, nil, check)(r)
		}
	}
	tops := func(status, text string, others ...string) func(r *rig, m message) {
		return func(r *rig, m message) {
			assert.Equal(r, status, m.param["status"], m.body)
			assert.Contains(r, m.param["message"], text)
			listed, _ := m.param["other_messages"].([]any)
			require.Len(r, listed, len(others), m.body)
			for i := range others {
				assert.Contains(r, listed[i], others[i])
			}
		}
	}
	conform(t, "6 several errors", []row{
		{"handlers run concurrently and all are cancelled on the first failure", both(plain, errBoom, tops("failed", "boom", "plain it was"))},
		{"aborted goes before rejected", both(rejected, aborted, tops("aborted", "aborted it", "rejected it"))},
		{"aborted goes before rejected, whichever comes first", both(aborted, rejected, tops("aborted", "aborted it", "rejected it"))},
		{"rejected goes before failed with a reason", both(adjustFailed, rejected, tops("rejected", "rejected it", "adjusting failed"))},
		{"failed with a reason goes before any other", both(plain, adjustFailed, tops("failed", "adjusting failed", "plain it was"))},
		{"ties go to the first that failed", both(connector.Abort("one", errors.New("unwinding")), connector.Abort("two", errors.New("the cause")), tops("aborted", "the cause", "unwinding"))},
		{"errors in errors are looked through, depth first", both(fmt.Errorf("while measuring: %w", errors.Join(plain, aborted)), rejected, tops("aborted", "aborted it", "rejected it"))},
		{"other_messages is left out when there is one error", answersWith(measure, measuring(types.Measurement{}, errBoom), anError, nil)},
	})
}

func TestConformanceAggregation(t *testing.T) {
	describe, measure := optimizertest.Describe(), optimizertest.Measure(time.Second, "latency")
	also := func(b *app) func(*rig) {
		return func(r *rig) { r.more["b"] = b }
	}
	measured := func(name, value string) *app {
		b := newApp("b", nil)
		b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
			return types.Measurement{
				Readings:    []types.Reading{types.DataPoint{Metric: types.Metric{Name: name}, Sample: types.Observe(1)}},
				Annotations: map[string]string{"load": value},
			}, nil
		}
		return b
	}
	conform(t, "6 aggregation", []row{
		{"DESCRIBE puts components and metrics together", answersWith(describe, also(newApp("b", nil)), nil, func(r *rig, m message) {
			assert.ElementsMatch(r, []string{"a", "b"}, keysOf(at(m.param, "descriptor", "application", "components").(map[string]any)))
			assert.Regexp(r, `"a":.*"b":`, m.body, "in the order of the connectors")
		})},
		{"ADJUST puts components together", answersWith(optimizertest.Adjust(types.Adjustment{Component: "b", Setting: "workers", Value: types.Int(3)}), also(newApp("b", nil)), nil, func(r *rig, m message) {
			assert.Equal(r, 2.0, at(m.param, "state", "application", "components", "a", "settings", "workers", "value"))
			assert.Equal(r, 3.0, at(m.param, "state", "application", "components", "b", "settings", "workers", "value"))
		})},
		{"MEASURE puts readings together", answersWith(measure, also(measured("rate", "peak")), okMeasure, func(r *rig, m message) {
			assert.ElementsMatch(r, []string{"latency", "rate"}, keysOf(m.param["metrics"].(map[string]any)))
		})},
		{"MEASURE merges annotations, later wins", answersWith(measure, func(r *rig) {
			r.a = measured("latency", "low")
			r.a.name = "a"
			also(measured("rate", "peak"))(r)
		}, okMeasure, func(r *rig, m message) { assert.Equal(r, map[string]any{"load": "peak"}, m.param["annotations"]) })},
		{"quirk: settings of equal component names are merged", answersWith(describe, func(r *rig) {
			b := newApp("a", nil)
			b.setting = types.Range("threads", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(5))
			r.more["b"] = b
		}, nil, func(r *rig, m message) {
			assert.ElementsMatch(r, []string{"workers", "threads"}, keysOf(at(m.param, "descriptor", "application", "components", "a", "settings").(map[string]any)))
		})},
		{"quirk: a handler that returns nothing is skipped", answersWith(measure, func(r *rig) {
			b := newApp("b", nil)
			b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				return types.Measurement{}, nil
			}
			r.more["b"] = b
		}, okMeasure, func(r *rig, m message) {
			assert.Equal(r, []string{"latency"}, keysOf(m.param["metrics"].(map[string]any)))
		})},
		{"quirk: cancelled by a before handler of MEASURE", answersWith(measure, cancelling(connector.Measure), anError, cancelled)},
		{"quirk: cancelled by a before handler of DESCRIBE", answersWith(describe, cancelling(connector.Describe), anError, cancelled)},
		{"quirk: cancelled by a before handler of ADJUST", answersWith(
			optimizertest.Adjust(types.Adjustment{Component: "a", Setting: "workers", Value: types.Int(4)}), cancelling(connector.Adjust), anError,
			func(r *rig, m message) {
				cancelled(r, m)
				assert.Equal(r, types.Int(2), r.a.setting.Value)
			})},
	})
}

func cancelled(r *rig, m message) {
	assert.Equal(r, "cancelled", m.param["status"])
	assert.Contains(r, m.param["message"], "maintenance")
}

// cancelling adds a connector that cancels an event before it begins.
func cancelling[In, Out any](e *event.Event[In, Out]) func(*rig) {
	return func(r *rig) {
		r.more["guard"] = bind(func(h *connector.Host) error {
			once := true
			e.Before(h, func(context.Context, In) error {
				if !once {
					return nil
				}
				once = false
				return event.Cancel("maintenance")
			})
			return nil
		})
	}
}

// failing adds a connector whose handler of an event fails.
func failing[In, Out any](e *event.Event[In, Out], _ In, err error) func(*rig) {
	return func(r *rig) {
		r.more["broken"] = bind(func(h *connector.Host) error {
			e.On(h, func(context.Context, In) (Out, error) { var none Out; return none, err })
			return nil
		})
	}
}

// adjusting sets the error of adjustments of connector "a".
func adjusting(err error) func(*rig) {
	return func(r *rig) {
		r.a.adjust = func(context.Context, connector.AdjustRequest) (types.Description, error) {
			return types.Description{}, err
		}
	}
}

// orUnit gives a setting the unit that it may leave out.
func orUnit(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if m["unit"] == nil {
		m["unit"] = ""
	}
	return m
}
