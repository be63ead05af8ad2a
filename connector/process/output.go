package process

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/internal/redact"
	"github.com/servokit/servokit/internal/subprocess"
)

// Bounds of what is kept of the output, whatever the command prints.
const (
	maxLineBytes = 2 << 10
	maxTailBytes = 16 << 10
)

// shortestSecret is how long the value of a variable must be to be looked for in
// what a command prints; shorter ones stand in any text by chance.
const shortestSecret = 4

// concealer takes the values of variables out of what a command prints, which
// ends up in logs and errors.
func concealer(env map[string]config.Secret) *redact.Redactor {
	var o redact.Options
	for _, secret := range env {
		for line := range strings.Lines(secret.Reveal()) {
			if line = strings.TrimRight(line, "\r\n"); len(line) >= shortestSecret {
				o.Texts = append(o.Texts, line)
			}
		}
	}
	return redact.New(o)
}

// output keeps the last lines that a command printed, without secrets, and looks
// out for the line that says it is ready.
type output struct {
	log    *slog.Logger
	hide   *redact.Redactor
	keep   int
	expect *regexp.Regexp // nil when nobody waits for a line

	mu      sync.Mutex
	lines   []string
	bytes   int
	matched chan struct{} // closed when a line matched
	closed  bool          // matched is closed
}

func newOutput(keep int, expect *regexp.Regexp, hide *redact.Redactor, log *slog.Logger) *output {
	return &output{log: log, hide: hide, keep: keep, expect: expect, matched: make(chan struct{})}
}

// read takes lines until the pipe ends. Longer lines than maxLineBytes are cut.
func (o *output) read(pipe io.Reader) {
	lines := subprocess.LineFormat{Max: maxLineBytes, Long: subprocess.CutLong, Replace: true}
	_ = lines.Read(pipe, func(line string) error { // what ends the pipe ends reading
		o.add(line)
		return nil
	})
}

func (o *output) add(printed string) {
	line := o.hide.Text(printed)
	o.log.Debug("output", "line", line)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, line)
	o.bytes += len(line) + 1
	drop := 0
	for len(o.lines)-drop > o.keep || o.bytes > maxTailBytes {
		o.bytes -= len(o.lines[drop]) + 1
		drop++
	}
	o.lines = append(o.lines[:0], o.lines[drop:]...)
	if o.expect != nil && !o.closed && o.expect.MatchString(printed) {
		o.closed = true
		close(o.matched)
	}
}

// match returns a channel that is closed once a line has matched.
func (o *output) match() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.matched
}

// rearm makes match wait for a new line.
func (o *output) rearm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		o.matched, o.closed = make(chan struct{}), false
	}
}

// tail returns the last lines as the end of an error message.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) == 0 {
		return "; it printed nothing"
	}
	return "; its output ended with:\n  " + strings.Join(o.lines, "\n  ")
}
