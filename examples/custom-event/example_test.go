package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// adjust to v2
	//   lock database
	//   save before app.version=v2
	//   unlock database
	//   saved before app.version=v2: 3 rows by database
	// adjusted to v2
	// adjust to v3
	// rejected (no-backup): before:backup hook of database: event cancelled: there is nothing to save
}
