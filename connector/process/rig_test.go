//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// Generous bounds: nothing waits for them unless something is broken.
const (
	patience = 20 * time.Second
	glance   = 10 * time.Millisecond
)

// rig is the application with a connector that runs it.
type rig struct {
	t       *testing.T
	address string
	pids    string
	bus     event.Bus
	host    *connector.Host
	failure atomic.Value
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// appConfig is the configuration of the application, in short time spans.
func appConfig(address, pids string) process.Config {
	return process.Config{
		Component: "app",
		Command:   []string{os.Args[0]},
		Env: map[string]config.Secret{
			"TEST_PROGRAM": config.NewSecret("app"), "APP_ADDRESS": config.NewSecret(address), "APP_PIDS": config.NewSecret(pids),
		},
		Settings: []process.Setting{
			{Name: "workers", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(16), Default: types.Int(4), Env: "APP_WORKERS"},
			{Name: "behaviour", Type: types.EnumKind, Default: types.Text("ok"), Env: "APP_BEHAVIOUR", Values: []types.Value{
				types.Text("ok"), types.Text("slow"), types.Text("never"), types.Text("dies"), types.Text("dies-later"), types.Text("fades"),
				types.Text("stubborn"), types.Text("burns"), types.Text("burns-in-children"), types.Text("allocates"),
			}},
		},
		Ready:          process.Ready{HTTP: "http://" + address + "/health", Interval: types.Duration(20 * time.Millisecond), Timeout: types.Duration(patience)},
		Restart:        process.Restart{Backoff: types.Duration(10 * time.Millisecond)},
		SampleInterval: types.Duration(100 * time.Millisecond),
	}
}

func newRig(t *testing.T, change func(*process.Config)) *rig {
	t.Helper()
	r := &rig{t: t, address: freeAddress(t), pids: t.TempDir()}
	c := appConfig(r.address, r.pids)
	if change != nil {
		change(&c)
	}
	p, err := process.New(c, connector.Env{Name: "process"})
	require.NoError(t, err)
	r.host = connector.NewHost(&r.bus, "process", nil)
	require.NoError(t, p.Bind(r.host))
	t.Cleanup(func() {
		r.stop()
		assert.Empty(t, r.alive(), "processes left")
	})
	return r
}

// started returns a rig whose application runs.
func started(t *testing.T, change func(*process.Config)) *rig {
	t.Helper()
	r := newRig(t, change)
	require.NoError(t, r.start())
	return r
}

func (r *rig) start() error {
	_, err := connector.Startup.Dispatch(r.t.Context(), &r.bus, connector.Lifecycle{})
	if err == nil {
		r.host.Start(context.WithoutCancel(r.t.Context()), func(err error) { r.failure.Store(err) })
	}
	return err
}

func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	assert.NoError(r.t, r.host.Stop(ctx))
	_, err := connector.Shutdown.Dispatch(ctx, &r.bus, connector.Lifecycle{})
	assert.NoError(r.t, err)
	assert.Nil(r.t, r.failure.Load())
}

func (r *rig) adjust(ctx context.Context, settlement time.Duration, as ...types.Adjustment) (types.Description, error) {
	s := types.Duration(settlement)
	results, err := connector.Adjust.Dispatch(ctx, &r.bus, connector.AdjustRequest{Adjustments: as, Control: types.Control{Settlement: &s}})
	if err != nil {
		return types.Description{}, err
	}
	require.Len(r.t, results, 1)
	return results[0].Value, nil
}

func (r *rig) measure(ctx context.Context, control types.Control, metrics ...string) (types.Measurement, error) {
	results, err := connector.Measure.Dispatch(ctx, &r.bus, connector.MeasureRequest{Control: control, Metrics: metrics})
	if err != nil {
		return types.Measurement{}, err
	}
	require.Len(r.t, results, 1)
	return results[0].Value, nil
}

// described returns the value of a setting as the connector describes it.
func (r *rig) described(setting string) string {
	results, err := connector.Describe.Dispatch(r.t.Context(), &r.bus, types.Control{})
	require.NoError(r.t, err)
	require.Len(r.t, results, 1)
	s, ok := results[0].Value.Setting("app." + setting)
	require.True(r.t, ok)
	return s.Value.String()
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// ask asks the application about itself.
func (r *rig) ask() (info, error) {
	var i info
	response, err := client.Get("http://" + r.address + "/info") //nolint:noctx // a test
	if err != nil {
		return i, err
	}
	defer func() { _ = response.Body.Close() }()
	return i, json.NewDecoder(response.Body).Decode(&i)
}

func (r *rig) info() info {
	r.t.Helper()
	i, err := r.ask()
	require.NoError(r.t, err)
	return i
}

// ran lists every process of the application there has ever been.
func (r *rig) ran() []int { return pidsIn(r.t, r.pids) }

func pidsIn(t *testing.T, dir string) []int {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(filepath.Base(e.Name()))
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// alive lists those that run now.
func (r *rig) alive() []int {
	var pids []int
	for _, pid := range r.ran() {
		if runs(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// runs tells whether a process exists and is more than an entry to be reaped.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		_, err = os.Stat("/proc/self")
		return err != nil // where there is no such thing, it exists
	}
	for i := len(data) - 1; i >= 0; i-- {
		if data[i] == ')' {
			return i+2 < len(data) && data[i+2] != 'Z' && data[i+2] != 'X'
		}
	}
	return false
}

func to(setting string, value types.Value) types.Adjustment {
	return types.Adjustment{Component: "app", Setting: setting, Value: value}
}

func outcome(t *testing.T, err error) (types.Outcome, string) {
	t.Helper()
	require.Error(t, err)
	o, ok := types.TopOutcome(err)
	if !ok {
		return "", ""
	}
	return o.Outcome, o.Reason
}

// doomedServo runs the application and adjusts it to a configuration that does
// not get ready, until somebody kills it.
func doomedServo() {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	c := appConfig(os.Getenv("APP_ADDRESS"), os.Getenv("APP_PIDS"))
	c.Stop.Grace = types.Duration(200 * time.Millisecond)
	p, err := process.New(c, connector.Env{})
	fail(err)
	var bus event.Bus
	host := connector.NewHost(&bus, "process", nil)
	fail(p.Bind(host))
	ctx := context.Background()
	_, err = connector.Startup.Dispatch(ctx, &bus, connector.Lifecycle{})
	fail(err)
	host.Start(ctx, fail)
	fmt.Println("adjusting")
	_, err = connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{Adjustments: types.Adjustments{to("behaviour", types.Text("never"))}})
	fail(err)
	fmt.Println("adjusted")
}
