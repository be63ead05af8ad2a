package queries_test

import (
	"fmt"

	"github.com/servokit/servokit/examples/quickstart/queries"
)

// A load generator turns the mix into requests, in order, and starts again at
// the top when it has sent them all.
func ExampleMix() {
	for _, query := range queries.Mix(1, 3) {
		fmt.Println(query)
	}
	// Output:
	// bufio scanner parse invalid input
	// process signal close
	// chunked encoding parse invalid input
}
