package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDrain stops a service while a request waits for its only worker, which
// the test holds.
func TestDrain(t *testing.T) {
	for name, finishes := range map[string]bool{"request is answered": true, "request that takes too long is cut off": false} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			log := newLogBuffer()
			service := newService(settings{workers: 1, shards: 1, gogc: 100, corpus: writeCorpus(t, smallCorpus)}, slog.New(slog.NewTextHandler(log, nil)))
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			stopped := make(chan error, 1)
			go func() { stopped <- service.run(ctx, listener) }()
			log.await(t, "msg=ready")

			held, _, err := service.pool.acquire(ctx)
			require.NoError(t, err)
			type answer struct {
				status int
				err    error
			}
			answers := make(chan answer, 1)
			go func() {
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+listener.Addr().String()+"/search?q=cat", nil)
				if err != nil {
					answers <- answer{err: err}
					return
				}
				response, err := client.Do(request)
				if err != nil {
					answers <- answer{err: err}
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				answers <- answer{response.StatusCode, err}
			}()
			awaitWaiting(t, service.pool, 1)

			begin := time.Now()
			stop()
			log.await(t, "msg=draining")
			if finishes {
				service.pool.release(held)
				assert.Equal(t, answer{http.StatusOK, nil}, <-answers)
			}
			require.NoError(t, <-stopped)
			took := time.Since(begin)
			if !finishes {
				assert.GreaterOrEqual(t, took, drainTimeout, "it had its chance")
				assert.Error(t, (<-answers).err)
				assert.Contains(t, log.String(), "requests cut off")
			}
			assert.Less(t, took, drainTimeout+5*time.Second)

			_, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
			assert.Error(t, err, "the port is free again")
		})
	}
}
