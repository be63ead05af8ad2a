package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Control says how an optimizer wants an operation carried out.
type Control struct {
	// Duration is how long to measure. A command that does not give one means
	// 1 s.
	Duration Duration
	// Delay is how long to wait after Duration, so that metrics are
	// aggregated before they are read.
	Delay Duration
	// Warmup is how long to run before the readings count.
	Warmup Duration
	// Settlement is how long to wait after an adjustment for the application
	// to prove itself. Nil leaves it to the connector.
	Settlement *Duration
	// Load, Userdata and Environment are passed through to the connectors
	// that understand them, as the JSON they came in.
	Load, Userdata, Environment json.RawMessage
}

// DefaultControl is the control of a command that gives none: 1 s of
// measuring, nothing else.
func DefaultControl() Control { return Control{Duration: Duration(time.Second)} }

type controlWire struct {
	Duration    json.RawMessage `json:"duration,omitempty"`
	Delay       json.RawMessage `json:"delay,omitempty"`
	Past        json.RawMessage `json:"past,omitempty"`
	Warmup      json.RawMessage `json:"warmup,omitempty"`
	Settlement  json.RawMessage `json:"settlement,omitempty"`
	Load        json.RawMessage `json:"load,omitempty"`
	Userdata    json.RawMessage `json:"userdata,omitempty"`
	Environment json.RawMessage `json:"environment,omitempty"`
}

// MarshalJSON writes what is set; durations in their text form.
func (c Control) MarshalJSON() ([]byte, error) {
	var o objectWriter
	o.raw("duration", mustJSON(c.Duration))
	if c.Delay != 0 {
		o.raw("delay", mustJSON(c.Delay))
	}
	if c.Warmup != 0 {
		o.raw("warmup", mustJSON(c.Warmup))
	}
	if c.Settlement != nil {
		o.raw("settlement", mustJSON(*c.Settlement))
	}
	for _, f := range []struct {
		name string
		raw  json.RawMessage
	}{{"load", c.Load}, {"userdata", c.Userdata}, {"environment", c.Environment}} {
		if len(f.raw) > 0 {
			if err := o.field(f.name, f.raw); err != nil {
				return nil, err
			}
		}
	}
	return o.bytes(), nil
}

func mustJSON(d Duration) []byte {
	data, _ := d.MarshalJSON() // a string always marshals
	return data
}

// UnmarshalJSON reads a control object; null is the same as {}. Numbers are
// seconds; null and "" are 0, except for settlement, where null leaves it to
// the connector and "" is refused. "past" is another name of "delay". Negative durations are refused,
// and so are past and delay that differ. All problems are reported at once.
func (c *Control) UnmarshalJSON(data []byte) error {
	var w controlWire
	if err := decodeObject(data, &w); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	var errs []error
	read := func(name string, raw json.RawMessage) Duration {
		var d Duration
		if missing(raw) || string(raw) == `""` && name != "settlement" {
			return 0
		}
		if err := d.UnmarshalJSON(raw); err != nil {
			errs = append(errs, fmt.Errorf("control.%s: %w", name, err))
		} else if d < 0 {
			errs = append(errs, fmt.Errorf("control.%s: %s is negative", name, d))
		}
		return d
	}
	r := Control{Load: notNull(w.Load), Userdata: notNull(w.Userdata), Environment: notNull(w.Environment)}
	r.Duration = DefaultControl().Duration
	if len(w.Duration) > 0 {
		r.Duration = read("duration", w.Duration)
	}
	r.Warmup = read("warmup", w.Warmup)
	before := len(errs)
	r.Delay = read("delay", w.Delay)
	if len(w.Past) > 0 {
		past := read("past", w.Past)
		if len(w.Delay) > 0 && past != r.Delay && len(errs) == before {
			errs = append(errs, errors.New("control: past and delay attributes must be equal"))
		}
		r.Delay = past
	}
	if !missing(w.Settlement) {
		s := read("settlement", w.Settlement)
		r.Settlement = &s
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*c = r
	return nil
}

func notNull(raw json.RawMessage) json.RawMessage {
	if missing(raw) {
		return nil
	}
	return raw
}
