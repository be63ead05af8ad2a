//go:build unix

package process_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

func TestRestoreDecidesWhatStartupBeginsWith(t *testing.T) {
	tests := []struct {
		name     string
		restored types.Adjustments
		change   func(*process.Config)
		workers  string
	}{
		{"value of an earlier run", types.Adjustments{to("workers", types.Float(7))}, nil, "7"},
		{"nothing for this component", types.Adjustments{{Component: "other", Setting: "workers", Value: types.Int(7)}}, nil, "4"},
		{"setting that is gone", types.Adjustments{to("threads", types.Int(2)), to("workers", types.Int(9))}, nil, "9"},
		{"value no longer accepted", types.Adjustments{to("workers", types.Text("many"))}, nil, "4"},
		{"setting that is pinned now", types.Adjustments{to("workers", types.Int(7))}, func(c *process.Config) { c.Settings[0].Pinned = true }, "4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.change)
			results, err := connector.Restore.Dispatch(t.Context(), &r.bus, connector.RestoreRequest{Adjustments: tt.restored})
			require.NoError(t, err)
			require.Len(t, results, 1)
			s, ok := results[0].Value.Setting("app.workers")
			require.True(t, ok)
			assert.Equal(t, tt.workers, s.Value.String())
			assert.Empty(t, r.ran(), "nothing is started before Startup")

			require.NoError(t, r.start())
			assert.Equal(t, tt.workers, r.described("workers"))
			assert.Equal(t, tt.workers, r.info().Workers)
		})
	}
}

func TestRestoreLeavesARunningCommandAlone(t *testing.T) {
	r := started(t, nil)
	before := r.alive()
	results, err := connector.Restore.Dispatch(t.Context(), &r.bus, connector.RestoreRequest{Adjustments: types.Adjustments{to("workers", types.Int(7))}})
	require.NoError(t, err)
	require.Len(t, results, 1)
	s, _ := results[0].Value.Setting("app.workers")
	assert.Equal(t, "4", s.Value.String(), "it answers with what is in force")
	assert.Equal(t, before, r.alive())
}
