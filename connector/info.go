package connector

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/servokit/servokit/types"
)

// Info says what a connector is.
type Info struct {
	// Name is the default name of an instance and the key of its stanza, such
	// as "vegeta". Lower case with underscores. Required.
	Name string
	// FullName is for people, such as "Vegeta Connector". Empty means Name.
	FullName string
	// Version is a semantic version. Empty means 0.0.0.
	Version string
	// Cryptonym is a code name of the version. It may be empty.
	Cryptonym string
	// Description says in a line what the connector does.
	Description string
	// Homepage is a URL.
	Homepage string
	// License and Maturity are shown in listings.
	License  types.License
	Maturity types.Maturity
}

var infoName = regexp.MustCompile(`^[0-9a-zA-Z_/.-]{3,128}$`)

// Validate reports everything that is wrong with the description of a
// connector. A servo that is built from a configuration calls it for each
// definition, so a mistake shows in the first run of a program.
func (i Info) Validate() error {
	var errs []error
	if !infoName.MatchString(i.Name) {
		errs = append(errs, fmt.Errorf("name: %q is not a name: 3 to 128 letters, digits, hyphens, slashes, periods and underscores are accepted", i.Name))
	}
	if i.Version != "" {
		if _, err := types.ParseVersion(i.Version); err != nil {
			errs = append(errs, fmt.Errorf("version: %w", err))
		}
	}
	if i.Homepage != "" {
		if u, err := url.Parse(i.Homepage); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			errs = append(errs, fmt.Errorf("homepage: %q is not an http or https URL", i.Homepage))
		}
	}
	if i.License != "" {
		if _, err := types.ParseLicense(string(i.License)); err != nil {
			errs = append(errs, fmt.Errorf("license: %w", err))
		}
	}
	if i.Maturity != "" {
		if _, err := types.ParseMaturity(string(i.Maturity)); err != nil {
			errs = append(errs, fmt.Errorf("maturity: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("connector info: %w", err)
	}
	return nil
}

// String returns a line for listings: `Vegeta Connector v0.5.0 "boom" (Stable)`.
func (i Info) String() string {
	name, version := i.FullName, i.Version
	if name == "" {
		name = i.Name
	}
	if version == "" {
		version = "0.0.0"
	}
	text := name + " v" + version
	if i.Cryptonym != "" {
		text += fmt.Sprintf(" %q", i.Cryptonym)
	}
	if i.Maturity != "" {
		text += " (" + string(i.Maturity) + ")"
	}
	return text
}
