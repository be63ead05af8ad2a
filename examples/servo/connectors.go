package main

import (
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/connector/vegeta"
)

// connectors are the kinds that this program has. Add yours.
var connectors = []connector.Definition{
	emulator.Definition,
	process.Definition,
	vegeta.Definition,
}

// model describes the configuration of the whole program.
func model() config.Model {
	var m config.Model
	for _, d := range connectors {
		m.Kinds = append(m.Kinds, d.Kind())
	}
	return m
}
