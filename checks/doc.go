// Package checks verifies configuration and environment before, or while, a
// servo runs. A [Check] looks at one thing; [Run] runs several in order and
// stops where going on would be meaningless. Connectors contribute checks
// through their host, and a check that fails says what was expected, what was
// found and what to do next.
package checks
