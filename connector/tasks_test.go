package connector_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/repeat"
	"github.com/servokit/servokit/event"
)

func TestTasksHaveTheLifeOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := connector.NewHost(new(event.Bus), "app", nil)
		assert.Same(t, h.Tasks(), h.Tasks())
		task := func(name string) repeat.Task {
			return repeat.Task{Name: name, Every: time.Minute, Run: func(context.Context) error { return nil }}
		}
		states := func() (list []string) {
			synctest.Wait()
			for _, s := range h.Tasks().Tasks() {
				list = append(list, fmt.Sprint(s.Label, " ", s.State, " ", s.Calls))
			}
			return list
		}
		require.NoError(t, h.Tasks().Start(task("early")))
		assert.Equal(t, []string{"app:early (repeating every 1m0s) waiting 0"}, states())
		h.Start(t.Context(), func(err error) { t.Error(err) })
		require.NoError(t, h.Tasks().Start(task("late")))
		assert.Equal(t, []string{"app:early (repeating every 1m0s) pausing 1", "app:late (repeating every 1m0s) pausing 1"}, states())
		require.NoError(t, h.Stop(t.Context()))
		assert.Equal(t, []string{"app:early (repeating every 1m0s) ended 1", "app:late (repeating every 1m0s) ended 1"}, states())
		assert.ErrorContains(t, h.Tasks().Start(task("again")), `the tasks of "app" have ended`)
	})
}

func TestTasksThatAreAskedForLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := connector.NewHost(new(event.Bus), "app", nil)
		h.Start(t.Context(), func(err error) { t.Error(err) })
		n := 0
		require.NoError(t, h.Tasks().Start(repeat.Task{Every: time.Minute, Run: func(context.Context) error { n++; return nil }}))
		time.Sleep(90 * time.Second)
		require.NoError(t, h.Stop(t.Context()))
		assert.Equal(t, 2, n)
	})
	t.Run("after the stop", func(t *testing.T) {
		h := connector.NewHost(new(event.Bus), "app", nil)
		require.NoError(t, h.Stop(t.Context()))
		err := h.Tasks().Start(repeat.Task{Every: time.Minute, Run: func(context.Context) error { t.Error("must not run"); return nil }})
		assert.ErrorContains(t, err, "have ended")
	})
}

func TestATaskCanEndTheServo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := connector.NewHost(new(event.Bus), "app", nil)
		require.NoError(t, h.Tasks().Start(repeat.Task{
			Name: "vital", Every: time.Minute, OnError: repeat.EndAll, Run: func(context.Context) error { return errBoom },
		}))
		failures := make(chan error, 1)
		h.Start(t.Context(), func(err error) { failures <- err })
		err := <-failures
		assert.EqualError(t, err, `connector app: background task: the task "vital": boom`)
		assert.ErrorIs(t, err, errBoom)
		require.NoError(t, h.Stop(t.Context()))
	})
}

// What Every repeats has a name that was made up, and goes on after a panic.
func TestEveryIsATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		h := connector.NewHost(new(event.Bus), "app", slog.New(slog.NewTextHandler(&out, nil)))
		h.Every(time.Minute, func(context.Context) error { panic("no") })
		h.Start(t.Context(), func(err error) { t.Error(err) })
		time.Sleep(90 * time.Second)
		tasks := h.Tasks().Tasks()
		require.Len(t, tasks, 1)
		assert.Equal(t, "task-1", tasks[0].Name)
		assert.Equal(t, 2, tasks[0].Failures)
		require.NoError(t, h.Stop(t.Context()))
		assert.Contains(t, out.String(), `msg="repeated task failed" task=task-1 every=1m0s stack="goroutine `)
	})
	t.Run("nothing to repeat", func(t *testing.T) {
		h := connector.NewHost(new(event.Bus), "app", nil)
		h.Every(time.Minute, nil)
		assert.EqualError(t, h.Err(), `connector app: starting the task "": the function Run is missing`)
	})
}

// A connector gives a task a name and says what is to happen when it fails.
func ExampleHost_Tasks() {
	h := connector.NewHost(new(event.Bus), "app", nil) // a servo makes it
	err := h.Tasks().Start(repeat.Task{
		Name: "refresh", Every: 10 * time.Minute, Timeout: time.Minute, OnError: repeat.BackOff,
		Run: func(context.Context) error { return nil },
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range h.Tasks().Tasks() {
		fmt.Println(s.Label, s.State)
	}
	// Output:
	// app:refresh (repeating every 10m0s) waiting
}
