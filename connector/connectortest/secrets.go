package connectortest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/servokit/servokit/connector"
)

// shows returns the line of text in which a secret shows, as it is or in one of
// the forms in which it travels.
func shows(text, secret string) (string, bool) {
	quoted, _ := json.Marshal(secret)
	for _, form := range []string{
		secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.Contains(line, form) {
				line = strings.ReplaceAll(line, form, "<the secret>")
				return line[:min(len(line), 300)], true
			}
		}
	}
	return "", false
}

func (e *exam) revealed(where, text string, secrets []string) {
	for _, secret := range secrets {
		if line, ok := shows(text, secret); ok {
			e.broken("a secret shows in %s: %s", where, line)
		}
	}
}

// secrets drives the connector through everything, well and badly, and searches
// what it said meanwhile.
func (e *exam) secrets() {
	all := e.secretTexts()
	if len(all) == 0 {
		e.absent = "the configuration has no secret"
		return
	}
	for _, offline := range []bool{false, true} {
		plain := e.config.HTTP
		if offline {
			e.config.HTTP = &http.Client{Transport: refusing{}}
		}
		s, ok := e.session()
		e.config.HTTP = plain
		if !ok {
			return
		}
		e.drive(s, offline)
		for key, value := range s.host.Facts() {
			e.revealed("telemetry", key+"="+value, all)
		}
		e.revealed("logs, answers or errors", s.said.String(), all)
	}
}

// refusing is a network that is down. Its errors quote the URL, as those of
// net/http do.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: errors.New("connection refused")}
}

// drive has no interest in errors: they are in the transcript.
func (e *exam) drive(s *session, offline bool) {
	ctx := context.Background()
	if offline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*glance) // it may try again for long
		defer cancel()
	}
	_, _ = call(s, ctx, connector.Attach, connector.Lifecycle{Servo: "connectortest"})
	_, _ = call(s, ctx, connector.Startup, connector.Lifecycle{Servo: "connectortest"})
	s.start()
	_, _ = call(s, ctx, connector.Check, connector.CheckRequest{})
	_, _ = s.components()
	_, _ = s.metrics()
	d, _ := s.describe()
	_, _ = s.measure(ctx)
	for _, c := range e.changes(d) {
		_, _ = s.adjust(ctx, c.to)
		_, _ = s.adjust(ctx, c.back)
	}
	for _, a := range wrong(d) {
		_, _ = s.adjust(ctx, a)
	}
	_, _ = s.measure(e.interrupted(connector.ErrCancelledByOptimizer, glance))
	_, _ = call(s, ctx, connector.Promote, connector.None{})
	_ = s.down()
}
