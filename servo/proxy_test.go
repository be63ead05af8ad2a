package servo_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

// What the settings say about proxies holds for the requests of a servo.
func TestFromConfigUsesProxies(t *testing.T) {
	opt := newBackend(describeCommand)
	var proxied atomic.Int64
	handler := optimizer.NewHandler(opt, optimizer.HandlerOptions{Token: "t"})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied.Add(1)
		assert.Equal(t, "optimizer.test", r.URL.Host)
		http.StripPrefix("/base", handler).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	doc := parse(t, "optimizer: {id: dev.example.com/app, token: t, url: 'http://optimizer.test/base'}\n"+
		"settings: {proxies: {'all://*.test': '"+proxy.URL+"', 'all://': null}}\n")
	s, err := servo.FromConfig(doc, servo.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, runUntilIdle(t, s, opt))
	assert.Positive(t, proxied.Load())
}
