package optimizer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// How long the calls that nobody should wait for may take at most.
const (
	progressLimit = 30 * time.Second
	goodbyeLimit  = 5 * time.Second
)

// Client is a [Backend] that speaks to an optimizer over HTTP. Make one with
// [NewClient]. It starts no goroutines and is safe for concurrent use.
//
// Transport errors and the statuses 404, 429 and 5xx are retried within the
// limits of [Retry]; other statuses are an [HTTPError] at once, and what the
// optimizer answers instead of "ok" is a [StatusError]. Errors match
// [ErrUnexpectedEvent] and its siblings with [errors.Is]. When the context ends,
// a call stops at once with an error that wraps [context.Cause].
type Client struct {
	servoUID string
	agent    string
	agents   []string // the same as a header
	http     *http.Client
	ownHTTP  bool
	tokens   *http.Client // what credentials ask for tokens with
	logger   *slog.Logger
	retry    Retry
	random   func() float64
	observer func(context.Context, Try)
	// These hold secrets. They are functions, so that printing a Client shows
	// none.
	entrance func() *entrance
	redact   func(string) string
}

var _ Backend = (*Client)(nil)

// NewClient returns a client for the options. It does no I/O; the error lists
// everything that is wrong with the options.
func NewClient(o Options) (*Client, error) {
	c := &Client{
		servoUID: o.ServoUID, agent: o.Agent, logger: o.Logger, retry: o.Retry.withDefaults(),
		random: rand.Float64, observer: o.Observe,
	}
	var agentErr, credentialsErr error
	if strings.ContainsFunc(o.Agent, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		agentErr = fmt.Errorf("agent: %q cannot be sent in a header", o.Agent)
	}
	if o.Token != "" && o.Credentials != nil {
		credentialsErr = errors.New("credentials: give either these or a token")
	}
	in, entranceErr := newEntrance(o)
	if err := errors.Join(entranceErr, credentialsErr, agentErr); err != nil {
		return nil, fmt.Errorf("optimizer client: %w", err)
	}
	if c.agent == "" {
		c.agent = defaultAgent()
	}
	c.agents = []string{c.agent}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if o.Rand != nil {
		var mu sync.Mutex
		source := rand.New(o.Rand)
		c.random = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return source.Float64()
		}
	}
	if o.HTTP == nil {
		c.http, c.ownHTTP = defaultHTTP(), true
	} else {
		copied := *o.HTTP
		c.http = &copied
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.entrance, c.redact = func() *entrance { return in }, in.redactor.text
	if !in.static {
		next := c.http.Transport
		if next == nil {
			next = http.DefaultTransport
		}
		tokens := *c.http
		tokens.Transport = overheard{next}
		c.tokens = &tokens
		c.http.Transport = gate{next}
	}
	return c, nil
}

// Hello opens the connection or brings both sides back in step. Any answer of
// the protocol will do. Until there is one it retries for ConnectMaxTime,
// whatever the status, except for 410: a servo that was superseded has nothing
// to wait for.
func (c *Client) Hello(ctx context.Context, hello Hello) error {
	if hello.Agent == "" {
		hello.Agent = c.agent
	}
	if hello.Telemetry == nil {
		hello.Telemetry = map[string]string{}
	}
	param, err := json.Marshal(helloWire(hello))
	if err != nil {
		return fmt.Errorf("encoding %s: %w", EventHello, err)
	}
	answer, err := c.post(ctx, EventHello, param, policy{limit: c.retry.ConnectMaxTime, connecting: true})
	if err == nil && answer.status.Status != statusOK {
		c.note(ctx, EventHello, answer)
	}
	return err
}

// Ping asks once, without a retry, whether the optimizer answers and takes the
// credentials: a greeting without any facts. Use it before a servo runs; a
// running one would begin anew. Any answer of the protocol with status 200 will
// do; other statuses, 2xx included, are an [*HTTPError].
func (c *Client) Ping(ctx context.Context) error {
	x := &exchange{client: c, event: EventHello, method: http.MethodPost, policy: policy{limit: c.retry.MaxTime, tries: 1}}
	if err := x.do(ctx, encodeRequest(EventHello, nil, c.servoUID)); err != nil {
		return err
	}
	if x.code != http.StatusOK {
		return fmt.Errorf("posting %s: %w", EventHello, newHTTPError(x.code, x.received, false, c.redact))
	}
	return nil
}

// Next asks for the next command. A command whose parameters cannot be
// understood is a [*CommandError] with everything that is wrong with them; a
// status in place of a command is a [*StatusError].
func (c *Client) Next(ctx context.Context) (Command, error) {
	answer, err := c.post(ctx, EventNext, nil, policy{limit: c.retry.MaxTime})
	switch {
	case err != nil:
		return Command{}, err
	case answer.command.Verb == "":
		return Command{}, fmt.Errorf("%s: expected a command: %w", EventNext, answer.statusError())
	case answer.problem != nil:
		return answer.command, &CommandError{Command: answer.command, Err: answer.problem}
	default:
		return answer.command, nil
	}
}

// Reply posts the result of a command. Only "unexpected-event" and "invalid"
// are errors; the optimizer has then not taken the result. An outcome other
// than those of package types, and a verb without an answer, are errors before
// anything is sent.
func (c *Client) Reply(ctx context.Context, result Result) error {
	event := result.Verb.Answer()
	if event == "" {
		return fmt.Errorf("result of %q: this verb is not answered", string(result.Verb))
	}
	param, err := encodeResult(result)
	if err != nil {
		return fmt.Errorf("result of %s: %w", result.Verb, err)
	}
	answer, err := c.post(ctx, event, param, policy{limit: c.retry.MaxTime})
	if err != nil {
		return err
	}
	return c.judge(ctx, event, answer, false)
}

// Progress posts how far a command has come. Reports at 0 % and at 100 % are
// not sent, as the protocol has it. Since only the newest report matters, a
// call ends within 30 s, retries included. [ErrCancelRequested] and the other
// steering errors come back as they are; any other error is no reason to stop
// the operation.
func (c *Client) Progress(ctx context.Context, progress Progress) error {
	event := progress.Verb.Answer()
	if event == "" {
		return fmt.Errorf("progress of %q: this verb is not answered", string(progress.Verb))
	}
	param, err := encodeProgress(progress)
	if err != nil {
		return err
	}
	if progress.Percent <= 0 || progress.Percent >= 100 {
		return nil
	}
	answer, err := c.post(ctx, event, param, policy{limit: c.retry.MaxTime, hard: progressLimit, progress: true})
	if err != nil {
		return err
	}
	return c.judge(ctx, event, answer, true)
}

// Goodbye ends the connection; an empty reason is sent as "unknown". It takes
// at most 5 s, and less when ctx ends before, because a servo that says it is
// about to be killed. A client without [Options.HTTP] then closes its idle
// connections; it can still be used.
func (c *Client) Goodbye(ctx context.Context, reason string) error {
	if c.ownHTTP {
		defer c.http.CloseIdleConnections()
	}
	if reason == "" {
		reason = "unknown"
	}
	var param object
	param.text("reason", reason)
	answer, err := c.post(ctx, EventGoodbye, param.end(), policy{limit: c.retry.MaxTime, hard: goodbyeLimit})
	if err != nil {
		return err
	}
	return c.judge(ctx, EventGoodbye, answer, false)
}

func (c *Client) post(ctx context.Context, event Event, param []byte, p policy) (reply, error) {
	x := &exchange{client: c, event: event, method: http.MethodPost, policy: p}
	if err := x.do(ctx, encodeRequest(event, param, c.servoUID)); err != nil {
		return reply{}, err
	}
	return x.answer, nil
}

// judge turns a status into an error. What means nothing for the event is
// logged and forgotten.
func (c *Client) judge(ctx context.Context, event Event, answer reply, progress bool) error {
	switch s := answer.status.Status; {
	case s == statusOK:
		return nil
	case s == statusUnexpected, s == statusInvalid, s == statusCancel && progress:
		return fmt.Errorf("%s: %w", event, answer.statusError())
	default:
		c.note(ctx, event, answer)
		return nil
	}
}

func (c *Client) note(ctx context.Context, event Event, answer reply) {
	c.logger.WarnContext(ctx, "optimizer answered something unusual", "event", string(event),
		"status", answer.status.Status, "reason", clip(answer.status.Reason), "command", string(answer.command.Verb))
}

func (r reply) statusError() *StatusError {
	return &StatusError{Status: r.status.Status, Reason: r.status.Reason, Message: r.status.Message}
}
