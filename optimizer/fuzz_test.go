package optimizer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
)

// Whatever an optimizer answers to WHATS_NEXT is an error or a command that can
// be sent on and arrives the same.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{
		`{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":{}}}`,
		`{"cmd":"MEASURE","cmd_uid":null,"param":{"metrics":{"a":{"unit":"rpm"},"b":null},"control":{"duration":180,"past":"10s","load":{"n":1}}}}`,
		`{"cmd":"MEASURE","param":{"metrics":["a","a"],"control":{"duration":"1w"}}}`,
		`{"cmd":"ADJUST","cmd_uid":"u3","param":{"state":{"application":{"components":{"c":{"settings":{"cpu":{"value":1.5},"t":{"value":"x"}}}}}},"control":{"settlement":60}}}`,
		`{"cmd":"SLEEP","param":{"duration":60,"data":{"status":"waiting","reason":"none"}}}`,
		`{"cmd":"SLEEP","param":{"duration":1e300}}`,
		`{"status":"unexpected-event","reason":"x"}`,
		`{"cmd":"ADJUST","param":{"state":{"application":{"components":[]}}}}`,
		`[]`, `null`, ``, `{"cmd":`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		command, err := answering(t, body).Next(t.Context())
		var ce *optimizer.CommandError
		if errors.As(err, &ce) {
			assert.Equal(t, ce.Command, command)
			assert.NotEmpty(t, command.Verb)
			return
		}
		if err != nil {
			assert.Zero(t, command)
			return
		}
		h := optimizer.NewHandler(giving(command, nil), optimizer.HandlerOptions{})
		again, err := connect(t, h).Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, canonical(t, command), canonical(t, again))
	})
}

// canonical is the form in which the handler writes a command: what is passed
// through may be spelled differently, and a component that comes back later in
// a document is written where it came first.
func canonical(t *testing.T, c optimizer.Command) string {
	return post(t, optimizer.NewHandler(giving(c, nil), optimizer.HandlerOptions{}), `{"event":"WHATS_NEXT"}`).Body.String()
}

// Whatever an optimizer answers to a progress report is an error or fine.
func FuzzStatus(f *testing.F) {
	for _, seed := range []string{
		`{"status":"ok","message":null,"reason":"success","annotations":{"a":"b"}}`, `{"status":"cancel"}`,
		`{"status":"invalid","reason":"unexpected cmd_uid"}`, `{"status":"unexpected-event","reason":5}`, `{"status":[]}`, `{"cmd":"SLEEP"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		err := answering(t, body).Progress(t.Context(), halfway())
		var status *optimizer.StatusError
		if errors.As(err, &status) {
			assert.NoError(t, answering(t, `{"status":"ok"}`).Progress(t.Context(), halfway()))
			assert.Contains(t, []string{"unexpected-event", "cancel", "invalid"}, status.Status)
		}
	})
}

// Whatever a servo posts is refused, or reaches the backend in a form that the
// client can send and that arrives the same.
func FuzzHandler(f *testing.F) {
	for _, seed := range []string{
		`{"event":"HELLO","param":{"agent":"a","telemetry":{"k":"v"}},"servo_uid":"x"}`,
		`{"event":"WHATS_NEXT","param":null,"servo_uid":null}`,
		`{"event":"GOODBYE","param":{"reason":"SIGTERM"}}`,
		`{"event":"MEASUREMENT","param":{"progress":33.3,"runtime":60.01,"cmd_uid":"u2","message":"m"}}`,
		`{"event":"MEASUREMENT","param":{"status":"ok","metrics":{"t":{"unit":"rpm","values":[{"id":"1","data":[[1709078340,1.5],[1709078341,null]]}]},"e":{"unit":"%","value":0.25}},"annotations":{"a":"b"},"cmd_uid":null}}`,
		`{"event":"DESCRIPTION","param":{"status":"ok","descriptor":{"application":{"components":{"c":{"settings":{"s":{"type":"range","value":1,"min":0,"max":4,"step":1}}}}},"measurement":{"metrics":{"t":{"unit":"rpm"}}}}}}`,
		`{"event":"ADJUSTMENT","param":{"status":"rejected","message":"m","reason":"unstable","other_messages":["a"],"cmd_uid":"u3"}}`,
		`{"event":"ADJUSTMENT","param":{"status":"ok","state":{}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b := new(backend)
		w := httptest.NewRecorder()
		optimizer.NewHandler(b, optimizer.HandlerOptions{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/servo", strings.NewReader(body)))
		if w.Code == 400 {
			assert.Equal(t, new(backend), b)
			return
		}
		// Sent on twice, the second form is that of the first: what decoding
		// drops is dropped once.
		second, third := new(backend), new(backend)
		forward(t, b, second)
		forward(t, second, third)
		assert.Equal(t, second, third)
	})
}

// forward sends everything that one backend received to another.
func forward(t *testing.T, from, to *backend) {
	c := connect(t, optimizer.NewHandler(to, optimizer.HandlerOptions{}))
	for _, hello := range from.hellos {
		require.NoError(t, c.Hello(t.Context(), hello))
	}
	for _, r := range from.results {
		require.NoError(t, c.Reply(t.Context(), r))
	}
	for _, p := range from.reports {
		require.NoError(t, c.Progress(t.Context(), p))
	}
	for _, reason := range from.reasons {
		require.NoError(t, c.Goodbye(t.Context(), reason))
	}
}
