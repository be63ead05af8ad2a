package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Component is a part of an application that has settings, such as a container
// or a process.
type Component struct {
	Name     string
	Settings []Setting
}

// Setting returns the setting of that name.
func (c Component) Setting(name string) (Setting, bool) {
	for _, s := range c.Settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

type componentWire struct {
	Settings json.RawMessage `json:"settings"`
}

// MarshalJSON writes the wire form, without the name: the name is the key under
// which a description holds the component.
func (c Component) MarshalJSON() ([]byte, error) {
	var settings objectWriter
	for _, s := range dedupe(c.Settings, func(s Setting) string { return s.Name }) {
		if err := settings.field(s.Name, s); err != nil {
			return nil, err
		}
	}
	return json.Marshal(componentWire{settings.bytes()})
}

// UnmarshalJSON reads the wire form, settings in document order, and leaves the
// name alone. All problems are reported at once, each with its path.
func (c *Component) UnmarshalJSON(data []byte) error {
	settings, errs := readSettings("", data)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.Settings = settings
	return nil
}

// readSettings reads the settings of a component; path ends with a dot, or is
// empty.
func readSettings(path string, data []byte) (settings []Setting, errs []error) {
	var w componentWire
	if err := decodeObject(data, &w); err != nil {
		return nil, []error{fmt.Errorf("%s: %w", strings.TrimSuffix(path, "."), err)}
	}
	err := eachField(w.Settings, func(name string, raw json.RawMessage) error {
		s := Setting{Name: name}
		if err := decodeObject(raw, &s); err != nil {
			errs = append(errs, fmt.Errorf("%ssettings.%s: %w", path, name, err))
		}
		settings = append(settings, s)
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("%ssettings: %w", path, err))
	}
	return settings, errs
}

// Description says what can be adjusted and what can be measured. Connectors
// answer describe and adjust with one; see [MergeDescriptions].
type Description struct {
	Components []Component
	Metrics    []Metric
}

// Component returns the component of that name.
func (d Description) Component(name string) (Component, bool) {
	for _, c := range d.Components {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

// Setting returns the setting named "component.setting", split at the first
// dot.
func (d Description) Setting(selector string) (Setting, bool) {
	component, setting, _ := strings.Cut(selector, ".")
	c, _ := d.Component(component)
	return c.Setting(setting)
}

// Metric returns the metric of that name.
func (d Description) Metric(name string) (Metric, bool) {
	for _, m := range d.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// MergeDescriptions joins what several connectors described, in their order.
// Settings of components with the same name are merged; of two settings or
// metrics with the same name the later one counts.
func MergeDescriptions(descriptions ...Description) Description {
	var merged Description
	at := make(map[string]int)
	for _, d := range descriptions {
		for _, c := range d.Components {
			i, ok := at[c.Name]
			if !ok {
				at[c.Name] = len(merged.Components)
				merged.Components = append(merged.Components, Component{Name: c.Name, Settings: append([]Setting(nil), c.Settings...)})
				continue
			}
			merged.Components[i].Settings = append(merged.Components[i].Settings, c.Settings...)
		}
		merged.Metrics = append(merged.Metrics, d.Metrics...)
	}
	for i, c := range merged.Components {
		merged.Components[i].Settings = dedupe(c.Settings, func(s Setting) string { return s.Name })
	}
	merged.Metrics = dedupe(merged.Metrics, func(m Metric) string { return m.Name })
	return merged
}

type descriptionWire struct {
	Application struct {
		Components json.RawMessage `json:"components"`
	} `json:"application"`
	Measurement struct {
		Metrics json.RawMessage `json:"metrics"`
	} `json:"measurement"`
}

// MarshalJSON writes the wire form. Both parts, application and measurement,
// are always there; the order of components, settings and metrics is kept.
func (d Description) MarshalJSON() ([]byte, error) {
	merged := MergeDescriptions(d)
	var components objectWriter
	for _, c := range merged.Components {
		if err := components.field(c.Name, c); err != nil {
			return nil, err
		}
	}
	var w descriptionWire
	var err error
	w.Application.Components = components.bytes()
	if w.Measurement.Metrics, err = marshalMetrics(merged.Metrics); err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads the wire form in document order. Missing parts are empty.
// All problems are reported at once, each with its path.
func (d *Description) UnmarshalJSON(data []byte) error {
	var w descriptionWire
	if err := decodeObject(data, &w); err != nil {
		return err
	}
	var read Description
	var errs []error
	err := eachField(w.Application.Components, func(name string, raw json.RawMessage) error {
		settings, problems := readSettings("application.components."+name+".", raw)
		errs = append(errs, problems...)
		read.Components = append(read.Components, Component{Name: name, Settings: settings})
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("application.components: %w", err))
	}
	err = eachField(w.Measurement.Metrics, func(name string, raw json.RawMessage) error {
		var m metricWire
		if err := decodeObject(raw, &m); err != nil {
			errs = append(errs, fmt.Errorf("measurement.metrics.%s: %w", name, err))
		}
		read.Metrics = append(read.Metrics, Metric{Name: name, Unit: m.Unit})
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("measurement.metrics: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*d = read
	return nil
}
