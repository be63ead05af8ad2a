package types_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func outcome(o types.Outcome, reason string) *types.OutcomeError {
	return &types.OutcomeError{Outcome: o, Reason: reason, Err: errors.New(reason)}
}

func TestTopOutcome(t *testing.T) {
	plain := errors.New("plain")
	failed, rejected := outcome(types.Failed, "f"), outcome(types.Rejected, "r")
	aborted, cancelled := outcome(types.Aborted, "a"), outcome(types.Cancelled, "c")
	for _, tt := range []struct {
		name string
		err  error
		want *types.OutcomeError
	}{
		{"nil", nil, nil},
		{"plain", plain, nil},
		{"plain joined and wrapped", fmt.Errorf("x: %w", errors.Join(plain, context.Canceled)), nil},
		{"itself", failed, failed},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", rejected)), rejected},
		{"after a plain one", errors.Join(plain, failed), failed},
		{"rejected above failed", errors.Join(failed, rejected), rejected},
		{"aborted above rejected", errors.Join(rejected, aborted, failed), aborted},
		{"failed above cancelled", errors.Join(cancelled, failed), failed},
		{"cancelled above none", errors.Join(plain, cancelled), cancelled},
		{"the first of equals", errors.Join(outcome(types.Cancelled, "z"), failed, outcome(types.Failed, "later")), failed},
		{"depth first", errors.Join(fmt.Errorf("x: %w", errors.Join(plain, failed)), outcome(types.Failed, "later")), failed},
		{"nested joins", errors.Join(errors.Join(failed, errors.Join(cancelled, aborted)), rejected), aborted},
		{"several wrapped at once", fmt.Errorf("%w and %w", failed, aborted), aborted},
		{"cancelled context beside the real error", errors.Join(context.Canceled, rejected, context.DeadlineExceeded), rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := types.TopOutcome(tt.err)
			assert.Equal(t, tt.want != nil, ok)
			assert.Same(t, tt.want, got)
		})
	}
}

// Whoever wrapped an outcome in another has decided how to report it.
func TestTopOutcomeTakesTheOuterOne(t *testing.T) {
	outer := &types.OutcomeError{Outcome: types.Failed, Err: outcome(types.Aborted, "slo-violation")}
	got, ok := types.TopOutcome(fmt.Errorf("x: %w", outer))
	require.True(t, ok)
	assert.Same(t, outer, got)
}

func TestOutcomeError(t *testing.T) {
	cause := errors.New("no memory")
	for _, tt := range []struct {
		err  *types.OutcomeError
		want string
	}{
		{&types.OutcomeError{Outcome: types.Rejected, Reason: types.ReasonUnstable, Err: cause}, "no memory"},
		{&types.OutcomeError{Outcome: types.Rejected, Reason: types.ReasonUnstable}, "rejected: unstable"},
		{&types.OutcomeError{Outcome: types.Rejected}, "rejected"},
	} {
		assert.EqualError(t, tt.err, tt.want)
	}
	err := fmt.Errorf("adjusting: %w", &types.OutcomeError{Outcome: types.Failed, Err: cause})
	require.ErrorIs(t, err, cause)
	var o *types.OutcomeError
	require.ErrorAs(t, err, &o)
	assert.Equal(t, types.Failed, o.Outcome)
}

// The order that the optimizer protocol gives: every outcome hides those before
// it, whichever comes first.
func TestTopOutcomePriorities(t *testing.T) {
	op := func(o types.Operation) *types.OutcomeError {
		return &types.OutcomeError{Outcome: types.Failed, Operation: o, Err: errors.New(string(o))}
	}
	sibling := &types.OutcomeError{Outcome: types.Failed, Operation: types.Adjusting, Err: fmt.Errorf("asking: %w", context.Canceled)}
	ranks := [][]*types.OutcomeError{
		{sibling},
		{outcome(types.Cancelled, "c"), {Outcome: "other"}},
		{op(types.Measuring), outcome(types.Failed, "f"), {Outcome: types.Failed, Err: context.DeadlineExceeded}},
		{op(types.Adjusting)},
		{outcome(types.Rejected, "r"), {Outcome: types.Rejected, Err: context.Canceled}},
		{outcome(types.Aborted, "a")},
	}
	for i, lower := range ranks {
		for j, higher := range ranks {
			for _, a := range lower {
				for _, b := range higher {
					want := a // the first of equals
					if j > i {
						want = b
					}
					got, ok := types.TopOutcome(errors.Join(context.Canceled, a, fmt.Errorf("peer: %w", b)))
					require.True(t, ok)
					if j >= i {
						assert.Same(t, want, got, "%v and %v", a, b)
					}
				}
			}
		}
	}
}
