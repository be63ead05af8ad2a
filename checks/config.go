package checks

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
)

// Config says which checks a servo runs before it starts, and how it waits for
// them: the stanza "checks" of a configuration. Start from [Config.SetDefaults],
// because the zero value neither waits nor applies remedies.
type Config struct {
	// Connectors are the names of the connectors to check. Empty means all.
	Connectors []string `yaml:"connectors" json:"connectors"`
	// Name, ID and Tag select checks. A single element between slashes is a
	// regular expression for names and ids; a single one with commas is split
	// for ids and tags. Empty means all.
	Name []string `yaml:"name" json:"name"`
	ID   []string `yaml:"id" json:"id"`
	Tag  []string `yaml:"tag" json:"tag"`
	// Quiet leaves the table out.
	Quiet bool `yaml:"quiet" json:"quiet"`
	// Verbose makes a table with a line for each check.
	Verbose bool `yaml:"verbose" json:"verbose"`
	// Progressive logs only, without a table. Default true.
	Progressive bool `yaml:"progressive" json:"progressive"`
	// Wait is how long to try again while checks fail. Zero, or an empty text,
	// is a single pass. Default 30m.
	Wait Wait `yaml:"wait" json:"wait"`
	// Delay is the pause between two passes. Default expo.
	Delay Delay `yaml:"delay" json:"delay"`
	// HaltOn ends a pass of a connector early; it cannot be [HaltNever].
	// Default critical.
	HaltOn HaltOn `yaml:"halt_on" json:"halt_on"`
	// Remedy applies the remedies of checks that fail. Default true.
	Remedy bool `yaml:"remedy" json:"remedy"`
	// CheckHalting stops looking at the results of a pass behind the first
	// that failed, so that only the remedy of that is applied.
	CheckHalting bool `yaml:"check_halting" json:"check_halting"`
}

// SetDefaults makes c the defaults given at its fields.
func (c *Config) SetDefaults() {
	*c = Config{Progressive: true, Wait: Wait(30 * time.Minute), Remedy: true}
}

// Validate returns everything that is wrong with c.
func (c Config) Validate() error {
	_, err := c.request()
	if c.HaltOn == HaltNever {
		err = errors.Join(err, errors.New("halt_on: none is not accepted here: expected warning, common or critical"))
	}
	if c.Wait < 0 {
		err = errors.Join(err, fmt.Errorf("wait: expected a time that is not negative, found %s", types.Duration(c.Wait)))
	}
	if c.Delay < 0 {
		err = errors.Join(err, fmt.Errorf("delay: expected expo or a positive time, found %s", types.Duration(c.Delay)))
	}
	return err
}

// request is what the connectors are asked for.
func (c Config) request() (Request, error) {
	var r Request
	var errs [3]error
	r.HaltOn = c.HaltOn
	r.Filter.Name, errs[0] = parseLiteral(c.Name)
	r.Filter.ID, errs[1] = ParseSelector(c.ID)
	r.Filter.Tags, errs[2] = parseTags(c.Tag)
	for i, key := range []string{"name", "id", "tag"} {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", key, errs[i])
		}
	}
	return r, errors.Join(errs[:]...)
}

// Wait is how long a [Loop] tries. Its text is a duration such as "30m", a
// number of seconds, or nothing for a single pass.
type Wait time.Duration

// String returns the text form.
func (w Wait) String() string { return types.Duration(w).String() }

// MarshalText writes the text form; a single pass is "0".
func (w Wait) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the text form. A negative time is an error.
func (w *Wait) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == "" {
		*w = 0
		return nil
	}
	d, err := parseTime(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("cannot wait %q: expected a duration such as 30m, a number of seconds, or nothing for a single pass", text)
	}
	*w = Wait(d)
	return nil
}

// Delay is the pause between two passes of a [Loop]. Its text is a duration, a
// number of seconds, or "expo". The zero value is expo: 8 s, then twice as long
// each time.
type Delay time.Duration

// String returns the text form.
func (d Delay) String() string {
	if d == 0 {
		return "expo"
	}
	return types.Duration(d).String()
}

// MarshalText writes the text form.
func (d Delay) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form. A time that is not positive is an error.
func (d *Delay) UnmarshalText(text []byte) error {
	if string(text) == "expo" {
		*d = 0
		return nil
	}
	span, err := parseTime(string(text))
	if err != nil || span <= 0 {
		return fmt.Errorf("cannot delay by %q: expected expo, a positive duration such as 10s, or a number of seconds", text)
	}
	*d = Delay(span)
	return nil
}

// behind is the pause behind pass n, which counts from 0.
func (d Delay) behind(n int) time.Duration {
	const first = 3 // 8 s
	switch {
	case d > 0:
		return time.Duration(d)
	case n > 30: // more than 200 years
		return math.MaxInt64
	default:
		return time.Second << (n + first)
	}
}

// parseTime reads a duration, or a number of seconds.
func parseTime(text string) (types.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return types.Seconds(seconds)
	}
	return types.ParseDuration(text)
}
