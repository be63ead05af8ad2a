package servo_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/logging"
)

// curious is an optimizer that asks for diagnostics.
type curious struct {
	*backend
	wishes  []any // optimizer.Directive or error
	polls   []time.Duration
	uploads []optimizer.Diagnostics
	resets  int
	fail    error
}

func (c *curious) PollDiagnostics(context.Context) (optimizer.Directive, error) {
	c.polls = append(c.polls, time.Since(c.began))
	if len(c.wishes) == 0 {
		return optimizer.Withhold, nil
	}
	wish := c.wishes[0]
	c.wishes = c.wishes[1:]
	if err, ok := wish.(error); ok {
		return optimizer.Withhold, err
	}
	return wish.(optimizer.Directive), nil
}

func (c *curious) UploadDiagnostics(_ context.Context, d optimizer.Diagnostics) error {
	c.uploads = append(c.uploads, d)
	return c.fail
}

func (c *curious) ResetDiagnostics(context.Context) error { c.resets++; return nil }

func TestDiagnostics(t *testing.T) {
	tests := []struct {
		name    string
		wishes  []any
		fail    error
		polls   int // in five and a half minutes
		uploads int
		resets  int
	}{
		{"never wanted", nil, nil, 6, 0, 0},
		{"wanted twice", []any{optimizer.Withhold, optimizer.Send, optimizer.Send}, nil, 6, 2, 2},
		{"not any more", []any{optimizer.Send, optimizer.Stop}, nil, 2, 1, 1},
		{"out of reach", []any{errors.New("503 for the 20th time")}, nil, 1, 0, 0},
		{"not taken", []any{optimizer.Send}, errors.New("413"), 1, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := &curious{backend: newBackend(describeCommand), wishes: tt.wishes, fail: tt.fail}
				ring := logging.NewRing(10, 1000)
				s := newServo(t, opt, nil, func(o *servo.Options) {
					o.Logger = slog.New(ring.Handler(nil))
					o.Diagnostics = &servo.Diagnostics{Log: ring, Config: func() (json.RawMessage, error) { return json.RawMessage(`{"a":1}`), nil }}
				})
				use(t, s, newApp("a", nil))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+30*time.Second)
				defer cancel()
				require.NoError(t, s.Run(ctx))
				assert.Len(t, opt.polls, tt.polls)
				assert.Len(t, opt.uploads, tt.uploads)
				assert.Equal(t, tt.resets, opt.resets)
				for _, d := range opt.uploads {
					assert.Equal(t, json.RawMessage(`{"a":1}`), d.Config)
					assert.NotEmpty(t, d.Logs)
				}
				assert.Len(t, opt.all("reply"), 1, "commands go on beside it")
			})
		})
	}
}

func TestDiagnosticsOfADocument(t *testing.T) {
	secret := "s3cr3t-value"
	type account struct {
		Password config.Secret `yaml:"password"`
		URL      string        `yaml:"url"`
	}
	definition := connector.Define(connector.Info{Name: "account"}, func(_ account, env connector.Env) (connector.Connector, error) {
		env.Logger.Info("connecting", "password", secret, "url", "http://me:"+secret+"@host/")
		return newApp("account", nil), nil
	})
	for _, tt := range []struct {
		name, text string
		polls      bool
	}{
		{"off unless it is turned on", "account: {password: s3cr3t-value}\n", false},
		{"on", "no_diagnostics: false\naccount: {password: s3cr3t-value, url: \"http://me:s3cr3t-value@host/\"}\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := parse(t, tt.text)
			synctest.Test(t, func(t *testing.T) {
				opt := &curious{backend: newBackend(), wishes: []any{optimizer.Send}}
				s, err := servo.FromConfig(doc, servo.Options{Optimizer: opt}, definition)
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.NoError(t, s.Run(ctx))
				if !tt.polls {
					assert.Empty(t, opt.polls)
					return
				}
				require.Len(t, opt.uploads, 1)
				text, err := json.Marshal(opt.uploads[0])
				require.NoError(t, err)
				assert.Contains(t, string(text), "connecting")
				assert.Contains(t, string(text), "account")
				assert.NotContains(t, string(text), secret)
			})
		})
	}
}
