package optimizertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

func report(verb optimizer.Verb, uid string, percent float64) optimizer.Progress {
	p := optimizer.Progress{Verb: verb, UID: uid}
	p.Percent = percent
	return p
}

func next(t *testing.T, b optimizer.Backend) optimizer.Command {
	t.Helper()
	command, err := b.Next(t.Context())
	require.NoError(t, err)
	return command
}

func TestScriptInProcess(t *testing.T) {
	ctx := t.Context()
	fake := optimizertest.New(optimizertest.Describe(), optimizertest.Sleep(time.Second), optimizertest.Adjust())
	require.NoError(t, fake.Hello(ctx, optimizer.Hello{Agent: "a"}))
	assert.Equal(t, "u1", next(t, fake).UID)
	assert.Equal(t, "u1", next(t, fake).UID, "repeated until answered")
	require.NoError(t, fake.Progress(ctx, report(optimizer.Describe, "u1", 50)))
	require.NoError(t, fake.Reply(ctx, optimizer.Result{Verb: optimizer.Describe, UID: "u1"}))
	assert.Equal(t, optimizer.Sleep, next(t, fake).Verb)
	assert.Equal(t, "u3", next(t, fake).UID, "a SLEEP needs no answer")
	require.NoError(t, fake.Reply(ctx, optimizer.Result{Verb: optimizer.Adjust, UID: "u3", Outcome: types.Rejected}))
	assert.Equal(t, time.Minute, next(t, fake).SleepFor)
	fake.Then(optimizertest.Measure(time.Second, "m"))
	assert.Equal(t, "u4", next(t, fake).UID)
	require.NoError(t, fake.Goodbye(ctx, "SIGINT"))
	assert.Empty(t, fake.Violations())
	assert.Len(t, fake.Results(), 2)
	assert.Equal(t, []optimizer.Event{
		"HELLO", "WHATS_NEXT", "WHATS_NEXT", "DESCRIPTION", "WHATS_NEXT", "WHATS_NEXT", "ADJUSTMENT", "WHATS_NEXT", "WHATS_NEXT", "GOODBYE",
	}, fake.Events())
	assert.Equal(t, "a", fake.Requests()[0].Hello.Agent)
}

func TestUIDs(t *testing.T) {
	own := optimizertest.Describe()
	own.UID = "mine"
	assert.Equal(t, "mine", next(t, optimizertest.New(own)).UID)
	assert.Empty(t, next(t, optimizertest.New(own).OmitUIDs()).UID)
	later := optimizertest.New().OmitUIDs()
	later.Then(optimizertest.Describe())
	assert.Empty(t, next(t, later).UID)
}

func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(context.Context, *optimizertest.Optimizer) error
		want error
		says string
	}{
		{"result of another verb", func(ctx context.Context, o *optimizertest.Optimizer) error {
			return o.Reply(ctx, optimizer.Result{Verb: optimizer.Adjust, UID: "u1"})
		}, optimizer.ErrUnexpectedEvent, `out of order event "ADJUSTMENT", expected "MEASUREMENT"`},
		{"progress of another verb", func(ctx context.Context, o *optimizertest.Optimizer) error {
			return o.Progress(ctx, report(optimizer.Describe, "u1", 5))
		}, optimizer.ErrUnexpectedEvent, `out of order event "DESCRIPTION", expected "MEASUREMENT"`},
		{"result of another command", func(ctx context.Context, o *optimizertest.Optimizer) error {
			return o.Reply(ctx, optimizer.Result{Verb: optimizer.Measure, UID: "u0"})
		}, optimizer.ErrUnexpectedCommand, `cmd_uid "u0", expected "u1"`},
		{"a second result", func(ctx context.Context, o *optimizertest.Optimizer) error {
			if err := o.Reply(ctx, optimizer.Result{Verb: optimizer.Measure, UID: "u1"}); err != nil {
				return err
			}
			return o.Reply(ctx, optimizer.Result{Verb: optimizer.Measure, UID: "u1"})
		}, optimizer.ErrUnexpectedEvent, `out of order event "MEASUREMENT", expected "WHATS_NEXT"`},
		{"progress after the result", func(ctx context.Context, o *optimizertest.Optimizer) error {
			if err := o.Reply(ctx, optimizer.Result{Verb: optimizer.Measure, UID: "u1"}); err != nil {
				return err
			}
			return o.Progress(ctx, report(optimizer.Measure, "u1", 99))
		}, optimizer.ErrUnexpectedEvent, `expected "WHATS_NEXT"`},
		{"progress that goes back", func(ctx context.Context, o *optimizertest.Optimizer) error {
			if err := o.Progress(ctx, report(optimizer.Measure, "u1", 50)); err != nil {
				return err
			}
			return o.Progress(ctx, report(optimizer.Measure, "u1", 49))
		}, optimizer.ErrInvalid, "went back from 50 to 49"},
		{"progress at its end", func(ctx context.Context, o *optimizertest.Optimizer) error {
			return o.Progress(ctx, report(optimizer.Measure, "u1", 100))
		}, nil, "progress of 100 percent was sent"},
		{"goodbye without hello", func(ctx context.Context, o *optimizertest.Optimizer) error {
			return o.Goodbye(ctx, "x")
		}, nil, "GOODBYE without a HELLO"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := optimizertest.New(optimizertest.Measure(time.Second, "m"))
			next(t, fake)
			assert.ErrorIs(t, tt.do(t.Context(), fake), tt.want)
			require.Len(t, fake.Violations(), 1)
			assert.Contains(t, fake.Violations()[0], tt.says)
		})
	}
	t.Run("an answer that nobody asked for", func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		err := fake.Reply(t.Context(), optimizer.Result{Verb: optimizer.Describe, UID: "u1"})
		assert.ErrorIs(t, err, optimizer.ErrUnexpectedEvent)
	})
	t.Run("small steps back within one percent are fine", func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		next(t, fake)
		require.NoError(t, fake.Progress(t.Context(), report(optimizer.Describe, "u1", 10.9)))
		require.NoError(t, fake.Progress(t.Context(), report(optimizer.Describe, "u1", 10.1)))
		assert.Empty(t, fake.Violations())
	})
	t.Run("keys missing on the wire", func(t *testing.T) {
		fake := optimizertest.New()
		send(t, fake, `{"event":"HELLO"}`)
		send(t, fake, `{"event":"MEASUREMENT","param":{"progress":5},"servo_uid":null}`)
		send(t, fake, `nonsense`)
		assert.Equal(t, []string{
			`HELLO has no key "param"`, `HELLO has no key "servo_uid"`, `MEASUREMENT has no key "cmd_uid"`,
			`out of order event "MEASUREMENT", expected "WHATS_NEXT"`, "a request is no JSON object",
		}, fake.Violations())
	})
}

func send(t *testing.T, h http.Handler, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h.test/servo", strings.NewReader(body))
	require.NoError(t, err)
	response, err := optimizertest.Transport(h).RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

func TestProgressAnswers(t *testing.T) {
	fake := optimizertest.New(optimizertest.Describe(), optimizertest.Measure(time.Second))
	next(t, fake)
	answers := []error{nil, optimizer.ErrUnexpectedEvent, optimizer.ErrCancelRequested, optimizer.ErrUnexpectedCommand}
	fake.AnswerProgress(answers...)
	for i, want := range answers {
		assert.ErrorIs(t, fake.Progress(t.Context(), report(optimizer.Describe, "u1", float64(i+1))), want)
	}
	assert.Equal(t, "u2", next(t, fake).UID, "a command that was given up is over")
	assert.Empty(t, fake.Violations())
}

func TestSupersede(t *testing.T) {
	fake := optimizertest.New(optimizertest.Describe())
	next(t, fake)
	fake.Supersede()
	ctx := t.Context()
	_, err := fake.Next(ctx)
	for _, err := range []error{
		err, fake.Hello(ctx, optimizer.Hello{}), fake.Goodbye(ctx, "x"),
		fake.Reply(ctx, optimizer.Result{Verb: optimizer.Describe, UID: "u1"}),
		fake.Progress(ctx, report(optimizer.Describe, "u1", 5)),
	} {
		assert.ErrorIs(t, err, optimizer.ErrSuperseded)
	}
}

func TestFaults(t *testing.T) {
	fake := optimizertest.New(optimizertest.Describe()).RequireToken("s3cr3t")
	url := fake.Start(t)
	released := make(chan struct{})
	close(released)
	post := func(token string) (int, http.Header, string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/servo", strings.NewReader(`{"event":"WHATS_NEXT","param":null,"servo_uid":"me"}`))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			return 0, nil, "", err
		}
		defer func() { assert.NoError(t, response.Body.Close()) }()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, response.Header, string(body), err
	}
	for _, tt := range []struct {
		name   string
		fault  http.Handler
		code   int
		header string
		value  string
	}{
		{name: "status", fault: optimizertest.Status(418, "tea"), code: 418},
		{name: "retry after", fault: optimizertest.RetryAfter(429, "7"), code: 429, header: "Retry-After", value: "7"},
		{name: "garbage", fault: optimizertest.Garbage(), code: 200},
		{name: "redirect", fault: optimizertest.Redirect("http://b.test/"), code: 307, header: "Location", value: "http://b.test/"},
		{name: "disconnect", fault: optimizertest.Disconnect()},
		{name: "hang until released", fault: optimizertest.Hang(released)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake.Inject(1, tt.fault)
			fake.Inject(1, tt.fault, optimizer.EventGoodbye) // never due here
			code, header, _, err := post("s3cr3t")
			if tt.code == 0 {
				assert.Error(t, err)
			} else {
				assert.NoError(t, err)
				assert.Equal(t, tt.code, code)
				assert.Equal(t, tt.value, header.Get(tt.header))
			}
			code, _, body, err := post("s3cr3t")
			assert.NoError(t, err)
			assert.Equal(t, 200, code)
			assert.Contains(t, body, `"cmd":"DESCRIBE"`)
		})
	}
	code, _, _, err := post("wrong")
	assert.NoError(t, err)
	assert.Equal(t, 401, code)
	requests := fake.Requests()
	assert.True(t, requests[0].Faulty)
	assert.False(t, requests[1].Faulty)
	assert.Equal(t, "me", requests[0].ServoUID)
	assert.Equal(t, "Bearer s3cr3t", requests[0].Header.Get("Authorization"))
}

func TestStartReleasesWhatHangs(t *testing.T) {
	fake := optimizertest.New()
	fake.Inject(1, optimizertest.Hang(nil))
	failed := make(chan error, 1)
	t.Run("the test that started it", func(t *testing.T) {
		url := fake.Start(t)
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/servo", strings.NewReader(`{"event":"HELLO"}`))
		require.NoError(t, err)
		go func() {
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
			if err == nil {
				err = errors.Join(errors.New("answered"), response.Body.Close())
			}
			failed <- err
		}()
		_, err = fake.WaitRequest(t.Context(), optimizer.EventHello, 1)
		require.NoError(t, err)
	})
	assert.NotContains(t, (<-failed).Error(), "answered")
}

func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		fake := optimizertest.New(optimizertest.Describe(), optimizertest.Measure(time.Second))
		for i := range 2 {
			time.AfterFunc(time.Duration(i+1)*time.Minute, func() {
				command := next(t, fake)
				assert.NoError(t, fake.Reply(ctx, optimizer.Result{Verb: command.Verb, UID: command.UID}))
			})
		}
		start := time.Now()
		r, err := fake.WaitRequest(ctx, optimizer.EventDescription, 1)
		require.NoError(t, err)
		assert.Equal(t, "u1", r.Result.UID)
		assert.Equal(t, time.Minute, time.Since(start))

		stop := errors.New("enough")
		brief, cancel := context.WithTimeoutCause(ctx, time.Second, stop)
		defer cancel()
		results, err := fake.WaitDone(brief)
		assert.ErrorIs(t, err, stop)
		assert.ErrorContains(t, err, "open: MEASURE u2")
		assert.Len(t, results, 1)
		_, err = fake.WaitRequest(brief, optimizer.EventGoodbye, 1)
		assert.ErrorIs(t, err, stop)
		assert.ErrorContains(t, err, "GOODBYE number 1")

		results, err = fake.WaitDone(ctx)
		require.NoError(t, err)
		assert.Len(t, results, 2)
		assert.Equal(t, 2*time.Minute, time.Since(start))
		_, err = fake.WaitRequest(ctx, optimizer.EventNext, 2)
		assert.NoError(t, err, "what is past counts")
	})
}

func TestTransport(t *testing.T) {
	get := func(ctx context.Context, h http.Handler) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://h.test/a?b=c", nil)
		require.NoError(t, err)
		return optimizertest.Transport(h).RoundTrip(request)
	}
	t.Run("answer", func(t *testing.T) {
		response, err := get(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
			_, _ = io.WriteString(w, r.RequestURI)
		}))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, "/a?b=c", string(body))
	})
	t.Run("panic", func(t *testing.T) {
		_, err := get(t.Context(), optimizertest.Disconnect()) //nolint:bodyclose // there is none
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.PanicsWithValue(t, "a bug", func() {
			_, _ = get(t.Context(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })) //nolint:bodyclose // there is none
		})
	})
	t.Run("context ended", func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := get(ctx, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(stop) })) //nolint:bodyclose // there is none
		assert.ErrorIs(t, err, stop)
		_, err = get(ctx, http.NotFoundHandler()) //nolint:bodyclose // there is none
		assert.ErrorIs(t, err, stop)
	})
}
