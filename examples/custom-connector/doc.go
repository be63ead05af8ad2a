// Custom-connector shows a connector of a third party: a metric source that
// polls a JSON endpoint. The connector is in queue.go, in under 70 lines; main
// runs it in a servo.
package main
