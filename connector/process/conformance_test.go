//go:build unix

package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

func TestConformance(t *testing.T) {
	address, dir := freeAddress(t), t.TempDir()
	connectortest.Run(t, process.Definition, connectortest.Config{
		YAML: fmt.Sprintf(`
component: app
command: [%q]
dir: %s
env:
  TEST_PROGRAM: app
  APP_ADDRESS: %s
  APP_TOKEN: hunter2-correct-horse
inherit_env: true
settings:
- name: workers
  type: range
  min: 1
  max: 16
  step: 1
  default: 4
  unit: threads
  env: APP_WORKERS
- name: share
  type: range
  min: 0.5
  max: 2.0
  step: 0.25
  default: 1.0
  flag: --share={{value}}
- name: colour
  type: enum
  values: [red, green]
  default: red
  env: APP_EXTRA
- name: size
  type: range
  min: 1
  max: 16
  default: 4
  pinned: true
  env: APP_SIZE
file:
  path: %s
  template: "workers = {{.workers}}"
  mode: "0640"
apply: restart
signal: HUP
ready:
  http: http://%s/health
  interval: 10ms
  timeout: 20s
  min_uptime: 100ms
settlement: 10ms
stop:
  signal: TERM
  grace: 2s
restart:
  backoff: 10ms
  max_backoff: 1s
output:
  tail: 10
sample_interval: 50ms
samples: {"*": {missing: carry}}
metrics_prefix: app_
`, os.Args[0], dir, address, filepath.Join(dir, "app.conf"), address),
		Control: types.Control{Duration: types.Duration(100 * time.Millisecond)},
		Prompt:  patience,
	})
}
