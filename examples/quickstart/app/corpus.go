package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// corpusBytes bounds the text that is indexed, and so the time until the
	// service is ready.
	corpusBytes = 10 << 20
	// packageBytes keeps one large package from crowding out the others.
	packageBytes = 480 << 10
	// fileBytes excludes tables and other data in the clothes of source code.
	fileBytes = 128 << 10
)

// source is one file of the corpus.
type source struct {
	path string // slash-separated, below the corpus directory
	text string
}

// defaultCorpus asks the go command where the standard library is. The
// variable of the runtime package is not used: it is empty in binaries that
// were built with -trimpath and stale in binaries that were copied.
func defaultCorpus(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, "go", "env", "GOROOT")
	command.Stderr = &stderr
	out, err := command.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("finding the sources of the standard library: %w; "+
			"install Go, or name a directory of Go sources with -corpus or SEARCH_CORPUS", err)
	case err != nil:
		return "", fmt.Errorf("finding the sources of the standard library: go env GOROOT: %w: %s",
			err, bytes.TrimSpace(stderr.Bytes()))
	}
	root := strings.TrimSpace(string(out))
	if root == "" {
		return "", errors.New("finding the sources of the standard library: go env GOROOT printed nothing; " +
			"name a directory of Go sources with -corpus or SEARCH_CORPUS")
	}
	return filepath.Join(root, "src"), nil
}

// readCorpus reads the Go files below directory that say most about its public
// packages: no tests, no internal or vendored packages, no commands, nothing
// generated, and nothing specific to one platform, so that the same sources
// give the same corpus on every platform. Packages near the top come first;
// what does not fit in limit bytes is left out, the deepest packages first,
// and so is what exceeds packageBytes in one package.
func readCorpus(ctx context.Context, directory string, limit int) ([]source, error) {
	root := os.DirFS(directory)
	type candidate struct {
		path  string
		depth int
	}
	var candidates []candidate
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && skipDirectory(name) {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() && wanted(entry.Name()) {
			candidates = append(candidates, candidate{name, strings.Count(name, "/")})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the corpus %s: %w", directory, err)
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.path, b.path))
	})

	var sources []source
	total, inPackage := 0, make(map[string]int)
	for _, c := range candidates {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(root, c.path)
		if err != nil {
			return nil, fmt.Errorf("reading the corpus %s: %w", directory, err)
		}
		directory := path.Dir(c.path)
		if len(text) > fileBytes || inPackage[directory]+len(text) > packageBytes || generated(text) {
			continue
		}
		if total+len(text) > limit {
			break
		}
		total += len(text)
		inPackage[directory] += len(text)
		sources = append(sources, source{c.path, string(text)})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("reading the corpus %s: no Go source files to index below it", directory)
	}
	return sources, nil
}

func skipDirectory(name string) bool {
	switch base := path.Base(name); base {
	case "cmd", "internal", "testdata", "vendor":
		return true
	default:
		return strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
	}
}

func wanted(name string) bool {
	stem, isGo := strings.CutSuffix(name, ".go")
	if !isGo || strings.HasSuffix(stem, "_test") {
		return false
	}
	parts := strings.Split(stem, "_")
	for _, part := range parts[1:] {
		if slices.Contains(platforms, part) {
			return false
		}
	}
	return true
}

// platforms are the file name suffixes that bind a file to a system, or to the
// systems that have no version of their own.
var platforms = []string{
	"386", "aix", "amd64", "android", "arm", "arm64", "asm", "bsd", "darwin", "dragonfly", "freebsd", "generic",
	"illumos", "ios", "js", "linux", "loong64", "mips", "mips64", "mips64le", "mips64x", "mipsle", "mipsx",
	"netbsd", "noasm", "openbsd", "plan9", "posix", "ppc64", "ppc64le", "ppc64x", "riscv64", "s390x", "solaris",
	"stub", "unix", "wasip1", "wasm", "windows",
}

// generated reports whether the text carries the marker that tools put on
// their output, in the lines above the package clause.
func generated(text []byte) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("package ")) {
			return false
		}
		if bytes.HasPrefix(line, []byte("// Code generated ")) && bytes.Contains(line, []byte("DO NOT EDIT")) {
			return true
		}
	}
	return false
}
