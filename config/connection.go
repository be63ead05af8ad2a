package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.yaml.in/yaml/v3"
)

const (
	connectFor  = 60 * time.Second // how long Connect waits for the file
	lookAnyway  = 30 * time.Second // how often Watch looks without being told
	maxFileSize = 1 << 20
)

// Connect returns a with what its connection file says: endpoint, tenant and
// token. URL and TokenURL are derived unless they are configured. Without a
// connection file it only derives them.
//
// A file that does not exist yet is waited for, up to 60 s with growing pauses or
// until ctx ends. One that cannot be understood is an error at once.
func (a AppDynamics) Connect(ctx context.Context) (AppDynamics, error) {
	if a.ConnectionFile == "" {
		return a.derived(), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectFor, errors.New("it did not appear within "+connectFor.String()))
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 8*time.Second) {
		connected, _, err := a.readConnection()
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return connected, err
		}
		select {
		case <-ctx.Done():
			return AppDynamics{}, errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// Watch calls changed with what [AppDynamics.Connect] would return: once for the
// connection file as it is, so that no change between Connect and Watch is missed,
// and again each time its content has changed and can be understood. A changed
// file that cannot be understood is a warning in the log, and what was read last
// stays in force; so is one that is missing, from the start or later, and it is
// read when it appears. Each is said once. Watch returns when ctx ends, with nil, or when the folder of the
// file cannot be watched. It calls changed from the goroutine it was called in;
// a nil logger is silent. Call it on the value that was configured, not on the
// result of Connect: that holds what the old file said.
func (a AppDynamics) Watch(ctx context.Context, logger *slog.Logger, changed func(AppDynamics)) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if a.ConnectionFile == "" {
		<-ctx.Done()
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the connection file: %w", err)
	}
	defer func() { _ = watcher.Close() }() // nothing is lost
	// The folder, because the file of a mounted secret is replaced by swapping a
	// link beside it; a watch of the file would stay with the old one.
	if err := watcher.Add(filepath.Dir(a.ConnectionFile)); err != nil {
		return fmt.Errorf("watching the connection file: %w", err)
	}
	var last [sha256.Size]byte // of no file
	var problem string         // why it could not be read when it was last looked at
	look := func() {
		connected, hash, err := a.readConnection()
		unread := ""
		if err != nil && hash == [sha256.Size]byte{} {
			unread = err.Error()
		}
		if hash == last && unread == problem {
			return
		}
		last, problem = hash, unread
		if err != nil {
			logger.WarnContext(ctx, "connection file cannot be used, the old credentials stay", "file", a.ConnectionFile, "error", err)
			return
		}
		logger.InfoContext(ctx, "connection file read", "file", a.ConnectionFile)
		changed(connected)
	}
	anyway := time.NewTicker(lookAnyway)
	defer anyway.Stop()
	for {
		look()
		select {
		case <-ctx.Done():
			return nil
		case <-anyway.C:
		case <-watcher.Events:
		case err := <-watcher.Errors:
			logger.WarnContext(ctx, "watching the connection file", "file", a.ConnectionFile, "error", err)
		}
	}
}

// derived fills in the URLs that follow from others.
func (a AppDynamics) derived() AppDynamics {
	a.URL = Optimizer{AppDynamics: &a}.Endpoint()
	a.TokenURL = a.TokenEndpoint()
	return a
}

// connection is what counts in a connection file.
type connection struct {
	Authorization Secret         `yaml:"Authorization"`
	Endpoint      string         `yaml:"Endpoint"`
	TenantID      string         `yaml:"TenantId"`
	Others        map[string]any `yaml:",inline"`
}

// Validate reports what is missing.
func (c connection) Validate() error {
	var errs []error
	if c.Authorization.IsZero() {
		errs = append(errs, Required("Authorization"))
	}
	if c.Endpoint == "" {
		errs = append(errs, Required("Endpoint"))
	}
	if c.TenantID == "" {
		errs = append(errs, Required("TenantId"))
	}
	return errors.Join(append(errs, validURL("Endpoint", c.Endpoint))...)
}

// readConnection also returns a hash of the content, which is that of nothing
// when it cannot be read.
func (a AppDynamics) readConnection() (AppDynamics, [sha256.Size]byte, error) {
	var hash [sha256.Size]byte
	data, err := readBounded(a.ConnectionFile, maxFileSize)
	if err != nil {
		return AppDynamics{}, hash, fmt.Errorf("reading the connection file: %w", err)
	}
	hash = sha256.Sum256(data)
	roots, err := parseNodes(a.ConnectionFile, data)
	if err != nil {
		return AppDynamics{}, hash, err
	}
	root := roots[0]
	problems, ok := inspect(a.ConnectionFile, root)
	if !ok {
		return AppDynamics{}, hash, problems.asError()
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Line: 1, Column: 1}
	c, err := Decode[connection](&Stanza{file: a.ConnectionFile, key: key, value: root})
	if err := Join(problems.asError(), err); err != nil {
		return AppDynamics{}, hash, err
	}
	a.Token, a.TenantID = c.Authorization, c.TenantID
	a.BaseURL = strings.TrimRight(c.Endpoint, "/")
	return a.derived(), hash, nil
}
