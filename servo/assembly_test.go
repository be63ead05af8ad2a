package servo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// yard is an assembly with an optimizer for each of its servos, and lamps that
// note what becomes of them.
type yard struct {
	*testing.T
	opts map[string]*backend

	mu    sync.Mutex
	steps []string
	fail  map[string]error // by name of servo and connector, at startup
}

func newYard(t *testing.T, names ...string) *yard {
	y := &yard{T: t, opts: map[string]*backend{}, fail: map[string]error{}}
	for _, name := range names {
		y.opts[name] = newBackend()
	}
	return y
}

func (y *yard) note(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.steps = append(y.steps, fmt.Sprintf(format, args...))
}

func (y *yard) noted() []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	steps := y.steps
	y.steps = nil
	return steps
}

// lamp is a connector whose life is noted.
func (y *yard) lamp() connector.Definition {
	return connector.Define(connector.Info{Name: "lamp"}, func(c lampConfig, env connector.Env) (connector.Connector, error) {
		return bind(func(h *connector.Host) error {
			connector.Startup.On(h, func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				y.note("%s/%s on at %d W", l.Servo, env.Name, c.Watts)
				if c.Watts == 13 {
					return connector.None{}, errors.New("the fuse has blown")
				}
				return connector.None{}, y.fail[l.Servo+"/"+env.Name]
			})
			connector.Shutdown.On(h, func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				y.note("%s/%s off: %s", l.Servo, env.Name, l.Reason)
				return connector.None{}, nil
			})
			connector.Measure.On(h, func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				y.note("%s measures", env.Name)
				time.Sleep(time.Minute)
				return types.Measurement{}, nil
			})
			return nil
		}), nil
	})
}

func (y *yard) options() servo.AssemblyOptions {
	return servo.AssemblyOptions{
		Rand:  rand.NewPCG(1, 1),
		Servo: servo.Options{Rand: rand.NewPCG(1, 1)},
		Configure: func(doc *config.Document, o *servo.Options) error {
			if y.opts[doc.Name] == nil {
				y.opts[doc.Name] = newBackend()
			}
			o.Optimizer = y.opts[doc.Name]
			return nil
		},
	}
}

var named = regexp.MustCompile(`(?m)^name: .*$`)

// docs reads documents, to each of which it adds an optimizer.
func (y *yard) docs(text string) []*config.Document {
	y.Helper()
	text = named.ReplaceAllString(text, "$0\noptimizer: {id: example.com/app, token: t}")
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(y, err)
	return docs
}

func (y *yard) assemble(text string, change ...func(*servo.AssemblyOptions)) *servo.Assembly {
	y.Helper()
	o := y.options()
	for _, c := range change {
		c(&o)
	}
	a, err := servo.Assemble(y.docs(text), o, y.lamp())
	require.NoError(y, err)
	return a
}

// run runs an assembly while f runs.
func (y *yard) run(a *servo.Assembly, f func()) error {
	ctx, cancel := context.WithCancel(y.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	synctest.Wait()
	f()
	cancel()
	return <-done
}

const house = "name: hall\nlamp: {watts: 40}\n---\nname: attic\nlamp: {watts: 60}\n"

func TestAssemblyRunsEachServoWithItsOwnOptimizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		a := y.assemble(house)
		require.NoError(t, y.run(a, func() { time.Sleep(time.Second) }))
		for _, name := range []string{"hall", "attic"} {
			assert.Equal(t, []string{"hello", "next", "goodbye"}, y.opts[name].trace())
		}
		assert.ElementsMatch(t, []string{"hall/lamp on at 40 W", "attic/lamp on at 60 W", "hall/lamp off: shutdown", "attic/lamp off: shutdown"}, y.noted())
		assert.ErrorContains(t, a.Run(t.Context()), "has been run already")
	})
}

func TestAssemblyReportsAllProblemsOfAllDocuments(t *testing.T) {
	y := newYard(t)
	_, err := servo.Assemble(y.docs("name: hall\nlamp: {watts: 0}\n---\nname: hall\nlamp: {watts: 1, color: red}\n---\nname: attic\nlantern: {}\n"), y.options(), y.lamp())
	for _, text := range []string{"lamp.watts", "lamp.color", "lantern", `documents 1 and 2 are both called "hall"`} {
		assert.ErrorContains(t, err, text)
	}
	docs, err := config.Parse("servo.yaml", []byte("lamp: {watts: 1}\n"))
	require.NoError(t, err)
	_, err = servo.Assemble(docs, servo.AssemblyOptions{}, y.lamp())
	assert.ErrorContains(t, err, "optimizer: required")
	_, err = servo.Assemble(nil, servo.AssemblyOptions{Concurrency: -1, MaxConnsPerHost: -2})
	assert.ErrorContains(t, err, "concurrency: -1 is negative")
	assert.ErrorContains(t, err, "connections per host: -2 is negative")
}

func TestAssemblyKeepsFailuresApart(t *testing.T) {
	blown := errors.New("the fuse has blown")
	for _, tt := range []struct {
		name    string
		failing []string
		lasts   time.Duration
		err     error
	}{
		{"one fails", []string{"hall"}, time.Hour, nil},
		{"all fail", []string{"hall", "attic"}, 0, blown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t)
				a := y.assemble(house)
				for _, name := range tt.failing {
					y.fail[name+"/lamp"] = blown
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				assert.ErrorIs(t, a.Run(ctx), tt.err)
				assert.Equal(t, tt.lasts, time.Since(began).Truncate(time.Minute))
			})
		})
	}
}

func TestAssemblyLimitsHowManyCommandsRun(t *testing.T) {
	for _, limit := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t)
				text := ""
				for i := range 6 {
					name := fmt.Sprintf("s%d", i)
					text += fmt.Sprintf("---\nname: %s\nlamp: {watts: 1}\n", name)
					y.opts[name] = newBackend(measureCommand)
				}
				a := y.assemble(text, func(o *servo.AssemblyOptions) { o.Concurrency, o.Stagger = limit, -1 })
				began := time.Now()
				require.NoError(t, y.run(a, func() {
					for _, b := range y.opts {
						<-b.idle
					}
					took := map[int]time.Duration{0: time.Minute, 1: 6 * time.Minute, 2: 3 * time.Minute}[limit]
					assert.Equal(t, took, time.Since(began))
				}))
			})
		})
	}
}

func TestAssemblyStaggersTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		a := y.assemble(house, func(o *servo.AssemblyOptions) { o.Stagger = time.Hour })
		require.NoError(t, y.run(a, func() { time.Sleep(time.Hour) }))
		hall, attic := y.opts["hall"].all("hello")[0].at, y.opts["attic"].all("hello")[0].at
		assert.NotEqual(t, hall, attic)
		assert.Less(t, max(hall, attic), time.Hour)
	})
}

func TestAssemblyTakesServosInAndOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		a := y.assemble(house)
		extra := newBackend()
		require.NoError(t, y.run(a, func() {
			time.Sleep(time.Second)
			require.NoError(t, a.Remove(t.Context(), "hall", "restarting"))
			assert.Equal(t, "restarting", y.opts["hall"].all("goodbye")[0].reason)
			_, ok := a.Servo("hall")
			assert.False(t, ok)
			assert.ErrorContains(t, a.Remove(t.Context(), "hall", ""), `no servo "hall"`)

			s, err := servo.New(servo.Options{Name: "cellar", Optimizer: extra})
			require.NoError(t, err)
			require.NoError(t, a.Add(s))
			assert.ErrorContains(t, a.Add(s), `a servo "cellar" already`)
			synctest.Wait()
			assert.Equal(t, []string{"hello", "next"}, extra.trace())
			assert.Len(t, a.Servos(), 2)
		}))
		assert.Equal(t, []string{"hello", "next", "goodbye"}, extra.trace())
		late, err := servo.New(servo.Options{Name: "late", Optimizer: newBackend()})
		require.NoError(t, err)
		assert.ErrorContains(t, a.Add(late), "the assembly has ended")
		assert.ErrorContains(t, a.Add(nil), "nil")
	})
}

func TestAssemblyWaitsForItsFirstServo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := servo.Assemble(nil, servo.AssemblyOptions{})
		require.NoError(t, err)
		opt := newBackend(describeCommand)
		done := make(chan error, 1)
		go func() { done <- a.Run(t.Context()) }()
		time.Sleep(time.Hour)
		s, err := servo.New(servo.Options{Name: "once", Optimizer: opt, Once: true})
		require.NoError(t, err)
		require.NoError(t, s.Use("a", newApp("a", nil)))
		require.NoError(t, a.Add(s))
		require.NoError(t, <-done, "it ends with the last servo")
		assert.Len(t, opt.all("reply"), 1)
	})
}

func TestReload(t *testing.T) {
	const before = "name: hall\nlamp: {watts: 40}\n---\nname: attic\nconnectors: {left: lamp, right: lamp}\nleft: {watts: 60}\nright: {watts: 70}\n"
	tests := []struct {
		name  string
		after string
		steps []string
		says  string
		goes  map[string][]string // what optimizers hear from then on
	}{
		{"nothing", "# the same\n" + before, nil, "", nil},
		{
			"one connector", "name: hall\nlamp: {watts: 41}\n---\nname: attic\nconnectors: {left: lamp, right: lamp}\nleft: {watts: 60}\nright: {watts: 70}\n",
			[]string{"hall/lamp off: restarting", "hall/lamp on at 41 W"}, "", nil,
		},
		{
			"connectors come and go", "name: hall\nlamp: {watts: 40}\n---\nname: attic\nconnectors: {left: lamp, far: lamp}\nleft: {watts: 60}\nfar: {watts: 80}\n",
			[]string{"attic/right off: restarting", "attic/far on at 80 W"}, "", nil,
		},
		{
			"servos come and go", "name: hall\nlamp: {watts: 40}\n---\nname: cellar\nlamp: {watts: 5}\n",
			[]string{"attic/left off: restarting", "attic/right off: restarting", "cellar/lamp on at 5 W"}, "",
			map[string][]string{"attic": {"goodbye"}, "cellar": {"hello", "next"}},
		},
		{
			"common settings", "name: hall\nsettings: {progress_interval: 5s}\nlamp: {watts: 40}\n---\nname: attic\nconnectors: {left: lamp, right: lamp}\nleft: {watts: 60}\nright: {watts: 70}\n",
			[]string{"hall/lamp off: restarting", "hall/lamp on at 40 W"}, "", map[string][]string{"hall": {"goodbye", "hello", "next"}},
		},
		{"a mistake", "name: hall\nlamp: {watts: 0}\n---\nname: cellar\nlamp: {watts: 5}\n", nil, "nothing has changed", nil},
		{
			"one that does not start", "name: hall\nlamp: {watts: 13}\n---\nname: attic\nconnectors: {left: lamp, right: lamp}\nleft: {watts: 61}\nright: {watts: 70}\n",
			[]string{
				"attic/left off: restarting", "attic/left on at 61 W",
				"hall/lamp off: restarting", "hall/lamp on at 13 W", "hall/lamp off: shutdown", "hall/lamp on at 40 W",
			}, "connector lamp keeps its previous configuration", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t)
				a := y.assemble(before)
				require.NoError(t, y.run(a, func() {
					time.Sleep(time.Second)
					y.noted()
					trace := map[string]int{}
					for name, b := range y.opts {
						trace[name] = len(b.trace())
					}
					err := a.Reload(t.Context(), y.docs(tt.after))
					synctest.Wait()
					if tt.says == "" {
						require.NoError(t, err)
					} else {
						require.ErrorContains(t, err, tt.says)
					}
					assert.ElementsMatch(t, tt.steps, y.noted())
					for name, b := range y.opts {
						assert.Equal(t, tt.goes[name], append([]string(nil), b.trace()[trace[name]:]...), name)
					}
				}))
			})
		})
	}
}

func TestReloadWaitsForTheCommandThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.opts["hall"] = newBackend(measureCommand)
		a := y.assemble("name: hall\nlamp: {watts: 40}\n")
		require.NoError(t, y.run(a, func() {
			time.Sleep(time.Second)
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, a.Reload(short, y.docs("name: hall\nlamp: {watts: 41}\n")), context.DeadlineExceeded)
			require.NoError(t, a.Reload(t.Context(), y.docs("name: hall\nlamp: {watts: 42}\n")))
			assert.Equal(t, []string{"hall/lamp on at 40 W", "lamp measures", "hall/lamp off: restarting", "hall/lamp on at 42 W"}, y.noted())
			assert.Empty(t, y.opts["hall"].all("reply")[0].result.Outcome)
		}))
	})
}

func TestAssemblyKeepsStateInAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	y := newYard(t)
	y.opts["a/b"] = newBackend(optimizer.Command{Verb: optimizer.Sleep})
	a := y.assemble("name: a/b\nlamp: {watts: 40}\n", func(o *servo.AssemblyOptions) { o.StateDir, o.Servo.Once = dir, true })
	_, err := servo.Assemble(y.docs("name: a/b\nlamp: {watts: 40}\n"), func() servo.AssemblyOptions { o := y.options(); o.StateDir = dir; return o }(), y.lamp())
	require.ErrorContains(t, err, "in use", "two servos with one journal would undo each other")
	require.NoError(t, a.Run(t.Context()))
	journalFile, recordFile := servo.StateFiles(dir, "a/b")
	assert.Equal(t, filepath.Join(dir, "a%2Fb.journal"), journalFile)
	assert.FileExists(t, journalFile)
	data, err := os.ReadFile(recordFile)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"to":"ended"`)
	// What ran has let go of its journal.
	again := y.assemble("name: a/b\nlamp: {watts: 40}\n", func(o *servo.AssemblyOptions) { o.StateDir = dir })
	require.NoError(t, again.Remove(t.Context(), "a/b", ""))
}
