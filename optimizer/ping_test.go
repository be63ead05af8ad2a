package optimizer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
)

func TestPing(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
		body string
		err  string
	}{
		{"200", 200, `{"status":"ok"}`, ""},
		{"200 with another status", 200, `{"status":"unexpected-event"}`, ""},
		{"200 of something else", 200, `<html>`, "neither a command nor a status"},
		{"202", 202, `{"status":"ok"}`, "HTTP status 202 Accepted"},
		{"404 is not retried", 404, ``, "HTTP status 404"},
		{"503 is not retried", 503, ``, "HTTP status 503"},
		{"410", 410, `{"detail":"unexpected servo_uid"}`, optimizer.ErrSuperseded.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t)
			w.answer(say(tt.code, tt.body))
			err := w.client(t).Ping(t.Context())
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
			assert.JSONEq(t, `{"event":"HELLO","param":null,"servo_uid":null}`, w.only(t).Body)
		})
	}
}
