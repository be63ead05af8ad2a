package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/servokit/servokit/config"
)

func (p program) sources(o options) config.Sources {
	return config.Sources{File: o.config, Environ: p.environ, Dotenv: "."}
}

// load returns the documents of the configuration that are wanted. The error
// lists everything that is wrong with it.
func (p program) load(o options) ([]*config.Document, error) {
	if err := findable(o.config); err != nil {
		return nil, err
	}
	docs, err := p.sources(o).Load()
	if err != nil {
		if all := model().Validate(p.sources(o)); all != nil {
			err = all // with the problems of the stanzas
		}
		return nil, err
	}
	return selected(docs, o.name)
}

// findable makes a file that is not there, or is none, an error of the command
// line.
func findable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("--config-file: %s does not exist", file)
	case err != nil:
		return fmt.Errorf("--config-file: %w", err)
	case info.IsDir():
		return usagef("--config-file: %s is a folder", file)
	}
	return nil
}

// selected returns the document of that name, or all of them for no name.
func selected(docs []*config.Document, name string) ([]*config.Document, error) {
	if name == "" {
		return docs, nil
	}
	known := make([]string, len(docs))
	for i, doc := range docs {
		if known[i] = doc.Name; known[i] == "" {
			known[i] = doc.Optimizer.DisplayName()
		}
		if known[i] == name {
			return []*config.Document{doc}, nil
		}
	}
	return nil, usagef("--name: there is no servo %q (known: %s)", name, strings.Join(known, ", "))
}
