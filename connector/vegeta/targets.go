package vegeta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/internal/english"
	lib "github.com/tsenart/vegeta/v12/lib"
)

// Target is a request to send.
type Target struct {
	// Method is one of GET, POST, PUT, PATCH, OPTIONS, TRACE, HEAD, DELETE and
	// CONNECT.
	Method string
	// URL is absolute, http or https.
	URL string
	// Body may be empty.
	Body []byte
	// Header is sent as it is; "Host" sets the host of the request.
	Header http.Header
}

const (
	formatHTTP = lib.HTTPTargetFormat
	formatJSON = lib.JSONTargetFormat

	// longestLine is what the parser of the library reads of a line; it drops
	// the rest of the text without a word.
	longestLine = 64*1024 - 1
	// listedProblems limits what is said about a file that is altogether wrong.
	listedProblems = 10
)

var methods = []string{"GET", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "DELETE", "CONNECT"}

// source names the one place where the targets are, or "".
func (c Config) source() string {
	if c.validateSource() != nil {
		return ""
	}
	switch {
	case c.Target != "":
		return "target"
	case c.Targets != "":
		return "targets"
	default:
		return "requests"
	}
}

// longestMessage bounds what is said about all wrong targets together.
const longestMessage = 4000

func (c Config) validateSource() error {
	given := 0
	for _, is := range []bool{c.Target != "", c.Targets != "", len(c.Requests) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return &config.FieldError{Message: "target or targets must be configured"}
	case c.Target != "" && c.Targets != "":
		return &config.FieldError{Message: "target and targets cannot both be configured"}
	case given > 1:
		return &config.FieldError{Message: "target and targets cannot be configured beside the requests of the program"}
	}
	return nil
}

// load returns the targets of the configuration; it may read files. The error
// does not name the source.
func (c Config) load() ([]lib.Target, error) {
	var targets []lib.Target
	var err error
	switch c.source() {
	case "target":
		targets, err = parseTargets(c.Format, []byte(c.Target))
	case "targets":
		var text []byte
		if strings.ContainsAny(c.Targets, "\r\n") {
			err = errors.New("the path of a file is expected; the targets themselves go under target")
		} else if text, err = os.ReadFile(c.Targets); err == nil {
			targets, err = parseTargets(c.Format, text)
		}
	default:
		for _, t := range c.Requests {
			targets = append(targets, lib.Target(t))
		}
		err = validateAll(targets)
	}
	if err != nil {
		return nil, concealedError{err}
	}
	return targets, nil
}

// validateTargets reports what is wrong with the targets, which may be read from
// files.
func (c Config) validateTargets() error {
	source := c.source()
	if source == "" || source != "requests" && !c.knownFormat() {
		return nil // said elsewhere
	}
	if _, err := c.load(); err != nil {
		message := err.Error()
		if len(message) > longestMessage { // quotes a long line of the targets
			message = strings.ToValidUTF8(message[:longestMessage], "") + "…"
		}
		return &config.FieldError{Path: source, Message: message}
	}
	return nil
}

// parseTargets reads text with the parser of the library, which is what would
// read it on the command line, and refuses what that parser accepts or drops
// although it cannot be sent.
func parseTargets(format string, text []byte) ([]lib.Target, error) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(line) > longestLine && format == formatHTTP {
			return nil, fmt.Errorf("line %d is longer than %d bytes", i+1, longestLine)
		}
	}
	// The library drops a last JSON line that is not ended.
	text = append(slices.Clone(text), '\n')
	var targeter lib.Targeter
	if format == formatJSON {
		if err := validateJSON(text); err != nil {
			return nil, err
		}
		targeter = lib.NewJSONTargeter(bytes.NewReader(text), nil, nil)
	} else {
		targeter = lib.NewHTTPTargeter(bytes.NewReader(text), nil, nil)
	}
	targets, err := lib.ReadAllTargets(targeter)
	switch {
	case errors.Is(err, lib.ErrNoTargets):
		return nil, errors.New("no targets found")
	case err != nil && strings.HasPrefix(err.Error(), "bad header"):
		// The line may hold a credential.
		return nil, errors.New("bad header: a line below a target is neither \"name: value\" nor \"@file\"")
	case err != nil:
		return nil, err
	}
	return targets, validateAll(targets)
}

// validateJSON looks at each line: one object, with nothing that the library
// would ignore.
func validateJSON(text []byte) error {
	var problems []error
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if len(problems) == listedProblems {
			problems = append(problems, errors.New("and more"))
			break
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var t lib.Target
		if err := decoder.Decode(&t); err != nil {
			problems = append(problems, fmt.Errorf("line %d is not a target, a JSON object on a line of its own with method, url, header and base64 body: %w", i+1, err))
		} else if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			problems = append(problems, fmt.Errorf("line %d holds more than one JSON object", i+1))
		}
	}
	return oneLine(problems)
}

func validateAll(targets []lib.Target) error {
	var problems []error
	for i, t := range targets {
		if err := validateTarget(t); err != nil {
			if len(problems) == listedProblems {
				problems = append(problems, errors.New("and more"))
				break
			}
			problems = append(problems, fmt.Errorf("target %d: %w", i+1, err))
		}
	}
	return oneLine(problems)
}

func validateTarget(t lib.Target) error {
	var problems []error
	if !slices.Contains(methods, t.Method) {
		problems = append(problems, fmt.Errorf("method %q is not one of %s", t.Method, english.Or(methods...)))
	}
	u, err := url.Parse(t.URL)
	switch {
	case err != nil:
		problems = append(problems, errors.New("the URL cannot be parsed"))
	case u.Scheme != "http" && u.Scheme != "https":
		problems = append(problems, fmt.Errorf("URL %q is not an http or https URL", u.Redacted()))
	case u.Hostname() == "":
		problems = append(problems, fmt.Errorf("URL %q has no host", u.Redacted()))
	}
	for name, values := range t.Header {
		if !isToken(name) {
			// A target below a comment line is read as a header by the library.
			problems = append(problems, fmt.Errorf("%q is not the name of a header; leave an empty line between targets", name))
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				problems = append(problems, fmt.Errorf("the value of header %q holds a control character", name))
			}
		}
	}
	return oneLine(problems)
}

// isToken reports whether name can be the name of a header.
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// oneLine joins errors with semicolons.
func oneLine(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}
