package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/types"
)

// A servo is killed in the middle of an adjustment, and restores on its next start
// what was in force before.
func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, path := context.Background(), filepath.Join(dir, "servo.journal")

	run := func(work func(journal.Store, journal.State) error) {
		file, err := journal.Open(journal.Options{Path: path})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer file.Close()
		state, err := file.Load(ctx)
		if err == nil {
			err = work(file, state)
		}
		if err != nil {
			fmt.Println(err)
		}
	}

	run(func(store journal.Store, _ journal.State) error {
		return store.Append(ctx, journal.Entry{
			Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1",
			Previous:    types.Adjustments{{Component: "web", Setting: "cpu", Value: types.Float(1)}},
			Adjustments: types.Adjustments{{Component: "web", Setting: "cpu", Value: types.Float(2)}},
		})
		// Here it is killed.
	})
	run(func(store journal.Store, state journal.State) error {
		fmt.Println("restoring", state.Open.Previous)
		// Here it applies and verifies them.
		return store.Append(ctx, journal.Entry{
			Kind: journal.Rollback, Verb: state.Open.Verb, UID: state.Open.UID,
			Adjustments: state.Open.Previous, Why: "the servo ended before the adjustment was verified",
		})
	})
	run(func(_ journal.Store, state journal.State) error {
		fmt.Println("open:", state.Open != nil, "in force:", state.Committed)
		return nil
	})
	// Output:
	// restoring [web.cpu=1.0]
	// open: false in force: [web.cpu=1.0]
}

// A store of another kind keeps the state alone, as JSON.
func ExampleState_After() {
	var state journal.State
	for _, e := range []journal.Entry{
		{Kind: journal.Intent, UID: "u1", Verb: optimizer.Adjust,
			Previous:    types.Adjustments{{Component: "web", Setting: "cpu", Value: types.Float(1)}},
			Adjustments: types.Adjustments{{Component: "web", Setting: "cpu", Value: types.Float(2)}}},
		{Kind: journal.Applied, UID: "u1", Verb: optimizer.Adjust},
		{Kind: journal.Commit, UID: "u1", Verb: optimizer.Adjust,
			Adjustments: types.Adjustments{{Component: "web", Setting: "cpu", Value: types.Float(2)}}},
	} {
		next, err := state.After(e)
		if err != nil {
			fmt.Println(err)
			return
		}
		state = next
	}
	data, err := json.MarshalIndent(state, "", "  ")
	fmt.Println(string(data), err)

	_, err = state.After(journal.Entry{Kind: journal.Commit, UID: "u1"})
	fmt.Println(err)
	// Output:
	// {
	//   "v": 1,
	//   "committed": {
	//     "application": {
	//       "components": {
	//         "web": {
	//           "settings": {
	//             "cpu": {
	//               "value": 2.0
	//             }
	//           }
	//         }
	//       }
	//     }
	//   },
	//   "baseline": {
	//     "application": {
	//       "components": {
	//         "web": {
	//           "settings": {
	//             "cpu": {
	//               "value": 1.0
	//             }
	//           }
	//         }
	//       }
	//     }
	//   }
	// } <nil>
	// commit entry: no intent is open
}

// A damaged journal is kept, a new one begins, and both are said.
func ExampleFile_Report() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "servo.journal")
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	file, err := journal.Open(journal.Options{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	if _, err := file.Load(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	report := file.Report()
	fmt.Println(report.Damage, report.Lost(), filepath.Base(report.Aside))
	// Output: foreign true servo.journal.corrupt-1
}
