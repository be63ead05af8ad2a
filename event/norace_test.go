//go:build !race

package event_test

const instrumentation = 0
