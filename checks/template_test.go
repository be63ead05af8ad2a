package checks_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/checks"
)

type embedded struct{ Inner string }

type target struct {
	BaseURL string `yaml:"base_url"`
	Timeout time.Duration
	Tagged  int    `json:"in_json,omitempty"`
	Hidden  string `yaml:"-"`
	*embedded
	Hosts  []host
	Labels map[string]string
	Codes  map[int]string
	Any    map[any]any
	Odd    map[[1]int]int
	Unset  *string
	Set    *int
	Err    error
	Loud   panics
	secret string
	Self   any
}

type host struct{ Name string }

type panics struct{}

func (panics) String() string { panic("loud") }

func TestNameTemplates(t *testing.T) {
	three := 3
	self := target{
		BaseURL: "http://db", Timeout: 90 * time.Second, Tagged: 7, embedded: &embedded{"in"}, Hosts: []host{{"a"}, {"b"}},
		Labels: map[string]string{"app.kubernetes.io/name": "shop", "{": "x", "tier": "{self.BaseURL}"}, Codes: map[int]string{-2: "two"},
		Any: map[any]any{"k": []any{1, "x"}}, Set: &three, Err: errBoom, secret: "hidden",
	}
	self.Self = &self
	_ = self.secret
	for name, want := range map[string]string{
		"plain":             "plain",
		"{self.BaseURL}":    "http://db",
		"{self.base_url}/x": "http://db/x",
		"to {self.timeout}": "to 1m30s",
		"{self.in_json}":    "7",
		"{self.Inner}":      "in",
		"{self.Hosts[1].Name}{self.hosts.0.name}": "ba",
		"{self.Labels[app.kubernetes.io/name]}":   "shop",
		"{self.Labels.tier}":                      "{self.BaseURL}",
		"{self.codes[-2]}":                        "two",
		"{self.Any[k][1]}":                        "x",
		"{self.set}":                              "3",
		"{self.err}":                              "boom",
		"{self.Self.Self.BaseURL}":                "http://db",
		"{{self.BaseURL}}":                        "{self.BaseURL}",
		"{{{self.BaseURL}}}":                      "{http://db}",
		"up{{job=\"x\"}}":                         `up{job="x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			suite := checks.New(self, checks.Check{Name: name, Run: pass})
			results, err := suite.Run(t.Context(), checks.Request{})
			assert.NoError(t, err)
			assert.Equal(t, want, results[0].Name)
			assert.NoError(t, results[0].Err)
			assert.Equal(t, checks.ID(name), results[0].ID, "the id is that of the name as it was written")
		})
	}
	for name, says := range map[string]string{
		"{self.nope}":          `{self.nope}: self has no field "nope"`,
		"{self.BaseURL.x}":     `{self.BaseURL.x}: self.BaseURL is a string, so it has no "x"`,
		"{self.secret}":        `has no field "secret"`,
		"{self.-}":             `has no field "-"`,
		"{self.}":              `has no field ""`,
		"{self.Unset}":         "{self.Unset}: it is not set",
		"{self.unset.x}":       `self.unset is not set, so it has no "x"`,
		"{self.hosts[2]}":      `has no element "2": expected an index below 2`,
		"{self.hosts[-1]}":     `has no element "-1"`,
		"{self.hosts[x]}":      `has no element "x"`,
		"{self.hosts[0}":       "expected a ] that closes the index",
		"{self.hosts[0]name}":  `expected . or [ behind the index, found "name"`,
		"{self.labels.x}":      `has no key "x"`,
		"{self.codes.x}":       `has no key "x"`,
		"{self.odd.x}":         "which a name cannot give",
		"{self.Loud}":          "loud",
		"{item.x}":             "{item.x}: expected it to begin with self",
		"{}":                   "{}: expected it to begin with self",
		"{self":                `a single "{": double it`,
		"self}":                `a single "}": double it`,
		"{self{self}":          `a single "{": double it`,
		"{self!r}":             "expected it to begin with self",
		"{self.timeout:>10}":   "has no field",
		"{config.base_url} {x": "expected it to begin with self",
	} {
		t.Run(name, func(t *testing.T) {
			suite := checks.New(self, checks.Check{Name: name, Run: func(context.Context) error { t.Error("must not run"); return nil }})
			results, err := suite.Run(t.Context(), checks.Request{})
			assert.NoError(t, err)
			assert.Equal(t, name, results[0].Name)
			assert.ErrorContains(t, results[0].Err, says)
			assert.ErrorContains(t, results[0].Err, fmt.Sprintf("rendering the name %q", name))
		})
	}
}
