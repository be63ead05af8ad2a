package types

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Adjustment asks for one setting of one component to take a value.
type Adjustment struct {
	Component string
	Setting   string
	Value     Value
}

// Selector returns "component.setting".
func (a Adjustment) Selector() string { return a.Component + "." + a.Setting }

// String returns "component.setting=value".
func (a Adjustment) String() string { return a.Selector() + "=" + a.Value.String() }

// Adjustments is what one ADJUST command asks for, in document order.
type Adjustments []Adjustment

type stateWire struct {
	Application json.RawMessage `json:"application"`
}

// MarshalJSON writes the state object of an ADJUST command:
// {"application":{"components":{…}}}. Of two values for one setting the later
// one counts.
func (as Adjustments) MarshalJSON() ([]byte, error) {
	var order []string
	settings := make(map[string]*objectWriter)
	// Not by selector: "a.b" of "c" and "b.c" of "a" are two settings.
	type target struct{ component, setting string }
	for _, a := range dedupe(as, func(a Adjustment) target { return target{a.Component, a.Setting} }) {
		if settings[a.Component] == nil {
			settings[a.Component] = new(objectWriter)
			order = append(order, a.Component)
		}
		if err := settings[a.Component].field(a.Setting, map[string]Value{"value": a.Value}); err != nil {
			return nil, err
		}
	}
	var components objectWriter
	for _, name := range order {
		if err := components.field(name, componentWire{settings[name].bytes()}); err != nil {
			return nil, err
		}
	}
	return fmt.Appendf(nil, `{"application":{"components":%s}}`, components.bytes()), nil
}

// UnmarshalJSON reads the state object of an ADJUST command in document order.
// All problems are reported at once, each with its path: a missing application,
// components, settings or value, and a value that is null.
func (as *Adjustments) UnmarshalJSON(data []byte) error {
	var w stateWire
	if err := decodeObject(data, &w); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if missing(w.Application) {
		return errors.New("state.application.components: required")
	}
	var application struct {
		Components json.RawMessage `json:"components"`
	}
	if err := decodeObject(w.Application, &application); err != nil {
		return fmt.Errorf("state.application: %w", err)
	}
	if missing(application.Components) {
		return errors.New("state.application.components: required")
	}
	var read Adjustments
	var errs []error
	err := eachField(application.Components, func(component string, raw json.RawMessage) error {
		path := "state.application.components." + component
		var c componentWire
		if err := decodeObject(raw, &c); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			return nil
		}
		if missing(c.Settings) {
			errs = append(errs, fmt.Errorf("%s.settings: required", path))
			return nil
		}
		err := eachField(c.Settings, func(setting string, raw json.RawMessage) error {
			var v struct {
				Value Value `json:"value"`
			}
			err := object(raw)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s.settings.%s: %w", path, setting, err))
				return nil
			}
			err = json.Unmarshal(raw, &v)
			if err == nil && !v.Value.IsSet() {
				err = errors.New("required: a number or a string")
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s.settings.%s.value: %w", path, setting, err))
				return nil
			}
			read = append(read, Adjustment{Component: component, Setting: setting, Value: v.Value})
			return nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.settings: %w", path, err))
		}
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("state.application.components: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*as = read
	return nil
}
