package connectortest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/types"
)

// good is what the kit is told about the reference.
func good() connectortest.Config {
	return connectortest.Config{
		YAML:    text(),
		Control: types.Control{Duration: types.Duration(10 * time.Millisecond)},
	}
}

func TestTheReferenceKeepsEveryPromise(t *testing.T) {
	connectortest.Run(t, define(func(*reference) {}), good())
}

func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := good()
		c.Control.Duration = types.Duration(time.Hour)
		c.Limit = 2 * time.Hour
		c.YAML = "address: localhost:9090\ninterval: 1m"
		began := time.Now()
		results, err := connectortest.Verify(define(func(*reference) {}), c)
		require.NoError(t, err)
		for _, r := range results {
			assert.Contains(t, []connectortest.State{connectortest.Kept, connectortest.Absent}, r.State, "%s", r)
		}
		assert.Greater(t, time.Since(began), 10*time.Hour)
	})
}
