//go:build unix

package subprocess_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/servokit/servokit/internal/subprocess"
)

func ExampleCommand_Run() {
	result, err := subprocess.Command{Args: []string{"printf", `%s\n`, "one", "two"}}.Run(context.Background())
	fmt.Println(result.Code, result.Stdout, err)
	// Output: 0 [one two] <nil>
}

func ExampleCommand_Stream() {
	c := subprocess.Shell("echo working; exec sleep 60")
	c.Label, c.Timeout = "the long job", 200*time.Millisecond
	_, err := c.Stream(context.Background(), func(line subprocess.Line) error {
		fmt.Println(line.Stream, line.Text)
		return nil
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// stdout working
	// running the long job: no end after 200ms: context deadline exceeded
	// true
}

func ExampleCommand_All() {
	for line, err := range subprocess.Shell("echo a; echo b; exit 2").All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(line.Text)
	}
	// Output:
	// a
	// b
	// echo a; echo b; exit 2: exit status 2
}
