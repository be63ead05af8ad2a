package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// prompt asks a person one question at a time.
type prompt struct {
	out   io.Writer
	in    io.Reader
	begin sync.Once
	lines chan string // closed at the end of the input
	turn  chan struct{}
}

func newPrompt(in io.Reader, out io.Writer) *prompt {
	return &prompt{out: out, in: in, lines: make(chan string), turn: make(chan struct{}, 1)}
}

var errNobody = errors.New("nobody answers: standard input has ended")

// confirm returns a [servo.Options.Confirm] for the servo of that name. Anything
// but yes is no.
func (p *prompt) confirm(name string) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, question string) (bool, error) {
		p.begin.Do(func() { go p.read() })
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
		defer func() { <-p.turn }()
		fmt.Fprintf(p.out, "%s: %s [y/N] ", name, question)
		select {
		case line, ok := <-p.lines:
			if !ok {
				return false, errNobody
			}
			line = strings.ToLower(strings.TrimSpace(line))
			return line == "y" || line == "yes", nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// read passes lines on. Nothing can interrupt it where it waits for a person, so
// it ends with the input or with the process.
func (p *prompt) read() {
	defer close(p.lines)
	scanner := bufio.NewScanner(p.in)
	for scanner.Scan() {
		p.lines <- scanner.Text()
	}
}
