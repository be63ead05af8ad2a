package main

import (
	"context"
	"fmt"
)

// Sources are cut into declarations, and the ones that fit a query best come
// first.
func Example() {
	ctx := context.Background()
	x, err := buildIndex(ctx, []source{
		{"io/io.go", "// ReadAll reads from r until an error or EOF and returns the data it read.\nfunc ReadAll(r Reader) ([]byte, error) {\n\treturn nil, nil\n}\n"},
		{"os/file.go", "// ReadFile reads the named file and returns the contents.\nfunc ReadFile(name string) ([]byte, error) {\n\treturn nil, nil\n}\n"},
		{"time/sleep.go", "// Sleep pauses the current goroutine.\nfunc Sleep(d Duration) {\n}\n"},
	}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := x.search(ctx, "read a file", queryTerms("read a file"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range found.Hits {
		fmt.Println(h.File, h.Title)
	}
	// Output:
	// os/file.go func ReadFile(name string) ([]byte, error) {
	// io/io.go func ReadAll(r Reader) ([]byte, error) {
}
