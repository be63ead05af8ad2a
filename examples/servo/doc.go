// Servo is a program with connectors of this module inside: a configuration
// file says which of them are active and which optimizer they work for.
//
//	go run ./examples/servo --config-file examples/servo/servo.yaml run
//
// Several documents in the file are several servos in one process. Write a main
// like this one to have a servo with connectors of your own; the list is in
// connectors.go.
package main
