//go:build race

package event_test

// instrumentation is what the race detector adds to the allocations of a dispatch.
const instrumentation = 1
