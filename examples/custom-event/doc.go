// Custom-event shows an event of one's own between two connectors: one
// dispatches it, the other answers it, with an around function, a before hook
// and an after hook.
package main
