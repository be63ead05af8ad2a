package optimizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// Whatever a backend returns as an error, the client at the other end returns
// an error that matches it, with the reason.
func TestErrorsTravel(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want error
		says string
	}{
		{"unexpected event", fmt.Errorf("%w: expected MEASUREMENT", optimizer.ErrUnexpectedEvent), optimizer.ErrUnexpectedEvent, "MEASUREMENT: unexpected event: expected MEASUREMENT"},
		{"bare", optimizer.ErrUnexpectedEvent, optimizer.ErrUnexpectedEvent, "unexpected event"},
		{"cancel", fmt.Errorf("%w: budget used up", optimizer.ErrCancelRequested), optimizer.ErrCancelRequested, "cancelled by the optimizer: budget used up"},
		{"unexpected command", optimizer.ErrUnexpectedCommand, optimizer.ErrUnexpectedCommand, "unexpected command"},
		{"invalid", fmt.Errorf("%w: progress went back", optimizer.ErrInvalid), optimizer.ErrInvalid, "refused by the optimizer: progress went back"},
		{"superseded", fmt.Errorf("asking the registry: %w", optimizer.ErrSuperseded), optimizer.ErrSuperseded, "410"},
		{"status error", &optimizer.StatusError{Status: "invalid", Reason: "bad", Message: "metrics"}, optimizer.ErrInvalid, "refused by the optimizer: bad: metrics"},
		{"wrapped status error", fmt.Errorf("engine: %w", &optimizer.StatusError{Status: "cancel", Reason: "enough"}), optimizer.ErrCancelRequested, "cancelled by the optimizer: enough"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := optimizer.NewHandler(giving(optimizer.Command{}, tt.err), optimizer.HandlerOptions{})
			err := connect(t, h).Progress(t.Context(), halfway())
			assert.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, tt.says)
		})
	}
	t.Run("anything else", func(t *testing.T) {
		var out strings.Builder
		h := optimizer.NewHandler(giving(optimizer.Command{}, errors.New("disk full")), optimizer.HandlerOptions{
			Logger: slog.New(slog.NewTextHandler(&out, nil)),
		})
		err := connect(t, h, func(o *optimizer.Options) { o.Retry.MaxTries = 1 }).Hello(t.Context(), optimizer.Hello{})
		isHTTP(http.StatusInternalServerError)(t, err)
		assert.ErrorContains(t, err, "disk full")
		assert.Contains(t, out.String(), "disk full")
	})
	t.Run("a command without a verb", func(t *testing.T) {
		h := optimizer.NewHandler(giving(optimizer.Command{}, nil), optimizer.HandlerOptions{})
		_, err := connect(t, h, func(o *optimizer.Options) { o.Retry.MaxTries = 1 }).Next(t.Context())
		isHTTP(http.StatusInternalServerError)(t, err)
	})
}

func TestResultsTravel(t *testing.T) {
	scalar := types.Measurement{
		Readings:    []types.Reading{types.DataPoint{Metric: types.Metric{Name: "error_rate", Unit: types.Percentage}, Sample: types.Observe(0.25)}},
		Annotations: map[string]string{},
	}
	for _, r := range []optimizer.Result{
		{Verb: optimizer.Describe, UID: "u1", Description: exampleDescription},
		{Verb: optimizer.Measure, Measurement: scalar},
		{Verb: optimizer.Adjust, UID: "u3", Description: exampleDescription},
		{Verb: optimizer.Adjust, UID: "u3", Outcome: types.Rejected, Reason: "unstable", Message: "no", Others: []string{"a", "b"}},
		{Verb: optimizer.Measure, Outcome: types.Aborted},
		{Verb: optimizer.Measure, Outcome: types.Failed, Message: "naïve “quotes” \x00 </script>"},
		{Verb: optimizer.Describe, Outcome: types.Cancelled, Message: "Command cancelled"},
	} {
		b := new(backend)
		require.NoError(t, connect(t, optimizer.NewHandler(b, optimizer.HandlerOptions{})).Reply(t.Context(), r))
		assert.Equal(t, []optimizer.Result{r}, b.results)
	}
}

func TestRequestsOfOtherServos(t *testing.T) {
	b := new(backend)
	h := optimizer.NewHandler(b, optimizer.HandlerOptions{})
	for _, body := range []string{
		`{"event":"HELLO","param":null,"servo_uid":null}`,
		`{"event":"HELLO","param":{"agent":"a","telemetry":{"k":"v"},"more":1}}`,
		`{"event":"GOODBYE"}`,
		`{"event":"GOODBYE","param":{"reason":"exit"}}`,
		`{"event":"MEASUREMENT","param":{"progress":10,"runtime":5,"time_remain":3,"log":["x"]}}`,
	} {
		w := post(t, h, body)
		assert.Equal(t, http.StatusOK, w.Code, body)
		assert.JSONEq(t, `{"status":"ok"}`, w.Body.String())
	}
	assert.Equal(t, []optimizer.Hello{{}, {Agent: "a", Telemetry: map[string]string{"k": "v"}}}, b.hellos)
	assert.Equal(t, []string{"", "exit"}, b.reasons)
	assert.InDelta(t, 10, b.reports[0].Percent, 0)
}

func TestRequestsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"no JSON", `hello`, 400, "the body is no request"},
		{"no object", `[]`, 400, "the body is no request"},
		{"empty", ``, 400, "the body is no request"},
		{"no event", `{}`, 400, `event: "" is unknown: accepted are HELLO`},
		{"unknown event", `{"event":"CHECK"}`, 400, `event: "CHECK" is unknown`},
		{"uid of another type", `{"event":"HELLO","servo_uid":5}`, 400, "servo_uid"},
		{"telemetry of another type", `{"event":"HELLO","param":{"telemetry":{"a":1}}}`, 400, "HELLO: param"},
		{"goodbye of another type", `{"event":"GOODBYE","param":[]}`, 400, "GOODBYE: param"},
		{"neither result nor progress", `{"event":"MEASUREMENT","param":{}}`, 400, "status or progress is required"},
		{"null param", `{"event":"MEASUREMENT","param":null}`, 400, "status or progress is required"},
		{"unknown outcome", `{"event":"ADJUSTMENT","param":{"status":"fine"}}`, 400, `param.status: "fine" is unknown: accepted are ok, failed`},
		{"status of another type", `{"event":"ADJUSTMENT","param":{"status":1}}`, 400, "ADJUSTMENT: param"},
		{"no descriptor", `{"event":"DESCRIPTION","param":{"status":"ok"}}`, 400, "param.descriptor: required"},
		{"null state", `{"event":"ADJUSTMENT","param":{"status":"ok","state":null}}`, 400, "param.state: required"},
		{"no metrics", `{"event":"MEASUREMENT","param":{"status":"ok","annotations":{}}}`, 400, "param.metrics: required"},
		{"metrics of another type", `{"event":"MEASUREMENT","param":{"status":"ok","metrics":5}}`, 400, "param.metrics"},
		{"descriptor of another type", `{"event":"DESCRIPTION","param":{"status":"ok","descriptor":{"application":1}}}`, 400, "param.descriptor"},
		{"progress in words", `{"event":"MEASUREMENT","param":{"progress":"half"}}`, 400, "MEASUREMENT: param"},
		{"endless runtime", `{"event":"MEASUREMENT","param":{"progress":5,"runtime":1e300}}`, 400, "param.runtime"},
		{"runtime back in time", `{"event":"MEASUREMENT","param":{"progress":5,"runtime":-1}}`, 400, "param.runtime"},
		{"too long", `{"event":"` + strings.Repeat("x", 4096) + `"}`, 413, "longer than 4096 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := new(backend)
			w := post(t, optimizer.NewHandler(b, optimizer.HandlerOptions{MaxBody: 4096}), tt.body)
			assert.Equal(t, tt.code, w.Code)
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
			var answer struct{ Detail string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			assert.Contains(t, answer.Detail, tt.want)
			assert.Equal(t, new(backend), b, "the backend has seen nothing")
		})
	}
}

func TestHandlerRoutes(t *testing.T) {
	h := optimizer.NewHandler(new(backend), optimizer.HandlerOptions{})
	for _, tt := range []struct {
		method, path string
		code         int
	}{
		{http.MethodPost, "/servo", http.StatusOK},
		{http.MethodPost, "/accounts/a/applications/b/servo", http.StatusOK},
		{http.MethodPost, "/servo/", http.StatusOK},
		{http.MethodPost, "/", http.StatusNotFound},
		{http.MethodPost, "/myservo", http.StatusNotFound},
		{http.MethodGet, "/servo", http.StatusMethodNotAllowed},
		{http.MethodPut, "/servo", http.StatusMethodNotAllowed},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(`{"event":"HELLO"}`)))
		assert.Equal(t, tt.code, w.Code, "%s %s", tt.method, tt.path)
		if tt.code == http.StatusMethodNotAllowed {
			assert.Equal(t, http.MethodPost, w.Header().Get("Allow"))
		}
	}
}

func TestHandlerToken(t *testing.T) {
	const hello = `{"event":"HELLO"}`
	for _, tt := range []struct {
		name, token string
		header      []string
		code        int
	}{
		{"open", "", nil, 200},
		{"right", "s3cr3t", []string{"Authorization", "Bearer s3cr3t"}, 200},
		{"right in another case", "s3cr3t", []string{"Authorization", "bearer s3cr3t"}, 200},
		{"right as sf", "s3cr3t", []string{"X-SF-Token", "s3cr3t"}, 200},
		{"configured as sent", "Bearer s3cr3t", []string{"Authorization", "Bearer s3cr3t"}, 200},
		{"configured as sf", "X-SF-Token s3cr3t", []string{"X-SF-Token", "s3cr3t"}, 200},
		{"missing", "s3cr3t", nil, 401},
		{"empty", "s3cr3t", []string{"Authorization", "Bearer "}, 401},
		{"wrong", "s3cr3t", []string{"Authorization", "Bearer s3cr3"}, 401},
		{"another scheme", "s3cr3t", []string{"Authorization", "Basic s3cr3t"}, 401},
		{"a token that nobody can send", "a\nb", nil, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := post(t, optimizer.NewHandler(new(backend), optimizer.HandlerOptions{Token: tt.token}), hello, tt.header...)
			assert.Equal(t, tt.code, w.Code)
			assert.NotContains(t, w.Body.String(), "s3cr3t")
			if tt.code == 401 {
				assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
			}
		})
	}
}
