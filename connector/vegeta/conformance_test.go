package vegeta_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/types"
)

func TestConformance(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	connectortest.Run(t, vegeta.Definition, connectortest.Config{
		YAML: `
description: load for the conformance test
rate: 100/s
format: http
target: |
  GET ` + url + `
  Authorization: Bearer hunter2-correct-horse
connections: 100
workers: 2
max_workers: 50
max_body: 0
http2: false
keepalive: true
insecure: false
reporting_interval: 100ms
timeout: 1s
max_lag: 10s
samples: {"*": {missing: carry}, error_rate: {missing: 0}}
`,
		Secrets: []string{"hunter2-correct-horse"},
		Control: types.Control{Duration: types.Duration(100 * time.Millisecond)},
		Prompt:  10 * time.Second,
	})
}
