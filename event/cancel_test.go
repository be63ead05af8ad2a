package event_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

func TestCancel(t *testing.T) {
	for _, sources := range []int{1, 3} {
		for _, at := range []event.Preposition{event.Before, event.On, event.After} {
			for name, opts := range map[string][]event.DispatchOption{"plain": nil, "collecting": {event.CollectErrors()}} {
				t.Run(fmt.Sprintf("%s of %d %s", at, sources, name), func(t *testing.T) {
					e := event.New[string, string]("adjust")
					b := new(event.Bus)
					j := new(journal)
					register(e, b.Scope("guard"), at, func(context.Context) error { return event.Cancel("freeze") })
					for i := 1; i < sources; i++ {
						register(e, b.Scope("peer"+strconv.Itoa(i)), at, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
					}
					for p := at << 1; p <= event.After; p <<= 1 {
						register(e, b.Scope("later"+p.String()), p, func(context.Context) error { j.add(p.String()); return nil })
					}
					results, err := e.Dispatch(t.Context(), b, "", opts...)
					require.ErrorIs(t, err, event.ErrCancelled)
					assert.Nil(t, results)
					h := hookError(t, err)
					assert.Equal(t, "guard", h.Source)
					assert.Equal(t, at, h.Preposition)
					assert.Contains(t, err.Error(), "hook of guard: event cancelled: freeze")
					assert.Empty(t, j.all(), "later phases are skipped")
				})
			}
		}
	}
}

func TestCancelWithoutReason(t *testing.T) {
	err := event.Cancel("")
	require.EqualError(t, err, "event cancelled")
	assert.ErrorIs(t, err, event.ErrCancelled)
}

// The other errors of the phase are kept, whichever came first.
func TestCancelBesideOtherErrors(t *testing.T) {
	for _, first := range []string{"cancel", "error"} {
		t.Run(first+" first", func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			outcome := map[string]error{"cancel": event.Cancel("freeze"), "error": errBoom}
			waiting := make(chan struct{})
			for name, err := range outcome {
				e.Before(b.Scope(name), func(ctx context.Context, _ string) error {
					if name == first {
						<-waiting
					} else {
						close(waiting)
						<-ctx.Done()
					}
					return err
				})
			}
			_, err := e.Dispatch(t.Context(), b, "")
			require.ErrorIs(t, err, event.ErrCancelled)
			require.ErrorIs(t, err, errBoom)
			assert.Equal(t, "cancel", hookError(t, err).Source, "the cancellation comes first")
		})
	}
}

func TestCancelOfANestedDispatch(t *testing.T) {
	inner, outer := event.New[string, string]("adjust"), event.New[string, string]("promote")
	b := new(event.Bus)
	inner.Before(b.Scope("guard"), func(context.Context, string) error { return event.Cancel("freeze") })
	outer.On(b.Scope("outer"), func(ctx context.Context, in string) (string, error) {
		_, err := inner.Dispatch(ctx, b, in)
		return "", err
	})
	_, err := outer.Dispatch(t.Context(), b, "")
	require.ErrorIs(t, err, event.ErrCancelled)
	assert.EqualError(t, err, "promote hook of outer: before:adjust hook of guard: event cancelled: freeze")
}

func TestNestedDispatchUnwindsWithItsHook(t *testing.T) {
	inner, outer := event.New[string, string]("measure"), event.New[string, string]("adjust")
	b := new(event.Bus)
	a := b.Scope("a")
	waiting := make(chan struct{})
	inner.On(a, func(ctx context.Context, in string) (string, error) { close(waiting); return untilEnd(ctx, in) })
	outer.On(a, func(ctx context.Context, in string) (string, error) {
		_, err := inner.Dispatch(ctx, b, in)
		assert.Equal(t, event.ErrPeerFailed, err)
		return "", err
	})
	outer.On(b.Scope("b"), func(context.Context, string) (string, error) { <-waiting; return "", errBoom })
	_, err := outer.Dispatch(t.Context(), b, "")
	assert.EqualError(t, err, "adjust hook of b: boom")
}

func TestCallersContext(t *testing.T) {
	errStop := errors.New("stop requested")

	t.Run("already ended", func(t *testing.T) {
		e := event.New[string, string]("adjust")
		b := new(event.Bus)
		j := new(journal)
		witness(e, b.Scope("a"), j)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errStop)
		results, err := e.Dispatch(ctx, b, "")
		assert.Equal(t, errStop, err)
		assert.Nil(t, results)
		assert.Empty(t, j.all())
	})

	for _, sources := range []int{1, 3} {
		for _, at := range []event.Preposition{event.Before, event.On, event.After} {
			for name, opts := range map[string][]event.DispatchOption{"plain": nil, "collecting": {event.CollectErrors()}} {
				t.Run(fmt.Sprintf("ends during %s of %d %s", at, sources, name), func(t *testing.T) {
					e := event.New[string, string]("adjust")
					b := new(event.Bus)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					for i := range sources {
						register(e, b.Scope("s"+strconv.Itoa(i)), at, func(ctx context.Context) error {
							cancel(errStop)
							<-ctx.Done()
							assert.Equal(t, errStop, context.Cause(ctx))
							return fmt.Errorf("waiting: %w", ctx.Err())
						})
					}
					results, err := e.Dispatch(ctx, b, "", opts...)
					assert.Equal(t, errStop, err, "the cause itself, and no result")
					assert.Nil(t, results)
				})
			}
		}
		t.Run(fmt.Sprintf("later hooks of %d stay out", sources), func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			j := new(journal)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			for i := range sources {
				s := b.Scope("s" + strconv.Itoa(i))
				e.On(s, func(context.Context, string) (string, error) { cancel(errStop); return "ignored it", nil })
				e.On(s, j.answer("second"))
				e.After(s, func(context.Context, string, []event.Result[string]) error { j.add("after"); return nil })
			}
			_, err := e.Dispatch(ctx, b, "")
			assert.Equal(t, errStop, err)
			assert.Empty(t, j.all())
		})
	}

	t.Run("sequential sources stay out", func(t *testing.T) {
		e := event.NewSequential[string, string]("startup")
		b := new(event.Bus)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		e.On(b.Scope("a"), func(context.Context, string) (string, error) { cancel(errStop); return "", nil })
		e.On(b.Scope("b"), func(context.Context, string) (string, error) { t.Error("ran"); return "", nil })
		_, err := e.Dispatch(ctx, b, "", event.CollectErrors())
		assert.Equal(t, errStop, err)
	})

	t.Run("ends between phases", func(t *testing.T) {
		e := event.New[string, string]("adjust")
		b := new(event.Bus)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		s := b.Scope("a")
		e.On(s, func(context.Context, string) (string, error) { cancel(errStop); return "done", nil })
		e.After(s, func(context.Context, string, []event.Result[string]) error { t.Error("ran"); return nil })
		_, err := e.Dispatch(ctx, b, "")
		assert.Equal(t, errStop, err)
	})

	t.Run("ends in a before hook that does not care", func(t *testing.T) {
		for _, sources := range []int{1, 2} {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			e.Before(b.Scope("guard"), func(context.Context, string) error { cancel(errStop); return nil })
			for i := range sources {
				e.On(b.Scope("s"+strconv.Itoa(i)), func(context.Context, string) (string, error) { t.Error("ran"); return "", nil })
			}
			_, err := e.Dispatch(ctx, b, "")
			assert.Equal(t, errStop, err)
		}
	})

	t.Run("deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			e.On(b.Scope("a"), untilEnd)
			e.On(b.Scope("b"), untilEnd)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := e.Dispatch(ctx, b, "")
			assert.Equal(t, context.DeadlineExceeded, err)
		})
	})

	t.Run("a failure while unwinding is kept", func(t *testing.T) {
		for _, sources := range []int{1, 2} {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			e.On(b.Scope("a"), func(ctx context.Context, _ string) (string, error) {
				cancel(errStop)
				<-ctx.Done()
				return "", errBoom
			})
			if sources == 2 {
				e.On(b.Scope("b"), untilEnd)
			}
			_, err := e.Dispatch(ctx, b, "")
			require.ErrorIs(t, err, errStop)
			require.ErrorIs(t, err, errBoom)
			assert.Equal(t, "a", hookError(t, err).Source)
		}
	})
}

// hollow joins nothing, so it says more than that the context has ended.
type hollow struct{}

func (hollow) Error() string   { return "hollow" }
func (hollow) Unwrap() []error { return nil }

func TestAnErrorThatJoinsNothingIsKept(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	ctx, cancel := context.WithCancelCause(t.Context())
	e.On(b.Scope("a"), func(context.Context, string) (string, error) {
		cancel(errBoom)
		return "", hollow{}
	})
	_, err := e.Dispatch(ctx, b, "in")
	require.ErrorIs(t, err, errBoom)
	assert.ErrorIs(t, err, hollow{})
}
