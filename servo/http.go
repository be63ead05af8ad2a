package servo

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/servokit/servokit/config"
)

// maxConnections is how many connections to one host there are at most, unless
// something else is asked for.
const maxConnections = 100

// proxy prefers what the settings say to what the environment does.
func proxy(p config.Proxies) func(*http.Request) (*url.URL, error) {
	environment := environmentProxy()
	return func(r *http.Request) (*url.URL, error) {
		if u, ok, err := p.For(r.URL); ok {
			return u, err
		}
		return environment(r.URL)
	}
}

// environmentProxy reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and ALL_PROXY for
// what the first two leave open. The API of the cluster that a servo runs in is
// never behind a proxy.
func environmentProxy() func(*url.URL) (*url.URL, error) {
	c := httpproxy.FromEnvironment()
	all := cmp.Or(os.Getenv("ALL_PROXY"), os.Getenv("all_proxy"))
	c.HTTPProxy, c.HTTPSProxy = cmp.Or(c.HTTPProxy, all), cmp.Or(c.HTTPSProxy, all)
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); host != "" {
		c.NoProxy += "," + host
	}
	return c.ProxyFunc()
}

// transports makes HTTP clients as the common settings of servos ask for, with
// one transport for all that want the same, so that many servos share a bounded
// number of connections.
type transports struct {
	perHost int // connections to one host at a time; 0 means maxConnections

	mu   sync.Mutex
	made map[string]*http.Transport
}

// client returns a client for the settings. It is an error when the file of
// certificates cannot be used.
func (t *transports) client(c config.Common) (*http.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := transportKey(c)
	transport := t.made[key]
	if transport == nil {
		var err error
		if transport, err = newTransport(c, t.perHost); err != nil {
			return nil, err
		}
		if t.made == nil {
			t.made = map[string]*http.Transport{}
		}
		t.made[key] = transport
	}
	client := &http.Client{Transport: transport, Timeout: c.Timeouts.Read.Std()}
	if pool, write := c.Timeouts.Pool.Std(), c.Timeouts.Write.Std(); pool > 0 || write > 0 {
		client.Transport = &limits{Transport: transport, pool: pool, write: write}
	}
	return client, nil
}

// transportKey tells settings that need transports of their own apart. It holds
// the passwords of proxies, which count, so it must not be shown.
func transportKey(c config.Common) string {
	var key strings.Builder
	for _, pattern := range slices.Sorted(maps.Keys(c.Proxies)) {
		fmt.Fprintf(&key, "%q=%q ", pattern, c.Proxies[pattern])
	}
	fmt.Fprintf(&key, "%t %q %d", c.SSLVerify.Insecure, c.SSLVerify.CAFile, c.Timeouts.Connect.Std())
	return key.String()
}

// closeIdle closes the connections that nobody uses.
func (t *transports) closeIdle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, transport := range t.made {
		transport.CloseIdleConnections()
	}
}

func newTransport(c config.Common, perHost int) (*http.Transport, error) {
	transport := &http.Transport{
		Proxy:               proxy(c.Proxies),
		DialContext:         (&net.Dialer{Timeout: c.Timeouts.Connect.Std()}).DialContext,
		TLSHandshakeTimeout: c.Timeouts.Connect.Std(),
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: c.SSLVerify.Insecure, //nolint:gosec // only when the configuration says so explicitly
		},
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     cmp.Or(perHost, maxConnections),
		MaxIdleConnsPerHost: max(4, perHost),
		IdleConnTimeout:     90 * time.Second,
	}
	if file := c.SSLVerify.CAFile; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("settings.ssl_verify: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("settings.ssl_verify: %s: no PEM certificates found in it", file)
		}
		transport.TLSClientConfig.RootCAs = roots
	}
	return transport, nil
}
