package servo_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/servo"
)

// The checks of all connectors, and whether the optimizer answers, before the
// servo runs.
func ExampleServo_RunChecks() {
	s, err := servo.New(servo.Options{Name: "shop", Optimizer: newBackend()})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Use("cache", bind(func(h *connector.Host) error {
		h.Check(
			checks.Require("Port is reachable", func(context.Context) error { return nil }),
			checks.Check{Name: "Memory", Run: func(context.Context) error {
				return &checks.Error{Message: "expected 2 GiB, found 1 GiB", Hint: "raise the limit of the container"}
			}},
		)
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = s.RunChecks(context.Background(), config.Checks{Verbose: true}, os.Stdout)
	fmt.Println(errors.Is(err, checks.ErrNotReady), err)
	// Output:
	// CONNECTOR  CHECK                    ID        TAGS  STATUS    MESSAGE
	// shop       Opsani API connectivity  ffd7e219  -     √ PASSED  the optimizer answers
	// cache      Port is reachable        f0277e07  -     √ PASSED  -
	//            Memory                   9a9955b4  -     X FAILED  expected 2 GiB, found 1 GiB
	// true servo shop: running checks: not ready: 1 of 3 checks failed
}
