package config_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// load is a connector configuration with a key of every kind.
type load struct {
	Rate     string            `yaml:"rate"`
	Workers  int               `yaml:"workers"`
	Threads  *uint             `yaml:"threads"`
	Share    int8              `yaml:"share"`
	Offset   int64             `yaml:"offset"`
	Ratio    float64           `yaml:"ratio"`
	Verbose  bool              `yaml:"verbose"`
	Duration types.Duration    `yaml:"duration"`
	Window   time.Duration     `yaml:"window"`
	Labels   map[string]string `yaml:"labels"`
	Ports    map[int]string    `yaml:"ports"`
	Pair     [2]int            `yaml:"pair"`
	Targets  []target          `yaml:"targets"`
	Backends map[string]target `yaml:"backends"`
	Nested   struct {
		Depth int  `yaml:"depth"`
		Color *any `yaml:"color"`
	} `yaml:"nested"`
	limits  `yaml:",inline"`
	Level   level           `yaml:"level"`
	Token   config.Secret   `yaml:"token"`
	Tokens  []config.Secret `yaml:"tokens"`
	Login   *login          `yaml:"login"`
	Logins  []login         `yaml:"logins"`
	Bearer  bearer          `yaml:"bearer"`
	Ignored func()          `yaml:"-"`
}

func (l *load) SetDefaults() {
	l.Workers = 2
	l.Labels = defaultLabels
	l.Targets = []target{{URL: "http://default", Method: "GET"}}
}

var defaultLabels = map[string]string{"team": "none", "env": "dev"}

func (l load) Validate() error {
	var errs []error
	if l.Rate == "" {
		errs = append(errs, config.Required("rate"))
	}
	if l.Workers < 1 {
		errs = append(errs, config.Invalid("workers", l.Workers, "a number above 0"))
	}
	return errors.Join(errs...)
}

type limits struct {
	Limits map[string]int `yaml:"limits"`
}

type target struct {
	URL    string `yaml:"url"`
	Method string `yaml:"method"`
}

func (t *target) SetDefaults() { t.Method = "GET" }

func (t *target) Validate() error {
	switch {
	case t.URL == "":
		return config.Required("url")
	case t.Method != http.MethodGet && t.Method != http.MethodPost:
		return config.Invalid("method", t.Method, "GET or POST")
	}
	return nil
}

// level decodes itself from text.
type level int

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "low" && string(text) != "high" {
		return config.Invalid("", string(text), "low or high")
	}
	*l = level(len(text))
	return nil
}

type login struct {
	User     string        `yaml:"user"`
	Password config.Secret `yaml:"password"`
}

// Validate does what it should not, and reveals the password.
func (l login) Validate() error {
	if l.Password.Reveal() == "hunter2-by-validate" {
		return fmt.Errorf("the password %q is weak", l.Password.Reveal())
	}
	return nil
}

// bearer is a type around a Secret that decodes itself and quotes what it read.
type bearer struct{ token config.Secret }

func (b *bearer) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		return fmt.Errorf("%s is too long", text)
	}
	b.token = config.NewSecret(string(text))
	return nil
}

// readAll does what an assembly does: everything is decoded, every problem joined.
func readAll(file string, data []byte) ([]load, error) {
	docs, err := config.Parse(file, data)
	errs := []error{err}
	var out []load
	for _, doc := range docs {
		mounts, err := doc.Resolve([]string{"load", "other", "wait"})
		errs = append(errs, err)
		for _, m := range mounts {
			if s, ok := doc.Stanza(m.Name); ok && m.Connector == "load" {
				c, err := config.Decode[load](s)
				errs = append(errs, err)
				out = append(out, c)
			}
		}
	}
	return out, config.Join(errs...)
}
