package servo

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/servokit/servokit/config"
)

// proxy prefers what the settings say to what the environment does.
func proxy(p config.Proxies) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if u, ok, err := p.For(r.URL); ok {
			return u, err
		}
		return http.ProxyFromEnvironment(r)
	}
}

// newHTTPClient makes a client as the common settings ask for. A client of its
// own per servo keeps the connections of one from being closed by another.
func newHTTPClient(c config.Common) (*http.Client, error) {
	transport := &http.Transport{
		Proxy:               proxy(c.Proxies),
		DialContext:         (&net.Dialer{Timeout: c.Timeouts.Connect.Std()}).DialContext,
		TLSHandshakeTimeout: c.Timeouts.Connect.Std(),
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: c.SSLVerify.Insecure, //nolint:gosec // only when the configuration says so explicitly
		},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 4,
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
	return &http.Client{Transport: transport, Timeout: c.Timeouts.Read.Std()}, nil
}
