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
)

// maxBody is the most that is read of an answer.
const maxBody = 4 << 20

// policy is what differs between the events.
type policy struct {
	// limit is the MaxTime of the call, negative for none.
	limit time.Duration
	// hard ends the call for good, also in the middle of a try. 0 is none.
	hard time.Duration
	// connecting retries everything but 410: at startup a servo may be ahead
	// of its credentials or of its optimizer.
	connecting bool
	// progress takes every 410 with a detail for superseded.
	progress bool
}

// exchange is one event on its way: one call of the client, many tries.
type exchange struct {
	client *Client
	event  Event
	policy policy

	start, began time.Time
	tries        int
	answer       reply

	// What observers want to know of the current try.
	ended          bool
	took           time.Duration
	code           int
	sent, received []byte
}

// do posts the body until it is answered or the policy gives up.
func (x *exchange) do(ctx context.Context, body []byte) (reply, error) {
	call := ctx
	if x.policy.hard > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, x.policy.hard)
		defer cancel()
	}
	req, err := retryablehttp.NewRequestWithContext(call, http.MethodPost, x.client.url, body)
	if err != nil {
		return reply{}, fmt.Errorf("posting %s: %w", x.event, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", x.client.agent)
	x.client.authorize(req.Header)
	req.SetResponseHandler(x.read)

	x.start, x.sent = time.Now(), body
	var last error
	retrying := &retryablehttp.Client{
		HTTPClient: x.client.http,
		RetryMax:   math.MaxInt,
		// A nil Logger silences the library; it calls the hook all the same.
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) {
			x.began, x.ended, x.code, x.received = time.Now(), false, 0, nil
			x.tries++
		},
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) {
			if err == nil && !x.ended {
				return false, nil // the answer has not been read yet
			}
			x.end()
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
			wait := x.wait(n, resp)
			x.observe(call, wait, last)
			x.client.logger.WarnContext(call, "optimizer request will be repeated",
				"event", string(x.event), "try", x.tries, "wait", wait, "error", last)
			return wait
		},
		ErrorHandler: func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err },
	}
	_, err = retrying.Do(req) //nolint:bodyclose // read has closed it
	switch {
	case err == nil:
		return x.answer, nil
	case ctx.Err() != nil:
		return reply{}, fmt.Errorf("posting %s: %w", x.event, context.Cause(ctx))
	case call.Err() != nil && last == nil:
		last = fmt.Errorf("no answer within %s", x.policy.hard)
	case last == nil:
		last = err
	}
	if x.tries > 1 {
		return reply{}, fmt.Errorf("posting %s: giving up after %d tries: %w", x.event, x.tries, last)
	}
	return reply{}, fmt.Errorf("posting %s: %w", x.event, last)
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
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
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
	if x.answer, err = decodeReply(body); err != nil {
		// The error quotes the body: read it again without the secret.
		if safe := x.client.redact(string(body)); safe != string(body) {
			err = fmt.Errorf("the answer is neither a command nor a status: %q", clip(safe))
		}
		return &answerError{err}
	}
	s := &x.answer.status
	s.Message = x.client.redact(s.Message)
	if s.Reason != reasonUnexpectedUID {
		s.Reason = x.client.redact(s.Reason)
	}
	return nil
}

// again decides whether a failed try is repeated.
func (x *exchange) again(err error) bool {
	retry := x.client.retry
	if retry.MaxTries > 0 && x.tries >= retry.MaxTries {
		return false
	}
	if x.policy.limit >= 0 && x.began.Sub(x.start) >= x.policy.limit {
		return false
	}
	var status *HTTPError
	var answer *answerError
	switch {
	case errors.As(err, &status):
		return retryableStatus(status.StatusCode) || x.policy.connecting && status.StatusCode != http.StatusGone
	case errors.As(err, &answer):
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
