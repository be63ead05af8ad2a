package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/servokit/servokit/internal/english"
)

// FieldError is one thing that is wrong with a configuration and the place where to
// mend it. Find the problems of an error with [errors.As]:
//
//	var problems config.FieldErrors
//	if errors.As(err, &problems) { … }
type FieldError struct {
	// File is the name the configuration was read under. Empty when the value
	// did not come from a file.
	File string
	// Line and Column count from 1; 0 means unknown.
	Line, Column int
	// Path names the key, such as "prometheus.queries[2].name". It is empty for
	// problems of the document as a whole, such as a syntax error.
	Path string
	// Message says what is wrong and what would be accepted. It holds no secret.
	Message string

	located bool   // Path is complete and Line and Column are known
	instead string // path of the key that was probably meant
	cause   error  // what a method of a configuration type returned
}

// Unwrap returns the error of a Validate or Unmarshal method that the problem was
// made from. It is nil for problems found by this package, and for errors that
// quote a secret.
func (p *FieldError) Unwrap() error { return p.cause }

// Error returns "servo.yaml:12:5: prometheus.queries[2].name: required", without
// the parts that are not known.
func (p *FieldError) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
			if p.Column > 0 {
				fmt.Fprintf(&b, ":%d", p.Column)
			}
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// FieldErrors are all the problems of one or several files, in the order in which
// they stand there. Functions of this package return them as their error, so a
// user mends a file in one go; [Join] brings several of them together.
type FieldErrors []*FieldError

// Error returns the problem itself when there is one. Several are listed one per
// line under a heading such as "3 problems in servo.yaml:".
func (p FieldErrors) Error() string {
	switch len(p) {
	case 0:
		return "no problems"
	case 1:
		return p[0].Error()
	}
	var files []string
	for _, problem := range p {
		if problem.File != "" && !slices.Contains(files, problem.File) {
			files = append(files, problem.File)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems", len(p))
	if len(files) > 0 {
		b.WriteString(" in " + english.And(files...))
	}
	b.WriteString(":")
	for _, problem := range p {
		b.WriteString("\n  " + problem.Error())
	}
	return b.String()
}

// Unwrap gives the single problems to [errors.Is] and [errors.As].
func (p FieldErrors) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// asError returns nil for an empty list: a FieldErrors value in an error is never nil.
func (p FieldErrors) asError() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b *FieldError) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p
}

// Join brings the errors of several calls of this package together as one
// [FieldErrors], sorted by place and without repetitions, so that a user sees every
// problem at once. Nil errors are dropped, and Join of nothing is nil. Errors
// that are not problems of a configuration are kept as well, joined with
// [errors.Join].
func Join(errs ...error) error {
	var all FieldErrors
	var others []error
	for _, err := range errs {
		var problems FieldErrors
		var problem *FieldError
		switch {
		case err == nil:
		case errors.As(err, &problems):
			for _, p := range problems {
				all = all.with(p)
			}
		case errors.As(err, &problem):
			all = all.with(problem)
		default:
			others = append(others, err)
		}
	}
	if len(others) == 0 {
		return all.asError()
	}
	return errors.Join(append([]error{all.asError()}, others...)...)
}

// maxProblems is how many problems are listed at most. Nobody reads more, and a
// hostile file must not make a message of megabytes.
const maxProblems = 100

// with appends p unless the same was said about the same place before.
func (p FieldErrors) with(problem *FieldError) FieldErrors {
	if len(p) >= maxProblems {
		return p
	}
	for _, known := range p {
		if known.Error() == problem.Error() {
			return p
		}
	}
	return append(p, problem)
}

// Invalid is how a Validate method reports a value it does not accept:
//
//	return config.Invalid("queries[2].step", q.Step, "a positive duration")
//
// reads `prometheus.queries[2].step: "-5s" is not a positive duration`. The path
// is relative to the struct whose Validate runs; [Decode] completes it and finds
// the line. An empty path means the struct as a whole. Secrets and long texts
// are described instead of shown, and a password of a URL and the like is masked. Report several at once with [errors.Join].
func Invalid(path string, value any, accepted string) error {
	return &FieldError{Path: path, Message: showValue(value) + " is not " + accepted}
}

// Required is how a Validate method reports a key that must be given and is not.
// The path is relative, as for [Invalid].
func Required(path string) error {
	return &FieldError{Path: path, Message: "required"}
}

// showValue renders a value for a message.
func showValue(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case Secret, *Secret:
		return "the value (hidden)"
	case string:
		return showText(v)
	case fmt.Stringer:
		return showText(v.String())
	case error:
		return showText(v.Error())
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return showValue(v.Elem().Interface())
	case v.Kind() == reflect.String:
		return showText(v.String())
	}
	text := fmt.Sprint(value)
	if len(text) > longText {
		return fmt.Sprintf("a value of %d characters", len(text))
	}
	return text
}

// longText is where messages stop to quote. Text is never cut: half a secret
// would escape the search for secrets in messages.
const longText = 80

func showText(text string) string {
	if len(text) > longText {
		return fmt.Sprintf("a text of %d characters", len(text))
	}
	return strconv.Quote(secrets.Setting(text))
}

// joinPath appends a relative path to a base.
func joinPath(base, rel string) string {
	switch {
	case base == "":
		return rel
	case rel == "":
		return base
	case strings.HasPrefix(rel, "["):
		return base + rel
	}
	return base + "." + rel
}

// keyPath appends a key, quoted when it could be misread as a path.
func keyPath(base, key string) string {
	plain := key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r < '!' || r == '.' || r == '[' || r == ']' || r == '"' || r == 0x7f || r > 0x7e && !strconv.IsPrint(r)
	})
	if len(key) > longText {
		key, plain = strings.ToValidUTF8(key[:longText], "")+"…", false
	}
	if !plain {
		key = "[" + strconv.Quote(key) + "]"
	}
	return joinPath(base, key)
}

// within reports whether path is base or lies below it.
func within(path, base string) bool {
	rest, ok := strings.CutPrefix(path, base)
	return ok && (rest == "" || base == "" || rest[0] == '.' || rest[0] == '[')
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
