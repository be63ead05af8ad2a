package redact

// Mask stands for a secret, as it does in package config.
const Mask = "**********"

// Options say what is a secret beside what everybody calls one.
type Options struct {
	// Names of further secrets, such as "Launch-Code"; case and punctuation do not
	// matter.
	Names []string
	// Texts that are secrets wherever they stand, also within a word, escaped or
	// encoded. Empty ones count for nothing.
	Texts []string
}

// Redactor replaces secrets by [Mask]. Make one with [New]; its methods never
// change what they are given, and may be called from any goroutine.
type Redactor struct {
	names map[string]bool
	exact exact
}

// New returns a redactor.
func New(o Options) *Redactor {
	names := make(map[string]bool, len(o.Names))
	for _, name := range o.Names {
		if key := string(normal(nil, name)); key != "" {
			names[key] = true
		}
	}
	return &Redactor{names: names, exact: newExact(o.Texts)}
}
