package pubsub

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const maxSelector = 1024

// Selector says which channels a subscriber or a transformer is for. Make one
// with [ParseSelector]; the zero value matches nothing.
type Selector struct {
	text    string
	pattern *regexp.Regexp // nil when text is the name of one channel
}

// ParseSelector reads one of three forms; case matters, and blanks around the
// text do not:
//
//	metrics.http    the channel of that name
//	metrics.*       a glob over the whole name: * matches any text, also dots,
//	                ? one character, [abc] and [a-z] one of those, [!abc] none
//	/met.*|logs/    a regular expression that matches the whole name
//
// Anything that could never match a channel is an error.
func ParseSelector(text string) (Selector, error) {
	trimmed := strings.TrimSpace(text)
	wrong := func(err error) (Selector, error) {
		return Selector{}, fmt.Errorf("invalid selector %q: %w: give the name of a channel, a glob such as %q or a regular expression such as %q",
			shortened(text), err, "metrics.*", "/metrics\\.(http|grpc)/")
	}
	var expression string
	switch {
	case trimmed == "":
		return wrong(errors.New("it is empty"))
	case len(trimmed) > maxSelector:
		return wrong(fmt.Errorf("it is longer than %d bytes", maxSelector))
	case validName(trimmed):
		return Selector{text: trimmed}, nil
	case trimmed[0] == '/':
		if len(trimmed) < 3 || trimmed[len(trimmed)-1] != '/' {
			return wrong(errors.New("a regular expression stands between two slashes"))
		}
		expression = trimmed[1 : len(trimmed)-1]
		// On its own first, so that what is added around it cannot mend it.
		if _, err := regexp.Compile(expression); err != nil {
			return wrong(err)
		}
	case !strings.ContainsAny(trimmed, "*?["):
		return wrong(errors.New("it is no valid channel name and no pattern"))
	default:
		var err error
		if expression, err = translate(trimmed); err != nil {
			return wrong(err)
		}
	}
	pattern, err := regexp.Compile(`^(?:` + expression + `)$`)
	if err != nil {
		return wrong(err)
	}
	return Selector{text: trimmed, pattern: pattern}, nil
}

// Match reports whether the selector is for the channel of that name.
func (s Selector) Match(channel string) bool {
	if s.pattern != nil {
		return s.pattern.MatchString(channel)
	}
	return s.text == channel && s.text != ""
}

// IsPattern reports whether the selector is a glob or a regular expression, not
// the name of one channel.
func (s Selector) IsPattern() bool { return s.pattern != nil }

// String returns the text that the selector was made of.
func (s Selector) String() string { return s.text }

// translate turns a glob into a regular expression. The names of channels are
// ASCII without line ends, so a dot is any character.
func translate(glob string) (string, error) {
	var out strings.Builder
	for rest := glob; rest != ""; {
		c := rest[0]
		switch c {
		case '*':
			out.WriteString(".*")
		case '?':
			out.WriteByte('.')
		case '[':
			set, after, err := cutSet(rest)
			if err != nil {
				return "", err
			}
			out.WriteString(set)
			rest = after
			continue
		default:
			out.WriteString(regexp.QuoteMeta(rest[:1]))
		}
		rest = rest[1:]
	}
	return out.String(), nil
}

// cutSet takes a set in brackets off the start of a glob. A closing bracket that
// comes first stands for itself.
func cutSet(glob string) (set, after string, err error) {
	inside := glob[1:]
	prefix := "["
	if strings.HasPrefix(inside, "!") {
		prefix, inside = "[^", inside[1:]
	}
	end := strings.IndexByte(inside[min(1, len(inside)):], ']')
	if end < 0 {
		return "", "", errors.New("a set that is opened with [ must be closed with ]")
	}
	end++
	var out strings.Builder
	out.WriteString(prefix)
	for i, r := range inside[:end] {
		switch {
		case r == '-' && i > 0 && i < end-1:
			out.WriteByte('-') // a range
		case r < 0x80 && !alphanumeric(byte(r)):
			fmt.Fprintf(&out, `\x{%x}`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte(']')
	return out.String(), inside[end+1:], nil
}
