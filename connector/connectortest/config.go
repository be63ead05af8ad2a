package connectortest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// Config is what the kit has to know about a connector. Only YAML is needed by
// most; everything else has a default.
type Config struct {
	// YAML is a stanza with which the connector works, as it stands in
	// servo.yaml below the name of the connector. Give every key that you want
	// to see examined, secrets included. Empty means an empty stanza.
	YAML string
	// Secrets are texts in YAML that must never show. The values of fields of
	// type config.Secret need not be repeated here. Texts of less than four
	// characters are not looked for.
	Secrets []string
	// Control goes with the commands. The default is a measurement of 100ms
	// without warm-up; give what the connector needs for one reading.
	Control types.Control
	// Values are values which are known to work, by "component.setting". For a
	// setting that is not here the kit takes the next step of a range or the
	// next value of an enum; an empty list leaves the setting alone.
	Values map[string][]types.Value
	// Prompt is how soon a handler must return once its context has ended. The
	// default is 2s. A connector that restores an application when it is
	// cancelled needs the time for that.
	Prompt time.Duration
	// Limit bounds every command that is not cancelled. The default is 30s.
	Limit time.Duration
	// HTTP is the client for the requests of the connector, for example one
	// that talks to a fake. Nil means one of the kit's own.
	HTTP *http.Client
	// Skip leaves promises out: their names, each with the reason, which the
	// test prints. A promise without a reason, or with an unknown name, is an
	// error.
	Skip map[string]string
	_    struct{}
}

// complete checks c and fills its defaults.
func (c Config) complete() (Config, error) {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Skip)) {
		if strings.TrimSpace(c.Skip[name]) == "" {
			errs = append(errs, fmt.Errorf("skip[%q]: a reason is required", name))
		}
		if !slices.ContainsFunc(promises, func(p promise) bool { return p.Name == name }) {
			errs = append(errs, fmt.Errorf("skip[%q]: there is no such promise; there are %s", name, known()))
		}
	}
	for name, d := range map[string]time.Duration{"prompt": c.Prompt, "limit": c.Limit} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s: %s is not a positive duration", name, d))
		}
	}
	if c.Control.Duration == 0 {
		c.Control.Duration = types.Duration(100 * time.Millisecond)
	}
	if c.Prompt == 0 {
		c.Prompt = 2 * time.Second
	}
	if c.Limit == 0 {
		c.Limit = 30 * time.Second
	}
	return c, errors.Join(errs...)
}

func known() string {
	var names []string
	for _, p := range promises {
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	return strings.Join(names, ", ")
}

// stanza puts the text of a stanza into a file of its own and reads it.
func stanza(d connector.Definition, text string) (*config.Stanza, error) {
	name := d.Info().Name
	docs, err := document(name, text)
	if err != nil {
		return nil, err
	}
	if len(docs) > 0 {
		if s, ok := docs[0].Stanza(name); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("there is no stanza %q in the configuration", name)
}

func document(name, text string) ([]*config.Document, error) {
	if strings.TrimSpace(text) == "" {
		text = "{}" // nothing would be a null, which is no stanza
	}
	file := "connectors: [" + name + "]\n" + name + ":\n  " + strings.ReplaceAll(strings.TrimSpace(dedent(text)), "\n", "\n  ") + "\n"
	return config.Parse("servo.yaml", []byte(file))
}

// dedent removes the indentation of the first line from all, so that a text may
// be indented like the code around it.
func dedent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	indent := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], " \t"))]
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, indent)
	}
	return strings.Join(lines, "\n")
}
