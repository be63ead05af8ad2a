package repeat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector/repeat"
)

func nothing(context.Context) error { return nil }

func TestStartNamesEverythingWrong(t *testing.T) {
	g := repeat.New(repeat.Options{Owner: "app"})
	err := g.Start(repeat.Task{Name: "bad", Every: -time.Second, Timeout: -1, MaxPause: -1, Overrun: 9, OnError: 9})
	assert.EqualError(t, err, `starting the task "bad": cannot repeat every -1s: the interval must be positive
the function Run is missing
the timeout -1ns is negative
the longest pause -1ns is negative
overrun: expected late, skip or fail, found unknown (9)
on error: expected continue, back-off, end or end-all, found unknown (9)`)
	assert.ErrorContains(t, g.Start(repeat.Task{Run: nothing}), "cannot repeat every 0s")
	assert.Empty(t, g.Tasks())
}

func TestNames(t *testing.T) {
	g := repeat.New(repeat.Options{Owner: "app"})
	every := func(name string) error {
		return g.Start(repeat.Task{Name: name, Every: 90 * time.Second, Run: nothing})
	}
	require.NoError(t, every("task-1"))
	require.NoError(t, every(""))
	require.NoError(t, every(""))
	assert.EqualError(t, every("task-1"), `starting the task "task-1": a task of that name is waiting`)
	var labels []string
	for _, s := range g.Tasks() {
		assert.Equal(t, repeat.Waiting, s.State)
		assert.Equal(t, 90*time.Second, s.Every)
		assert.Zero(t, s.Began)
		labels = append(labels, s.Label)
	}
	assert.Equal(t, []string{
		"app:task-1 (repeating every 1m30s)", "app:task-2 (repeating every 1m30s)", "app:task-3 (repeating every 1m30s)",
	}, labels)
	require.NoError(t, g.Stop(t.Context()))
}

func TestStatesOfATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{Owner: "app"})
		release := make(chan struct{})
		task := repeat.Task{Name: "poll", Every: time.Minute, Run: func(context.Context) error { <-release; return nil }}
		require.NoError(t, g.Start(task))
		ctx, cancel := context.WithCancel(t.Context())
		finished := make(chan error)
		go func() { finished <- g.Run(ctx) }()
		expect := func(s repeat.State, calls int) {
			t.Helper()
			synctest.Wait()
			require.Len(t, g.Tasks(), 1)
			assert.Equal(t, s, g.Tasks()[0].State)
			assert.Equal(t, calls, g.Tasks()[0].Calls)
		}
		began := time.Now()
		expect(repeat.Running, 1)
		assert.Equal(t, began, g.Tasks()[0].Began)
		release <- struct{}{}
		expect(repeat.Pausing, 1)
		time.Sleep(time.Minute)
		expect(repeat.Running, 2)

		short, end := context.WithTimeout(t.Context(), time.Second)
		err := g.Stop(short, "poll")
		end()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, `stopping the task "poll": it has not ended: context deadline exceeded`)
		expect(repeat.Stopping, 2)
		assert.EqualError(t, g.Start(task), `starting the task "poll": a task of that name is stopping`)
		close(release)
		require.NoError(t, g.Stop(t.Context(), "poll"))
		expect(repeat.Ended, 2)
		require.NoError(t, g.Stop(t.Context(), "poll"), "it has ended already")

		require.NoError(t, g.Start(task), "the name is free again")
		expect(repeat.Pausing, 1)
		cancel()
		require.NoError(t, <-finished)
		expect(repeat.Ended, 1)
	})
}

func TestStop(t *testing.T) {
	for name, tt := range map[string]struct {
		names []string
		left  []string
		says  string
	}{
		"all":           {nil, nil, ""},
		"one":           {[]string{"a"}, []string{"b", "c"}, ""},
		"two":           {[]string{"c", "a"}, []string{"b"}, ""},
		"an unknown":    {[]string{"x", "b", "y"}, []string{"a", "c"}, `stopping: no task named "x", "y", there are "a", "b", "c"`},
		"none of these": {[]string{""}, []string{"a", "b", "c"}, `stopping: no task named "", there are "a", "b", "c"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := repeat.New(repeat.Options{})
				for _, name := range []string{"a", "b", "c"} {
					require.NoError(t, g.Start(repeat.Task{Name: name, Every: time.Minute, Run: func(ctx context.Context) error {
						<-ctx.Done()
						return context.Cause(ctx)
					}}))
				}
				ctx, cancel := context.WithCancel(t.Context())
				finished := make(chan error)
				go func() { finished <- g.Run(ctx) }()
				synctest.Wait()
				err := g.Stop(t.Context(), tt.names...)
				if tt.says == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, tt.says)
				}
				var left []string
				for _, s := range g.Tasks() {
					assert.NoError(t, s.Err, "the end is no failure")
					if s.State != repeat.Ended {
						left = append(left, s.Name)
					}
				}
				assert.Equal(t, tt.left, left)
				cancel()
				require.NoError(t, <-finished)
			})
		})
	}
	t.Run("without tasks", func(t *testing.T) {
		g := repeat.New(repeat.Options{})
		assert.NoError(t, g.Stop(t.Context()))
		assert.EqualError(t, g.Stop(t.Context(), "a"), `stopping: no task named "a", there are (none)`)
	})
	t.Run("tells the task", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := repeat.New(repeat.Options{})
			require.NoError(t, g.Start(repeat.Task{Name: "a", Every: time.Minute, Run: func(ctx context.Context) error {
				<-ctx.Done()
				assert.ErrorIs(t, context.Cause(ctx), repeat.ErrStopped)
				return nil
			}}))
			ctx, cancel := context.WithCancel(t.Context())
			finished := make(chan error)
			go func() { finished <- g.Run(ctx) }()
			synctest.Wait()
			require.NoError(t, g.Stop(t.Context(), "a"))
			cancel()
			require.NoError(t, <-finished)
		})
	})
	t.Run("by the task itself", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := repeat.New(repeat.Options{})
			require.NoError(t, g.Start(repeat.Task{Name: "a", Every: time.Minute, Run: func(ctx context.Context) error {
				return g.Stop(ctx, "a")
			}}))
			require.NoError(t, run(t, g, time.Hour))
			assert.Equal(t, 1, g.Tasks()[0].Calls)
			assert.Zero(t, g.Tasks()[0].Failures)
		})
	})
	t.Run("before it begins", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := repeat.New(repeat.Options{})
			never := repeat.Task{Name: "a", Every: time.Minute, Run: func(context.Context) error { t.Error("must not run"); return nil }}
			require.NoError(t, g.Start(never))
			require.NoError(t, g.Stop(t.Context(), "a"))
			require.NoError(t, run(t, g, time.Hour))
		})
	})
}

func TestAGroupRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{Owner: "app"})
		require.NoError(t, run(t, g, time.Second))
		assert.EqualError(t, g.Run(t.Context()), `running the tasks of "app": they have been run already`)
		assert.EqualError(t, g.Start(repeat.Task{Name: "a", Every: time.Second, Run: nothing}), `starting the task "a": the tasks of "app" have ended`)
	})
}

func TestRunWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{})
		returned := false
		require.NoError(t, g.Start(repeat.Task{Every: time.Second, Run: func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Minute)
			returned = true
			return nil
		}}))
		require.NoError(t, run(t, g, time.Second))
		assert.True(t, returned)
	})
}

func TestNamesOfPolicies(t *testing.T) {
	assert.Equal(t, "late skip fail", repeat.Late.String()+" "+repeat.Skip.String()+" "+repeat.Fail.String())
	assert.Equal(t, "continue back-off end end-all", repeat.Continue.String()+" "+repeat.BackOff.String()+" "+repeat.End.String()+" "+repeat.EndAll.String())
	assert.Equal(t, "unknown (7)", repeat.State(7).String())
}
