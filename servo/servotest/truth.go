package servotest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/servokit/servokit/types"
)

// state is the values of settings by selector, in a form that compares.
type state map[string]string

func valueText(v types.Value) string {
	if f, ok := v.Float64(); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return v.String()
}

func stateOf(components []types.Component) state {
	s := state{}
	for _, c := range components {
		for _, setting := range c.Settings {
			if setting.Value.IsSet() {
				s[c.Name+"."+setting.Name] = valueText(setting.Value)
			}
		}
	}
	return s
}

// with returns a copy in which adjustments are in force.
func (s state) with(as types.Adjustments) state {
	next := maps.Clone(s)
	for _, a := range as {
		next[a.Selector()] = valueText(a.Value)
	}
	return next
}

// unlike lists the settings that are known in both and differ, "" when none does.
func (s state) unlike(want state) string {
	var odd []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if value, ok := want[name]; ok && value != s[name] {
			odd = append(odd, name+" is "+s[name]+" and not "+value)
		}
	}
	return strings.Join(odd, ", ")
}

// truth is what the application should be like, worked out from the commands of
// the optimizer and the moments at which the journal has taken an entry, not
// from what the servo says of values. The lock of the world is held.
type truth struct {
	baseline  state
	committed state
	// maybe is a state whose commit was being written when a life ended or the
	// disk failed: the next life may find it committed or not.
	maybe state
	// calls counts the adjustments of each application since the last intent;
	// hindered says that one behind the first, or looking, or the journal, has
	// failed, so that the servo could not settle what it began.
	calls    map[string]int
	hindered bool
	// executed and kept are of commands by uid: the answer is in the journal.
	kept map[string]bool
	sent map[string]string // the first body of an answer that is kept
}
