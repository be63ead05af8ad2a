package main

import (
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProcess starts the program as its supervisor does: settings in the
// environment, and a signal at the end.
func TestProcess(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			executable, err := os.Executable()
			require.NoError(t, err)
			log := newLogBuffer()
			command := exec.CommandContext(t.Context(), executable)
			command.Env = append(os.Environ(), asProgram+"=1", "SEARCH_LISTEN=127.0.0.1:0",
				"SEARCH_CORPUS="+writeCorpus(t, smallCorpus), "SEARCH_WORKERS=3")
			command.Stderr = log
			command.WaitDelay = 10 * time.Second
			require.NoError(t, command.Start())

			base := "http://" + log.address(t)
			log.await(t, "msg=ready")
			status, _, body := get(t, base+"/stats")
			assert.Equal(t, http.StatusOK, status)
			assert.Contains(t, string(body), `"workers":3`)

			begin := time.Now()
			require.NoError(t, command.Process.Signal(signal))
			require.NoError(t, command.Wait(), "the exit code is 0:\n%s", log)
			assert.Less(t, time.Since(begin), 5*time.Second)
			assert.Contains(t, log.String(), "msg=draining")
		})
	}
}
