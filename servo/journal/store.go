package journal

import (
	"context"
	"errors"
)

// Store keeps a journal for one servo. [File] is one; write another for a place
// where a servo has no disk that outlives it. A servo calls one method at a time.
type Store interface {
	// Load returns the state that the journal amounts to. It is called once,
	// before anything else. After an error the servo must not change anything.
	Load(ctx context.Context) (State, error)
	// Append adds an entry. When it returns nil the entry survives a crash of
	// the servo and of the machine. On an error nothing of it counts: what it
	// announces must not be done, and the same entry may be tried again; unless
	// the error wraps [ErrInDoubt]. A context that has ended is an error before
	// anything is written; append what must be recorded after a cancellation
	// under a context of its own.
	Append(ctx context.Context, e Entry) error
	// Close gives up the journal, so that another process may open it. It is
	// safe to call twice; any later call of another method is an error.
	Close() error
}

// ErrInDoubt is wrapped by the error of an Append that has failed and whose entry
// may be there all the same when the journal is loaded again, because it could not
// be undone. Do nothing then that would be wrong if it is. Match it with
// [errors.Is].
var ErrInDoubt = errors.New("the entry may be there all the same")
