package english_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/internal/english"
)

func TestSeries(t *testing.T) {
	for n, want := range []struct{ plain, oxford string }{
		{"", ""}, {"a", "a"}, {"a and b", "a and b"}, {"a, b and c", "a, b, and c"}, {"a, b, c and d", "a, b, c, and d"},
	} {
		items := []string{"a", "b", "c", "d"}[:n]
		assert.Equal(t, want.plain, english.Series(items, "and", false))
		assert.Equal(t, want.oxford, english.Series(items, "and", true))
		assert.Equal(t, want.plain, english.And(items...))
	}
}

func Example() {
	fmt.Println(english.Or("http", "json"))
	fmt.Println(english.Quoted("slow", "fast", ""))
	fmt.Println(english.Series([]string{"Vegeta", "Prometheus", "Kubernetes"}, "and", true))
	// Output:
	// http or json
	// "slow", "fast" or ""
	// Vegeta, Prometheus, and Kubernetes
}
