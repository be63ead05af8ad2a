//go:build unix

package process_test

import "net"

func listen(address string) (net.Listener, error) {
	return net.Listen("tcp", address) //nolint:noctx // a test
}
