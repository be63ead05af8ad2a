package config

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/servokit/servokit/types"
)

// Checks say how checks are run before a servo starts, the stanza "checks". A
// [Document] has it filled with defaults, also when the stanza is null.
type Checks struct {
	// Connectors limits checking to these. Default: all that have checks.
	Connectors []string `yaml:"connectors" description:"Names of the connectors to check. All when not given."`
	// Name, ID and Tag select checks. A single element "/…/" of Name or ID is a
	// regular expression; a single element of ID or Tag may be a list with commas.
	Name []string `yaml:"name" description:"Names of the checks to run, or one regular expression between slashes."`
	ID   []string `yaml:"id" description:"Ids of the checks to run, or one regular expression between slashes."`
	Tag  []string `yaml:"tag" description:"Tags of the checks to run."`
	// Quiet suppresses the table of results and Verbose makes it detailed.
	Quiet   bool `yaml:"quiet" description:"Show no table of results."`
	Verbose bool `yaml:"verbose" description:"Show a detailed table of results."`
	// Progressive logs results as they come, without a table. Default true.
	Progressive bool `yaml:"progressive" description:"Log results as they come, without a table."`
	// Wait is how long to keep trying, "30m" by default. Empty text or "0" is one
	// pass without waiting. Use Limit for the time.
	Wait string `yaml:"wait" description:"How long to keep trying. Empty or 0 is one pass." jsonschema:"example=30m"`
	// Delay is the pause between passes: "expo", the default, or a duration. Use
	// Pause for the time.
	Delay string `yaml:"delay" description:"Pause between two passes: expo, or a duration." jsonschema:"example=expo,example=10s"`
	// HaltOn is the severity of a failure that ends a pass: "warning", "common"
	// or "critical", the default.
	HaltOn string `yaml:"halt_on" description:"Severity of a failure that ends the pass."`
	// Remedy applies remedies to failing checks. Default true.
	Remedy bool `yaml:"remedy" description:"Apply the remedies of failing checks."`
	// CheckHalting stops at the first failing check.
	CheckHalting bool `yaml:"check_halting" description:"Stop at the first failing check."`
}

// exponential is the Delay that doubles.
const exponential = "expo"

// severities are the values of Checks.HaltOn.
var severities = []string{"warning", "common", "critical"}

// SetDefaults sets every key that has a default.
func (c *Checks) SetDefaults() {
	c.Progressive, c.Remedy = true, true
	c.Wait, c.Delay, c.HaltOn = "30m", exponential, "critical"
}

// Limit returns how long to keep trying; 0 is one pass.
func (c Checks) Limit() time.Duration {
	limit, _ := parseSpan(c.Wait) // validated
	return limit
}

// Pause returns the pause after a pass, counted from 0: 8 s, 16 s, 32 s and so on
// for "expo", otherwise always the same.
func (c Checks) Pause(pass int) time.Duration {
	if c.Delay == exponential {
		return time.Second << min(max(pass, 0)+3, 32)
	}
	pause, _ := parseSpan(c.Delay) // validated
	return pause
}

// Validate reports what is not a duration and not a severity.
func (c Checks) Validate() error {
	const duration = "a duration of 0 or more, such as 30m"
	var errs []error
	if limit, ok := parseSpan(c.Wait); !ok || limit < 0 {
		errs = append(errs, Invalid("wait", c.Wait, duration))
	}
	if pause, ok := parseSpan(c.Delay); c.Delay != exponential && (!ok || pause <= 0) {
		errs = append(errs, Invalid("delay", c.Delay, `"expo" or a positive duration, such as 10s`))
	}
	if !slices.Contains(severities, c.HaltOn) {
		errs = append(errs, Invalid("halt_on", c.HaltOn, "warning, common or critical"))
	}
	return errors.Join(errs...)
}

// parseSpan reads a duration that is kept as text: empty is 0, and a number
// without unit are seconds, as everywhere.
func parseSpan(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		nanoseconds := seconds * float64(time.Second)
		return time.Duration(nanoseconds), math.Abs(nanoseconds) < math.MaxInt64
	}
	span, err := types.ParseDuration(text)
	return span.Std(), err == nil
}
