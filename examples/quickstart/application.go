package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const appPackage = "github.com/servokit/servokit/examples/quickstart/app"

// application is the search service to optimize.
type application struct {
	binary string
	corpus string // the sources it searches
	addr   string // host:port
}

// buildApp compiles the application into binary.
func buildApp(ctx context.Context, binary string) (application, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return application{}, errors.New("the go command is not in PATH: install Go (https://go.dev/dl), which builds the application and whose sources it searches")
	}
	goroot, err := goCommand(ctx, "", "env", "GOROOT")
	if err != nil {
		return application{}, err
	}
	if _, err := goCommand(ctx, moduleDir(), "build", "-o", binary, appPackage); err != nil {
		return application{}, fmt.Errorf("the application does not build: %w", err)
	}
	return application{binary: binary, corpus: filepath.Join(strings.TrimSpace(goroot), "src")}, nil
}

func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // what is not fixed is the folder that --state names
	cmd.Dir = dir
	// The go command ends its compilers when it is interrupted, but not when
	// it is killed.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// moduleDir is the folder of this file, so that a compiled quickstart finds its
// module from anywhere; empty is the working directory.
func moduleDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return filepath.Dir(file)
}

// The ports to look for a free one in. They lie below the range that systems
// take the ports of outgoing connections from, so that none of those sits on it
// while the application restarts.
const firstPort, lastPort = 20000, 29999

// chooseAddress returns an address that is free now. An address with a port is
// taken as it is, or refused with a clear message when somebody has it.
func chooseAddress(ctx context.Context, listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port != "0" {
		if err := probe(ctx, listen); err != nil {
			return "", fmt.Errorf("the application cannot listen on %s: %w (choose another address with --listen)", listen, err)
		}
		return listen, nil
	}
	start := os.Getpid() % (lastPort - firstPort)
	for i := range lastPort - firstPort {
		addr := net.JoinHostPort(host, strconv.Itoa(firstPort+(start+i)%(lastPort-firstPort)))
		if err = probe(ctx, addr); err == nil {
			return addr, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
	}
	return "", fmt.Errorf("no free port for the application on %s: %w", host, err)
}

func probe(ctx context.Context, addr string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}
