package vegeta_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// starvedURL makes the test binary a load generator with few file descriptors.
const starvedURL = "VEGETA_TEST_STARVED_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(starvedURL); url != "" {
		if err := starve(url); err != nil {
			fmt.Println(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func starve(url string) error {
	c := settings("200/s", url)
	c.Timeout = types.Duration(time.Second)
	v, err := vegeta.New(c, connector.Env{})
	if err != nil {
		return err
	}
	var bus event.Bus
	if err := v.Bind(connector.NewHost(&bus, "vegeta", nil)); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 30, Max: 30}); err != nil {
		return err
	}
	_, err = dispatch(context.Background(), &bus, control(0, 500*time.Millisecond))
	return err
}

func TestAMachineWithoutSocketsIsNotASlowTarget(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), starvedURL+"="+url)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "ran out of local resources: asked for a rate of 200/1s, ")
	assert.Contains(t, string(out), "too many open files")
}
