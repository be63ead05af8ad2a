package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// lines is the slog handler that the service has always had: a line per record,
// attributes behind the message.
type lines struct {
	mu    *sync.Mutex
	out   io.Writer
	attrs string
	group string
}

func newLines(out io.Writer) slog.Handler { return &lines{mu: new(sync.Mutex), out: out} }

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	text := "shop: " + r.Message + l.attrs
	r.Attrs(func(a slog.Attr) bool {
		text += l.format(a)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.WriteString(l.out, strings.ReplaceAll(text, "\n", " ")+"\n")
	return err
}

func (l *lines) format(a slog.Attr) string {
	if a.Equal(slog.Attr{}) {
		return ""
	}
	return fmt.Sprintf(" %s%s=%v", l.group, a.Key, a.Value.Resolve())
}

func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *l
	for _, a := range attrs {
		c.attrs += l.format(a)
	}
	return &c
}

func (l *lines) WithGroup(name string) slog.Handler {
	c := *l
	if name != "" {
		c.group += name + "."
	}
	return &c
}
