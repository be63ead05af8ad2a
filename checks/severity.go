package checks

import "fmt"

// Severity says what a failing check means for the rest.
type Severity int

// The severities, mildest first. The zero value is Common.
const (
	// Warning is advice: it is reported and never counts as a failure.
	Warning Severity = iota - 1
	// Common fails by itself: other checks still run, but the servo is not
	// ready.
	Common
	// Critical makes later checks meaningless when it fails, and is a
	// prerequisite of those behind it when a [Filter] selects some of them.
	Critical
)

// String returns "warning", "common" or "critical".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	default:
		return "common"
	}
}

// MarshalText writes the word of [Severity.String].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word of [Severity.String]; anything else is an error.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range []Severity{Warning, Common, Critical} {
		if string(text) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q: accepted are warning, common and critical", text)
}

// HaltOn says which result ends a run of checks early. The result that did is
// the last one of the run.
type HaltOn int

// What can end a run early. The zero value is HaltOnCritical.
const (
	// HaltOnCritical ends the run at a critical check that failed.
	HaltOnCritical HaltOn = iota
	// HaltOnCommon ends it at any check that failed.
	HaltOnCommon
	// HaltOnWarning ends it at any check that did not succeed, warnings
	// included.
	HaltOnWarning
	// HaltNever runs everything.
	HaltNever
)

var haltWords = []string{"critical", "common", "warning", "none"}

// String returns "critical", "common", "warning" or "none".
func (h HaltOn) String() string {
	if h < 0 || int(h) >= len(haltWords) {
		return haltWords[HaltOnCritical]
	}
	return haltWords[h]
}

// MarshalText writes the word of [HaltOn.String].
func (h HaltOn) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the word of [HaltOn.String]; anything else is an error.
func (h *HaltOn) UnmarshalText(text []byte) error {
	for i, word := range haltWords {
		if string(text) == word {
			*h = HaltOn(i)
			return nil
		}
	}
	return fmt.Errorf("cannot halt on %q: accepted are warning, common, critical and none", text)
}

// after reports whether a run ends behind r.
func (h HaltOn) after(r Result) bool {
	switch h {
	case HaltNever:
		return false
	case HaltOnWarning:
		return !r.Success()
	case HaltOnCommon:
		return r.Failed()
	default:
		return r.Failed() && r.Severity == Critical
	}
}
