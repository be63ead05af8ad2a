package optimizer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/oauth2"
)

// maxBody is the most that is read of an answer.
const maxBody = 4 << 20

// policy is what differs between the calls.
type policy struct {
	// limit is the MaxTime of the call, negative for none.
	limit time.Duration
	// hard ends the call for good, also in the middle of a try. 0 is none.
	hard time.Duration
	// tries is the most tries unless fewer are configured. 0 is none.
	tries int
	// connecting retries everything but 410: at startup a servo may be ahead
	// of its credentials or of its optimizer.
	connecting bool
	// faults retries no status below 500.
	faults bool
	// progress takes every 410 with a detail for superseded.
	progress bool
}

// What the values of Try.Event are that no servo posts.
const (
	eventToken  Event = "token"
	eventCheck  Event = "diagnostics-check"
	eventOutput Event = "diagnostics-output"
	eventReset  Event = "diagnostics-reset"
)

// acceptAll is shared by all requests, which only read it.
var acceptAll = []string{"*/*"}

// exchange is one request on its way: one call of the client, many tries.
type exchange struct {
	client *Client
	event  Event
	method string
	// path is appended to the address of the optimizer; empty is that of events.
	path string
	// decode reads the body of a success; nil reads a reply into answer.
	decode func(body []byte) error
	policy policy

	start, began time.Time
	tries        int
	answer       reply

	// The door that the current try goes through, or why there is none. refused
	// is the token that was answered with 401, renewed that it has been made up
	// for at once.
	door    *door
	denied  error
	refused string
	renewed bool

	// What observers want to know of the current try.
	ended          bool
	took           time.Duration
	code           int
	sent, received []byte
}

// exchangeKey is the key of the exchange in the context of its requests, where
// credentials are not fixed.
type exchangeKey struct{}

// do sends the body until it is answered or the policy gives up.
func (x *exchange) do(ctx context.Context, body []byte) error {
	c, call := x.client, ctx
	if x.policy.hard > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, x.policy.hard)
		defer cancel()
	}
	requests := call
	if !c.entrance().static {
		requests = context.WithValue(requests, exchangeKey{}, x)
	}
	req := &retryablehttp.Request{Request: (&http.Request{
		Method: x.method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": contentType, "Accept": acceptAll, "User-Agent": c.agents,
		},
	}).WithContext(requests)}
	if err := req.SetBody(body); err != nil {
		return fmt.Errorf("posting %s: %w", x.event, err)
	}
	req.SetResponseHandler(x.read)

	x.start, x.sent = time.Now(), body
	var last error
	retrying := &retryablehttp.Client{
		HTTPClient: c.http,
		RetryMax:   math.MaxInt,
		// A nil Logger silences the library; it calls the hook all the same.
		RequestLogHook: func(_ retryablehttp.Logger, r *http.Request, _ int) { x.begin(call, r) },
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) {
			if err == nil && !x.ended {
				return false, nil // the answer has not been read yet
			}
			x.end()
			if err != nil && x.denied != nil {
				err = x.denied // without the request that was never made
			}
			again := err != nil && ctx.Err() == nil && x.again(err)
			if !again {
				x.observe(call, 0, err)
			}
			if ctx.Err() == nil {
				last = err
			}
			return again, nil // the library hands err on
		},
		Backoff: func(_, _ time.Duration, n int, resp *http.Response) time.Duration {
			if x.renews() {
				x.renewed = true
				x.observe(call, 0, last)
				c.logger.InfoContext(call, "optimizer refused the token, asking for another", "event", string(x.event))
				return 0
			}
			wait := x.wait(n, resp)
			x.observe(call, wait, last)
			c.logger.WarnContext(call, "optimizer request will be repeated",
				"event", string(x.event), "try", x.tries, "wait", wait, "error", last)
			return wait
		},
		ErrorHandler: func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err },
	}
	_, err := retrying.Do(req) //nolint:bodyclose // read has closed it
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("posting %s: %w", x.event, context.Cause(ctx))
	case call.Err() != nil && last == nil:
		last = fmt.Errorf("no answer within %s", x.policy.hard)
	case last == nil:
		last = err
	}
	if x.tries > 1 {
		return fmt.Errorf("posting %s: giving up after %d tries: %w", x.event, x.tries, last)
	}
	return fmt.Errorf("posting %s: %w", x.event, last)
}

// begin notes that a try begins, and gives its request address and credentials.
func (x *exchange) begin(ctx context.Context, r *http.Request) {
	c := x.client
	x.began, x.ended, x.code, x.received = time.Now(), false, 0, nil
	x.tries++
	if !c.entrance().static {
		ctx = context.WithValue(context.WithValue(ctx, exchangeKey{}, x), oauth2.HTTPClient, c.tokens)
	}
	d, err := c.entrance().open(ctx, x.refused)
	if x.denied = err; err != nil {
		if d = x.door; d == nil {
			r.URL = unknown // the gate is closed
			return
		}
	}
	if x.door != nil && x.door.header != d.header {
		r.Header.Del(x.door.header)
	}
	x.door = d
	if d.header != "" {
		r.Header[d.header] = d.values
	}
	if r.URL = d.events; x.path != "" {
		r.URL = d.base.JoinPath(x.path)
	}
}

// end notes that a try has ended, in whichever way.
func (x *exchange) end() {
	if !x.ended {
		x.ended, x.took = true, time.Since(x.began)
	}
}

// read takes the whole answer, so that a connection that breaks in the middle
// of it counts as a failed try like any other.
func (x *exchange) read(resp *http.Response) error {
	body, err := readAll(io.LimitReader(resp.Body, maxBody+1), resp.ContentLength)
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	resp.Body = http.NoBody
	x.code, x.received = resp.StatusCode, body[:min(len(body), maxBody)]
	x.end()
	x.client.logger.DebugContext(resp.Request.Context(), "optimizer answered",
		"event", string(x.event), "try", x.tries, "status", resp.StatusCode, "took", x.took)
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return newHTTPError(resp.StatusCode, body, x.policy.progress, x.client.redact)
	case len(body) > maxBody:
		return &answerError{fmt.Errorf("the answer is longer than %d bytes", maxBody)}
	}
	if x.decode != nil {
		return x.decode(body)
	}
	safe := x.client.redact(string(body))
	if x.answer, err = decodeReply(body); err != nil {
		if safe != string(body) { // the error quotes the body
			err = fmt.Errorf("the answer is neither a command nor a status: %q", clip(safe))
		}
		return &answerError{err}
	}
	if safe != string(body) {
		x.answer.conceal(safe, x.client.redact)
	}
	return nil
}

// conceal makes what is for people in a reply what it is in its body without
// secrets. What the servo works with stays as it came.
func (r *reply) conceal(safe string, redact func(string) string) {
	r.status.Message = redact(r.status.Message)
	if r.status.Reason != reasonUnexpectedUID {
		r.status.Reason = redact(r.status.Reason)
	}
	r.command.SleepReason = redact(r.command.SleepReason)
	if r.problem == nil {
		return
	}
	if again, err := decodeReply([]byte(safe)); err == nil && again.problem != nil {
		r.problem = again.problem
	} else {
		r.problem = errors.New("its parameters make no sense, and would show a secret")
	}
}

// renews reports whether the try was refused for a token that can be renewed,
// for the first time.
func (x *exchange) renews() bool {
	return x.refused != "" && x.code == http.StatusUnauthorized && !x.renewed
}

// readAll reads to the end. The length is what is expected, negative when that
// is not known.
func readAll(r io.Reader, length int64) ([]byte, error) {
	const least = 512
	body := make([]byte, 0, min(max(length+1, least), maxBody+1)) // one byte more: the end is found without growing
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// again decides whether a failed try is repeated.
func (x *exchange) again(err error) bool {
	retry := x.client.retry
	if x.code == http.StatusUnauthorized && !x.client.entrance().static {
		x.refused = x.door.access.Token
		if x.renews() {
			return true // whatever the limits: this is no retry of the same
		}
	}
	most, n := x.policy.tries, retry.MaxTries
	if x.policy.connecting {
		n = retry.ConnectMaxTries
	}
	if n > 0 && (most == 0 || n < most) {
		most = n
	}
	if most > 0 && x.tries >= most {
		return false
	}
	if x.policy.limit >= 0 && x.began.Sub(x.start) >= x.policy.limit {
		return false
	}
	var status *HTTPError
	var answer *answerError
	var oauth *OAuthError
	var access *accessError
	switch {
	case errors.As(err, &access) && access.lasting():
		return false
	case errors.As(err, &status):
		if x.policy.faults {
			return status.StatusCode >= 500
		}
		return retryableStatus(status.StatusCode) || x.policy.connecting && status.StatusCode != http.StatusGone
	case errors.As(err, &answer), errors.As(err, &oauth):
		return x.policy.connecting
	default:
		return true
	}
}

// retryableStatus: 404 is a workload that the optimizer does not know yet.
func retryableStatus(code int) bool {
	return code == http.StatusNotFound || code == http.StatusTooManyRequests || code >= 500
}

// wait is the time before retry n: what the optimizer asked for, else full
// jitter. It never leads past the end of the retries.
func (x *exchange) wait(n int, resp *http.Response) time.Duration {
	most := x.client.retry.MaxWait
	wait := retryAfter(resp)
	if wait <= 0 {
		span := time.Duration(math.MaxInt64)
		if n < 32 {
			span = time.Second << n
		}
		if most >= 0 {
			span = min(span, most)
		}
		wait = time.Duration(x.client.random() * float64(span))
	}
	if most >= 0 {
		wait = min(wait, most)
	}
	if x.policy.limit >= 0 {
		wait = min(wait, x.policy.limit-time.Since(x.start))
	}
	return max(wait, 0)
}

// retryAfter reads how long a busy optimizer wants to be left alone; 0 is
// nothing of use, also when it says 0.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		const most = int64(math.MaxInt64 / time.Second)
		return time.Duration(max(0, min(seconds, most))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
