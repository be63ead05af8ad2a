package types

import (
	"encoding/json"
	"fmt"
)

// Userdata is what a user hands to connectors by way of the optimizer: the
// objectives, and anything else that a connector understands.
type Userdata struct {
	// SLO is nil when there are no objectives.
	SLO *SLO
	// Extra holds every other key, as the JSON it came in.
	Extra map[string]json.RawMessage
}

// ParseUserdata reads the userdata of the control, for the connector that uses
// it; without any it is empty. Objectives that are wrong are an error that
// lists every problem with its path.
func (c Control) ParseUserdata() (Userdata, error) {
	var u Userdata
	if missing(c.Userdata) {
		return u, nil
	}
	if err := object(c.Userdata); err != nil {
		return u, fmt.Errorf("control.userdata: %w", err)
	}
	if err := u.UnmarshalJSON(c.Userdata); err != nil {
		return Userdata{}, under("control.userdata", err)
	}
	return u, nil
}

// MarshalJSON writes slo and the extra keys, in alphabetical order.
func (u Userdata) MarshalJSON() ([]byte, error) {
	fields := make(map[string]any, len(u.Extra)+1)
	for name, raw := range u.Extra {
		fields[name] = raw
	}
	if u.SLO != nil {
		fields["slo"] = u.SLO
	}
	return json.Marshal(fields)
}

// UnmarshalJSON reads slo and keeps every other key.
func (u *Userdata) UnmarshalJSON(data []byte) error {
	var read Userdata
	err := eachField(data, func(name string, raw json.RawMessage) error {
		if name != "slo" {
			if read.Extra == nil {
				read.Extra = make(map[string]json.RawMessage)
			}
			read.Extra[name] = raw
			return nil
		}
		if missing(raw) {
			return nil
		}
		if err := object(raw); err != nil {
			return fmt.Errorf("slo: %w", err)
		}
		read.SLO = new(SLO)
		if err := read.SLO.UnmarshalJSON(raw); err != nil {
			return under("slo", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	*u = read
	return nil
}
