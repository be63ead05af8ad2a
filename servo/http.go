package servo

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/servokit/servokit/config"
)

// newHTTPClient makes a client as the common settings ask for. A client of its
// own per servo keeps the connections of one from being closed by another.
func newHTTPClient(c config.Common) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented type
	transport.DialContext = (&net.Dialer{Timeout: c.Timeouts.Connect.Std()}).DialContext
	transport.TLSHandshakeTimeout = c.Timeouts.Connect.Std()
	transport.TLSClientConfig = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: c.SSLVerify.Insecure, //nolint:gosec // only when the configuration says so explicitly
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
