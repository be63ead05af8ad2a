package checks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

type fragile struct{ text string }

func (f *fragile) Error() string { return f.text }

type raging struct{}

func (raging) Error() string { panic("no text today") }

// wrapping has a text, and what it wraps has none.
type wrapping struct{ err error }

func (wrapping) Error() string   { return "wrapped" }
func (w wrapping) Unwrap() error { return w.err }

func TestAnErrorThatCannotBeReadIsAFailure(t *testing.T) {
	var advice *checks.Error
	var custom *fragile
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"nil advice":           {advice, "a nil *checks.Error in the place of an error"},
		"wrapped nil advice":   {wrapping{advice}, "wrapped"},
		"formatted nil advice": {fmt.Errorf("asking: %w", advice), "asking: a nil *checks.Error in the place of an error"},
		"nil of another type":  {custom, "a nil *checks_test.fragile in the place of an error: expected a plain nil"},
		"joined nil":           {errors.Join(errBoom, custom), "that cannot be read: its methods panicked"},
		"panicking text":       {raging{}, "an error of type checks_test.raging that cannot be read: its methods panicked: no text today"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []checks.Entry{
				checks.Check{Name: "up", Hint: "look", Run: func(context.Context) error { return tt.err }},
				checks.Check{Name: "up", Hint: "look", Report: func(context.Context) (string, error) { return "fine", tt.err }},
				checks.EachFunc(checks.Check{Name: "up", Hint: "look"}, func(context.Context) ([]int, error) { return nil, tt.err }, nil),
			} {
				r := one(t, c)
				assert.False(t, r.Success())
				assert.Contains(t, r.Message, tt.want)
				assert.Equal(t, "look", r.Hint)
			}
		})
	}
}

func TestNilEntriesAreLeftOut(t *testing.T) {
	var suite *checks.Suite
	var check *checks.Check
	results, err := checks.Run(t.Context(), nil, suite, check, checks.Warn("up", pass), checks.New(nil, nil, suite))
	require.NoError(t, err)
	assert.Equal(t, []string{"up"}, names(results))

	results, err = checks.Run(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, results)

	results, err = suite.Run(t.Context(), checks.Request{Filter: checks.Filter{Name: checks.AnyOf("up")}})
	require.NoError(t, err)
	assert.Empty(t, results)

	_, err = suite.RunOne(t.Context(), "up", checks.Request{})
	assert.ErrorContains(t, err, "there are no checks")
}
