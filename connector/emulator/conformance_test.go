package emulator_test

import (
	"testing"
	"time"

	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/types"
)

func TestConformance(t *testing.T) {
	t.Run("everything configured", func(t *testing.T) {
		connectortest.Run(t, emulator.Definition, connectortest.Config{
			YAML: `
seed: 7
measure_duration: {min: 10ms, max: 30ms}
adjust_duration: 5ms
failure_rate: 0
components:
- name: web
  settings:
  - name: cpu
    type: range
    min: 0.5
    max: 4.0
    step: 0.25
    value: 2.0
    unit: cores
    effect:
      best: 2.0
      weight: 0.1
  - name: replicas
    min: 1
    max: 10
  - name: inst_type
    values: [m5.large, m5.xlarge]
    effect:
      factors:
        m5.xlarge: 1.5
      prices:
        m5.large: 0.096
  - name: LEVEL
    values: [1, low]
    pinned: true
metrics:
- name: throughput
  unit: rps
- name: temperature
  source: random
  min: 20
  max: 30.5
readings: series
sample_interval: 2ms
response:
  load: 100.5
  core_rate: 60
  contention: 0.1
  working_set: 0.25
  queue_limit: 10
  error_floor: 0.5
  cpu_price: 0.03
  mem_price: 0.004
  noise: 0.1
`,
		})
	})
	t.Run("nothing configured", func(t *testing.T) {
		settlement := types.Duration(time.Millisecond)
		connectortest.Run(t, emulator.Definition, connectortest.Config{
			YAML:    "{}",
			Control: types.Control{Warmup: settlement, Duration: 5 * settlement, Delay: settlement, Settlement: &settlement},
		})
	})
}
