package journaltest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
)

// The machine goes down at the second sync of the journal: the entry may be there
// or not, but never half of it.
func ExampleDisk() {
	ctx := context.Background()
	survived := 0
	for seed := range uint64(100) {
		disk := journaltest.NewDisk(seed)
		file, err := journal.Open(journal.Options{Path: "state/journal", FS: disk})
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := file.Load(ctx); err != nil {
			fmt.Println(err)
			return
		}
		disk.Before(func(op journaltest.Op) error {
			if op.Kind == journaltest.OpSync {
				disk.Crash()
			}
			return nil
		})
		err = file.Append(ctx, journal.Entry{Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1"})
		if !errors.Is(err, journaltest.ErrCrashed) {
			fmt.Println("not down:", err)
			return
		}

		disk.Restart()
		disk.Before(nil)
		file, err = journal.Open(journal.Options{Path: "state/journal", FS: disk})
		if err != nil {
			fmt.Println(err)
			return
		}
		state, err := file.Load(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		if state.Open != nil {
			survived++
		}
		_ = file.Close()
	}
	fmt.Println(survived > 0, survived < 100)
	// Output: true true
}
