package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Proxies say through which proxy a request goes, by pattern. The value of a
// pattern is the URL of the proxy, or empty for none. In a file they are a
// mapping with null for none, or one URL for everything.
//
// A pattern is "http://", "https://" or "all://", followed by nothing or a host
// and a port. The host can be "*" for any, "*example.com" for a host and those
// below it, and "*.example.com" for only those below it. When several match a
// URL, one with a port counts more than one without, then the longer host, then
// one with a scheme of its own.
//
// Package fmt, log/slog, JSON and YAML show Proxies without users and passwords.
type Proxies map[string]string

var proxyPattern = regexp.MustCompile(`^(https?|all)://(\*|\*?\.?[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*\.?|\[[0-9a-fA-F:.]+\])?(?::(\d{1,5}))?/?$`)

// everything is the pattern that a single URL stands for.
const everything = "all://"

// UnmarshalYAML reads a mapping, one URL, or an empty list for none.
func (p *Proxies) UnmarshalYAML(n *yaml.Node) error {
	*p = Proxies{}
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
	case n.Kind == yaml.ScalarNode:
		(*p)[everything] = n.Value
	case n.Kind == yaml.MappingNode:
		var problems FieldErrors
		for _, e := range entries(n) {
			key := resolve(e.key).Value
			switch value := resolve(e.value); {
			case isNull(value):
				(*p)[key] = ""
			case value.Kind == yaml.ScalarNode && value.Value != "":
				(*p)[key] = value.Value
			default:
				problems = append(problems, &FieldError{Line: e.value.Line, Column: e.value.Column, Path: keyPath("", key), Message: "the value is not the URL of a proxy or null"})
			}
		}
		return problems.asError()
	default:
		return errors.New("the value is not the URL of a proxy or a mapping of patterns to URLs")
	}
	return nil
}

// MarshalYAML writes the form that UnmarshalYAML reads, without passwords. It
// never fails.
func (p Proxies) MarshalYAML() (any, error) { return p.plain(false), nil }

// MarshalJSON writes an object of patterns and URLs, without passwords. It never
// fails.
func (p Proxies) MarshalJSON() ([]byte, error) { return json.Marshal(p.masked()) }

// GoString hides users and passwords for %#v.
func (p Proxies) GoString() string {
	return "config.Proxies" + strings.TrimPrefix(fmt.Sprintf("%#v", p.masked()), "map[string]string")
}

// Format hides users and passwords for every verb of package fmt.
func (p Proxies) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = io.WriteString(f, p.GoString())
		return
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), p.masked())
}

// LogValue hides users and passwords for package log/slog.
func (p Proxies) LogValue() slog.Value { return slog.AnyValue(p.masked()) }

// masked is p without what is secret in its URLs, of a type that prints itself.
func (p Proxies) masked() map[string]string {
	if p == nil {
		return nil
	}
	out := make(map[string]string, len(p))
	for pattern, text := range p {
		switch u, err := proxyURL(text); {
		case err != nil:
			text = mask // what it is cannot be told
		case u != nil && u.User != nil:
			u.User = nil
			text = secrets.Setting(strings.Replace(u.String(), "://", "://"+mask+"@", 1))
		default:
			text = secrets.Setting(text)
		}
		out[pattern] = text
	}
	return out
}

func (p Proxies) plain(reveal bool) any {
	if len(p) == 0 {
		return nil
	}
	texts := map[string]string(p)
	if !reveal {
		texts = p.masked()
	}
	out := map[string]any{}
	for pattern, text := range texts {
		if out[pattern] = text; text == "" {
			out[pattern] = nil
		}
	}
	return out
}

// Validate reports patterns and URLs that cannot be used. It does not show URLs,
// which may hold a password.
func (p Proxies) Validate() error {
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(p)) {
		if _, ok := parsePattern(pattern); !ok {
			errs = append(errs, Invalid(keyPath("", pattern), pattern, `a pattern such as "all://", "https://example.com" or "all://*.example.com:8080"`))
		}
		path := keyPath("", pattern)
		if pattern == everything {
			path = "" // may be the single URL
		}
		if _, err := proxyURL(p[pattern]); err != nil {
			errs = append(errs, &FieldError{Path: path, Message: err.Error()})
		}
	}
	return errors.Join(errs...)
}

func proxyURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no proxy
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("the value (hidden) is not the URL of a proxy, such as http://proxy.example.com:3128")
	}
	return u, nil
}

// pattern is one rule, taken apart.
type pattern struct{ scheme, host, port string }

func parsePattern(text string) (pattern, bool) {
	m := proxyPattern.FindStringSubmatch(text)
	if m == nil {
		return pattern{}, false
	}
	return pattern{m[1], strings.ToLower(m[2]), m[3]}, true
}

func (p pattern) matches(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	if p.scheme != "all" && p.scheme != u.Scheme || p.port != "" && p.port != port {
		return false
	}
	switch {
	case p.host == "" || p.host == "*":
		return true
	case strings.HasPrefix(p.host, "*."):
		return strings.HasSuffix(host, p.host[1:]) && len(host) >= len(p.host)
	case strings.HasPrefix(p.host, "*"):
		return host == p.host[1:] || strings.HasSuffix(host, "."+p.host[1:])
	}
	return host == strings.Trim(p.host, "[]")
}

// compare puts the more specific pattern first.
func (p pattern) compare(q pattern) int {
	rank := func(p pattern) []int {
		host, exact := strings.TrimLeft(p.host, "*."), 0
		if !strings.HasPrefix(p.host, "*") {
			exact = 1
		}
		return []int{btoi(p.port != ""), len(host), exact, strings.Count(p.host, "*."), btoi(p.scheme != "all")}
	}
	return slices.Compare(rank(q), rank(p))
}

// For returns the proxy for a request to u, nil for a direct one. It reports
// false when no pattern matches, so that something else may decide.
func (p Proxies) For(u *url.URL) (proxy *url.URL, ok bool, err error) {
	best := pattern{}
	for _, text := range slices.Sorted(maps.Keys(p)) {
		candidate, valid := parsePattern(text)
		if !valid || !candidate.matches(u) || ok && best.compare(candidate) <= 0 {
			continue
		}
		best, ok = candidate, true
		if proxy, err = proxyURL(p[text]); err != nil {
			err = fmt.Errorf("proxy for %s: %w", net.JoinHostPort(u.Hostname(), u.Port()), err)
		}
	}
	return proxy, ok, err
}
