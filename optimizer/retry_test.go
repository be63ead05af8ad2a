package optimizer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

func TestHelloWaitsForAnOptimizerThatIsNotReady(t *testing.T) {
	for name, code := range map[string]int{
		"404 not onboarded": http.StatusNotFound,
		"401 unauthorized":  http.StatusUnauthorized,
		"307 redirect":      http.StatusTemporaryRedirect,
		"503 unavailable":   http.StatusServiceUnavailable,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New()
				ready := time.Now().Add(30 * time.Minute)
				c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if time.Now().Before(ready) {
						optimizertest.Status(code, "").ServeHTTP(w, r)
						return
					}
					fake.ServeHTTP(w, r)
				}))
				start := time.Now()
				require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
				took := time.Since(start)
				assert.GreaterOrEqual(t, took, 30*time.Minute)
				assert.LessOrEqual(t, took, 31*time.Minute, "a single wait is at most 60 s")
			})
		})
	}
}

func TestHelloRepeatsAnUnreadableAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New()
		fake.Inject(3, optimizertest.Garbage())
		require.NoError(t, connect(t, fake).Hello(t.Context(), optimizer.Hello{}))
		assert.Len(t, fake.Requests(), 4)
	})
}

func TestRetries(t *testing.T) {
	gone := `{"detail":"unexpected servo_uid"}`
	for _, tt := range []struct {
		name  string
		fault http.Handler
		retry optimizer.Retry
		tries func(t *testing.T, n int)
		took  func(t *testing.T, d time.Duration)
		check func(t *testing.T, err error)
	}{
		{name: "404 until the time is up", fault: optimizertest.Status(404, "nothing"), tries: atLeast(10), took: exactly(10 * time.Minute), check: isHTTP(404)},
		{name: "500 until the time is up", fault: optimizertest.Status(500, ""), tries: atLeast(10), took: exactly(10 * time.Minute), check: isHTTP(500)},
		{name: "429 until the time is up", fault: optimizertest.Status(429, ""), tries: atLeast(10), took: exactly(10 * time.Minute), check: isHTTP(429)},
		{name: "501 is a 5xx too", fault: optimizertest.Status(501, ""), tries: atLeast(10), took: exactly(10 * time.Minute), check: isHTTP(501)},
		{name: "connection broken", fault: optimizertest.Disconnect(), tries: atLeast(10), took: exactly(10 * time.Minute)},
		{name: "tries used up", fault: optimizertest.Status(500, ""), retry: optimizer.Retry{MaxTries: 3}, tries: equally(3), check: isHTTP(500)},
		{name: "one try", fault: optimizertest.Status(500, ""), retry: optimizer.Retry{MaxTries: 1}, tries: equally(1), took: exactly(0)},
		{name: "shorter limit", fault: optimizertest.Status(500, ""), retry: optimizer.Retry{MaxTime: time.Minute}, tries: atLeast(4), took: exactly(time.Minute)},
		{name: "400", fault: optimizertest.Status(400, `{"detail":"bad param"}`), tries: equally(1), took: exactly(0), check: isHTTP(400)},
		{name: "401", fault: optimizertest.Status(401, ""), tries: equally(1), check: isHTTP(401)},
		{name: "403", fault: optimizertest.Status(403, ""), tries: equally(1), check: isHTTP(403)},
		{name: "408", fault: optimizertest.Status(408, ""), tries: equally(1), check: isHTTP(408)},
		{name: "422", fault: optimizertest.Status(422, ""), tries: equally(1), check: isHTTP(422)},
		{name: "redirect", fault: optimizertest.Redirect("http://elsewhere.test/servo"), tries: equally(1), check: isHTTP(307)},
		{name: "garbage", fault: optimizertest.Garbage(), tries: equally(1), check: func(t *testing.T, err error) {
			assert.ErrorContains(t, err, "neither a command nor a status")
		}},
		{name: "no object", fault: optimizertest.Status(200, "[]"), tries: equally(1)},
		{name: "empty", fault: optimizertest.Status(204, ""), tries: equally(1)},
		{name: "too long", fault: optimizertest.Status(200, strings.Repeat(" ", 5<<20)+"{}"), tries: equally(1), check: func(t *testing.T, err error) {
			assert.ErrorContains(t, err, "longer than 4194304 bytes")
		}},
		{name: "410 superseded", fault: optimizertest.Status(410, gone), tries: equally(1), check: func(t *testing.T, err error) {
			isHTTP(410)(t, err)
			assert.ErrorIs(t, err, optimizer.ErrSuperseded)
		}},
		{name: "410 for another reason", fault: optimizertest.Status(410, `{"detail":"moved"}`), tries: equally(1), check: func(t *testing.T, err error) {
			isHTTP(410)(t, err)
			assert.NotErrorIs(t, err, optimizer.ErrSuperseded)
		}},
		{name: "410 without JSON", fault: optimizertest.Status(410, "<gone>"), tries: equally(1), check: func(t *testing.T, err error) {
			isHTTP(410)(t, err)
			assert.NotErrorIs(t, err, optimizer.ErrSuperseded)
		}},
		{name: "410 with a detail of another type", fault: optimizertest.Status(410, `{"detail":[1]}`), tries: equally(1), check: isHTTP(410)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New(optimizertest.Describe())
				fake.Inject(1<<20, tt.fault)
				c := connect(t, fake, func(o *optimizer.Options) { o.Retry = tt.retry })
				start := time.Now()
				_, err := c.Next(t.Context())
				took := time.Since(start)
				require.Error(t, err)
				assert.ErrorContains(t, err, "WHATS_NEXT")
				tt.tries(t, len(fake.Requests()))
				if tt.took != nil {
					tt.took(t, took)
				}
				if tt.check != nil {
					tt.check(t, err)
				}
			})
		})
	}
}

func atLeast(n int) func(*testing.T, int) {
	return func(t *testing.T, tries int) { t.Helper(); assert.GreaterOrEqual(t, tries, n) }
}

func equally(n int) func(*testing.T, int) {
	return func(t *testing.T, tries int) { t.Helper(); assert.Equal(t, n, tries) }
}

func exactly(want time.Duration) func(*testing.T, time.Duration) {
	return func(t *testing.T, took time.Duration) { t.Helper(); assert.Equal(t, want, took) }
}

func isHTTP(code int) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		var status *optimizer.HTTPError
		require.ErrorAs(t, err, &status)
		assert.Equal(t, code, status.StatusCode)
	}
}

func TestUnlimitedRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		back := time.Now().Add(48 * time.Hour)
		c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if time.Now().Before(back) {
				panic(http.ErrAbortHandler)
			}
			fake.ServeHTTP(w, r)
		}), func(o *optimizer.Options) { o.Retry.MaxTime = -1 })
		command, err := c.Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, optimizer.Describe, command.Verb)
	})
}

func TestSupersededAtStartup(t *testing.T) {
	for name, body := range map[string]string{"said so": `{"detail":"unexpected servo_uid"}`, "unclear": "no JSON"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New()
				fake.Inject(9, optimizertest.Status(http.StatusGone, body))
				err := connect(t, fake).Hello(t.Context(), optimizer.Hello{})
				isHTTP(http.StatusGone)(t, err)
				assert.Equal(t, name == "said so", errors.Is(err, optimizer.ErrSuperseded))
				assert.Len(t, fake.Requests(), 1)
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name  string
		code  int
		value func() string
		retry optimizer.Retry
		least time.Duration
		most  time.Duration
	}{
		{name: "seconds", code: 429, value: text("40"), least: 40 * time.Second, most: 40 * time.Second},
		{name: "of 503 too", code: 503, value: text("40"), least: 40 * time.Second, most: 40 * time.Second},
		{name: "capped", code: 429, value: text("86400"), least: time.Minute, most: time.Minute},
		{name: "capped as configured", code: 429, value: text("86400"), retry: optimizer.Retry{MaxWait: 5 * time.Minute}, least: 5 * time.Minute, most: 5 * time.Minute},
		{name: "beyond all bounds", code: 429, value: text("9223372036854775807"), least: time.Minute, most: time.Minute},
		{name: "date", code: 429, value: func() string { return time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat) }, least: 29 * time.Second, most: 30 * time.Second},
		{name: "date in the past", code: 429, value: func() string { return time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat) }, most: time.Second},
		{name: "zero does not make it busy", code: 429, value: text("0"), least: 1, most: time.Second},
		{name: "negative", code: 429, value: text("-5"), most: time.Second},
		{name: "nonsense", code: 429, value: text("soon"), most: time.Second},
		{name: "not of 500", code: 500, value: text("40"), most: time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New(optimizertest.Describe())
				fake.Inject(1, optimizertest.RetryAfter(tt.code, tt.value()))
				c := connect(t, fake, func(o *optimizer.Options) { o.Retry = tt.retry })
				start := time.Now()
				_, err := c.Next(t.Context())
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(start), tt.least)
				assert.LessOrEqual(t, time.Since(start), tt.most)
			})
		})
	}
}

func text(s string) func() string { return func() string { return s } }

// Full jitter: wait n lies between 0 and 2ⁿ s, and is the same for one seed.
func TestWaitsBetweenTries(t *testing.T) {
	waits := func(seed uint64) []time.Duration {
		var waits []time.Duration
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at = append(at, time.Now())
				w.WriteHeader(http.StatusBadGateway)
			}), func(o *optimizer.Options) { o.Rand = rand.NewPCG(seed, 0) })
			_, err := c.Next(t.Context())
			require.Error(t, err)
			for i := 1; i < len(at); i++ {
				waits = append(waits, at[i].Sub(at[i-1]))
			}
		})
		return waits
	}
	one := waits(1)
	assert.Equal(t, one, waits(1))
	assert.NotEqual(t, one, waits(2))
	var sum time.Duration
	for n, wait := range one {
		assert.LessOrEqual(t, wait, min(time.Second<<min(n, 20), time.Minute), "wait %d", n)
		sum += wait
	}
	assert.Equal(t, 10*time.Minute, sum)
}

func TestContextEndsEveryCall(t *testing.T) {
	stop := errors.New("stop requested")
	calls := map[string]func(context.Context, optimizer.Backend) error{
		"hello": func(ctx context.Context, b optimizer.Backend) error { return b.Hello(ctx, optimizer.Hello{}) },
		"next":  func(ctx context.Context, b optimizer.Backend) error { _, err := b.Next(ctx); return err },
		"reply": func(ctx context.Context, b optimizer.Backend) error {
			return b.Reply(ctx, optimizer.Result{Verb: optimizer.Describe})
		},
		"progress": func(ctx context.Context, b optimizer.Backend) error { return b.Progress(ctx, halfway()) },
		"goodbye":  func(ctx context.Context, b optimizer.Backend) error { return b.Goodbye(ctx, "SIGINT") },
	}
	faults := map[string]http.Handler{
		"during a try":  optimizertest.Hang(nil),
		"between tries": optimizertest.RetryAfter(429, "50"),
	}
	for call, f := range calls {
		for when, fault := range faults {
			t.Run(call+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := optimizertest.New()
					fake.Inject(9, fault)
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(2*time.Second, func() { cancel(stop) })
					start := time.Now()
					err := f(ctx, connect(t, fake))
					assert.ErrorIs(t, err, stop)
					assert.Equal(t, 2*time.Second, time.Since(start))
					assert.Len(t, fake.Requests(), 1)
				})
			})
		}
	}
	t.Run("before the first try", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		fake := optimizertest.New()
		assert.ErrorIs(t, connect(t, fake).Hello(ctx, optimizer.Hello{}), stop)
		assert.Empty(t, fake.Requests())
	})
}

func halfway() optimizer.Progress {
	p := optimizer.Progress{Verb: optimizer.Measure, UID: "u1", Runtime: time.Second}
	p.Percent = 50
	return p
}

func TestHangingTryIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		fake.Inject(2, optimizertest.Hang(nil))
		c := connect(t, fake, func(o *optimizer.Options) { o.HTTP.Timeout = time.Minute })
		start := time.Now()
		_, err := c.Next(t.Context())
		require.NoError(t, err)
		assert.Len(t, fake.Requests(), 3)
		assert.GreaterOrEqual(t, time.Since(start), 2*time.Minute)
	})
}

func TestBriefCalls(t *testing.T) {
	for _, tt := range []struct {
		name  string
		call  func(context.Context, optimizer.Backend) error
		limit time.Duration
	}{
		{"progress", func(ctx context.Context, b optimizer.Backend) error { return b.Progress(ctx, halfway()) }, 30 * time.Second},
		{"goodbye", func(ctx context.Context, b optimizer.Backend) error { return b.Goodbye(ctx, "") }, 5 * time.Second},
	} {
		t.Run(tt.name+" hanging", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New()
				fake.Inject(99, optimizertest.Hang(nil))
				start := time.Now()
				err := tt.call(t.Context(), connect(t, fake))
				assert.ErrorContains(t, err, "no answer within "+tt.limit.String())
				assert.Equal(t, tt.limit, time.Since(start))
			})
		})
		t.Run(tt.name+" refused", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New()
				fake.Inject(1<<20, optimizertest.Status(503, "later"))
				start := time.Now()
				err := tt.call(t.Context(), connect(t, fake))
				isHTTP(503)(t, err)
				assert.LessOrEqual(t, time.Since(start), tt.limit)
			})
		})
	}
}

func TestRetriesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		fake := optimizertest.New(optimizertest.Describe())
		fake.Inject(2, optimizertest.Status(503, "down"))
		c := connect(t, fake, func(o *optimizer.Options) {
			o.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		_, err := c.Next(t.Context())
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, 2)
		assert.Contains(t, lines[0], "optimizer request will be repeated")
		assert.Contains(t, lines[0], "event=WHATS_NEXT try=1")
		assert.Contains(t, lines[0], "503 Service Unavailable")
		assert.Contains(t, lines[1], "try=2")
	})
}

// tracked is a transport that counts the bodies it gives away, and whose first
// ones break.
type tracked struct {
	next   http.RoundTripper
	breaks int

	mu     sync.Mutex
	open   int
	served int
}

func (tr *tracked) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := tr.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.open++
	body := &trackedBody{ReadCloser: response.Body, tr: tr}
	if tr.served++; tr.served <= tr.breaks {
		body.err = io.ErrUnexpectedEOF
	}
	response.Body = body
	return response, nil
}

type trackedBody struct {
	io.ReadCloser
	tr   *tracked
	err  error
	once sync.Once
}

func (b *trackedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

func (b *trackedBody) Close() error {
	b.once.Do(func() {
		b.tr.mu.Lock()
		defer b.tr.mu.Unlock()
		b.tr.open--
	})
	return b.ReadCloser.Close()
}

func TestAnswersThatBreakOffAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		fake.Inject(2, optimizertest.Status(503, "later"), optimizer.EventNext)
		fake.Inject(1, optimizertest.Status(403, "no"), optimizer.EventGoodbye)
		tr := &tracked{next: optimizertest.Transport(fake), breaks: 4}
		c := connect(t, fake, func(o *optimizer.Options) { o.HTTP = &http.Client{Transport: tr} })
		command, err := c.Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "u1", command.UID)
		assert.Equal(t, 5, tr.served)
		require.NoError(t, c.Reply(t.Context(), optimizer.Result{Verb: command.Verb, UID: command.UID}))
		require.Error(t, c.Goodbye(t.Context(), "SIGTERM"))
		assert.Zero(t, tr.open, "every body is closed")
	})
}

func TestConcurrentRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		fake.Inject(50, optimizertest.Status(503, ""))
		c := connect(t, fake, func(o *optimizer.Options) { o.Rand = rand.NewPCG(1, 1) })
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := c.Next(t.Context())
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Len(t, fake.Requests(), 58)
	})
}

func TestTriesOfHello(t *testing.T) {
	for _, tt := range []struct {
		retry optimizer.Retry
		want  int
	}{
		{optimizer.Retry{MaxTries: 3}, 3},
		{optimizer.Retry{ConnectMaxTries: 4}, 4},
		{optimizer.Retry{MaxTries: 3, ConnectMaxTries: 4}, 4},
		{optimizer.Retry{MaxTries: 3, ConnectMaxTries: -1}, 9},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := optimizertest.New()
			fake.Inject(8, optimizertest.Status(503, ""))
			err := connect(t, fake, func(o *optimizer.Options) { o.Retry = tt.retry }).Hello(t.Context(), optimizer.Hello{})
			assert.Equal(t, tt.want == 9, err == nil)
			assert.Len(t, fake.Requests(), tt.want, "%+v", tt.retry)
		})
	}
}
