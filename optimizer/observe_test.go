package optimizer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

// watched is a client to the handler and the tries that it tells of.
func watched(t *testing.T, h http.Handler, refine ...func(*optimizer.Options)) (*optimizer.Client, *[]optimizer.Try) {
	t.Helper()
	var tries []optimizer.Try
	refine = append(refine, func(o *optimizer.Options) {
		o.Observe = func(_ context.Context, try optimizer.Try) { tries = append(tries, try) }
	})
	return connect(t, h, refine...), &tries
}

func TestObserveTellsOfEveryTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe())
		fake.Inject(1, optimizertest.RetryAfter(503, "7"))
		fake.Inject(1, optimizertest.Disconnect())
		fake.Inject(1, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(3 * time.Second) // of the bubble
			w.WriteHeader(http.StatusNotFound)
		}))
		c, tries := watched(t, fake)
		start := time.Now()
		_, err := c.Next(t.Context())
		require.NoError(t, err)
		require.Len(t, *tries, 4)
		first, second, third, last := (*tries)[0], (*tries)[1], (*tries)[2], (*tries)[3]
		for i, try := range *tries {
			assert.Equal(t, optimizer.EventNext, try.Event)
			assert.Equal(t, i+1, try.Number)
			assert.JSONEq(t, `{"event":"WHATS_NEXT","param":null,"servo_uid":null}`, string(try.Request))
		}
		assert.Equal(t, start, first.Began)
		assert.Equal(t, 503, first.StatusCode)
		isHTTP(503)(t, first.Err)
		assert.Equal(t, 7*time.Second, first.Wait)
		assert.Zero(t, first.Took)

		assert.Equal(t, first.Began.Add(7*time.Second), second.Began)
		assert.Zero(t, second.StatusCode)
		assert.Error(t, second.Err)
		assert.Empty(t, second.Response)
		assert.Equal(t, second.Began.Add(second.Wait), third.Began)

		assert.Equal(t, 3*time.Second, third.Took)
		isHTTP(404)(t, third.Err)
		assert.Equal(t, third.Began.Add(third.Took+third.Wait), last.Began)

		assert.Equal(t, 200, last.StatusCode)
		assert.NoError(t, last.Err)
		assert.Zero(t, last.Wait)
		assert.Contains(t, string(last.Response), `"cmd":"DESCRIBE"`)
	})
}

func TestObserveTellsOfTheLastTry(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault http.Handler
		code  int
	}{
		{"refused", optimizertest.Status(403, "no"), 403},
		{"not understood", optimizertest.Garbage(), 200},
		{"tries used up", optimizertest.Status(500, "down"), 500},
		{"context ended", optimizertest.Hang(nil), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := optimizertest.New()
				fake.Inject(9, tt.fault)
				c, tries := watched(t, fake, func(o *optimizer.Options) { o.Retry.MaxTries = 1 })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := c.Next(ctx)
				require.Error(t, err)
				require.Len(t, *tries, 1)
				try := (*tries)[0]
				assert.Equal(t, tt.code, try.StatusCode)
				assert.Zero(t, try.Wait)
				if tt.code != 0 {
					assert.ErrorIs(t, err, try.Err)
				} else {
					assert.ErrorIs(t, try.Err, context.DeadlineExceeded)
					assert.Equal(t, time.Second, try.Took)
				}
			})
		})
	}
}

// A status that steers the servo is an answer like any other, and so is a
// command whose parameters make no sense.
func TestObserveTakesSteeringForAnAnswer(t *testing.T) {
	for _, body := range []string{`{"status":"unexpected-event"}`, `{"cmd":"ADJUST"}`} {
		c, tries := watched(t, optimizertest.Status(200, body))
		_, err := c.Next(t.Context())
		require.Error(t, err)
		require.Len(t, *tries, 1)
		assert.NoError(t, (*tries)[0].Err)
		assert.Equal(t, body, string((*tries)[0].Response))
	}
}

func TestObserveSeesNoSecret(t *testing.T) {
	const secret = "s3cr3t-t0k3n"
	for _, token := range []string{secret, "Bearer " + secret, "X-SF-Token " + secret} {
		for _, code := range []int{200, 404, 403} {
			synctest.Test(t, func(t *testing.T) {
				c, tries := watched(t, optimizertest.Status(code, `{"status":"ok","reason":"`+token+`"}`), func(o *optimizer.Options) {
					o.Token, o.Retry.MaxTries = token, 2
				})
				err := c.Hello(t.Context(), optimizer.Hello{Telemetry: map[string]string{"leak": secret}})
				assert.Equal(t, code == 200, err == nil)
				require.NotEmpty(t, *tries)
				for _, try := range *tries {
					text := fmt.Sprintf("%v %+v %#v %s %s", try, try, try, try.Request, try.Response)
					for e := try.Err; e != nil; e = errors.Unwrap(e) {
						text += fmt.Sprintf("%v %+v %#v", e, e, e)
					}
					assert.NotContains(t, text, secret)
					assert.Contains(t, string(try.Request), "[REDACTED]")
					assert.Contains(t, string(try.Response), "[REDACTED]")
				}
			})
		}
	}
}
