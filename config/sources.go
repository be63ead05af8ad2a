package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"
)

// Sources says where the values of a configuration come from. The first of them
// that gives a value wins: options, the environment, the file ".env", the
// configuration file, and last the default of the key. Mappings are merged key
// by key; lists and single values replace each other.
//
// The zero Sources reads servo.yaml and nothing else. A command line uses
//
//	config.Sources{File: file, Environ: os.Environ(), Dotenv: "."}
//
// Nothing here looks at the process environment by itself, so tests give their
// own. The package documentation says which variable belongs to which key.
type Sources struct {
	// File is the path of the configuration file. Default "servo.yaml".
	File string
	// Text is used instead of what File holds, unless it is nil. File is then
	// only the name for messages.
	Text []byte
	// Options are the values of highest precedence by the path of their key, such
	// as "optimizer.token" or "vegeta.rate". A text is read like the value of a
	// variable; other values stand for themselves.
	Options map[string]any
	// Environ holds "NAME=value" entries as from os.Environ. Nil means no
	// environment.
	Environ []string
	// Dotenv is the folder where the search for a file ".env" begins; it goes on
	// in the folders above. Empty means that none is read. The process
	// environment is not changed by it.
	Dotenv string
	// FileFirst restores the order of the Python servo, in which the
	// configuration file goes before options and environment.
	FileFirst bool

	_ struct{}
}

// defaultFile is read when no file is named.
const defaultFile = "servo.yaml"

// Load reads all sources. The documents and the error are those of [Parse], with
// the values of the other sources merged in. A problem with a value from
// elsewhere names its variable, as in
//
//	$SERVO_VEGETA_RATE: vegeta.rate: "fast" is not …
//
// A file that does not exist is an error for errors.Is(err, fs.ErrNotExist).
func (s Sources) Load() ([]*Document, error) {
	file := cmp.Or(s.File, defaultFile)
	order, err := s.order()
	if err != nil {
		return nil, err
	}
	data := s.Text
	if data == nil {
		if data, err = readConfiguration(file); err != nil {
			return nil, err
		}
	}
	return parse(file, data, order)
}

// layer is one source. They differ in data only: what merges them knows a list.
type layer struct {
	file      bool              // the configuration file stands here
	variables map[string]string // from an environment
	from      string            // the file the variables stand in
	options   map[string]any    // by key path
	origin    map[string]int    // where origins lists a variable or option
}

// layers are the sources in order of precedence, the first wins. A nil *layers
// is the file alone.
type layers struct {
	list []layer
	// origins are what messages call the sources of values. A node that comes
	// from origins[i] has the line -1-i, which travels with it.
	origins []string
}

func (s Sources) order() (*layers, error) {
	dotenv, name, err := readDotenv(s.Dotenv)
	if err != nil {
		return nil, err
	}
	all := &layers{list: []layer{
		{options: s.Options},
		{variables: variables(s.Environ)},
		{variables: dotenv, from: name},
		{file: true},
	}}
	if s.FileFirst {
		slices.SortStableFunc(all.list, func(a, b layer) int {
			return cmp.Compare(btoi(b.file), btoi(a.file))
		})
	}
	for i := range all.list {
		l := &all.list[i]
		l.origin = map[string]int{}
		add := func(key, label string) {
			l.origin[key] = len(all.origins)
			all.origins = append(all.origins, label)
		}
		for _, key := range slices.Sorted(maps.Keys(l.options)) {
			add(key, "option "+key)
		}
		for _, key := range slices.Sorted(maps.Keys(l.variables)) {
			label := "$" + key
			if l.from != "" {
				label += " in " + l.from
			}
			add(key, label)
		}
	}
	return all, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// variables reads "NAME=value" entries. As in a process, the last one counts.
func variables(environ []string) map[string]string {
	out := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			out[name] = value
		}
	}
	return out
}

// maxDotenv bounds a file ".env" and a file that holds a secret.
const maxDotenv = 1 << 20

// readDotenv finds and reads the file ".env" in dir or the nearest folder above.
func readDotenv(dir string) (map[string]string, string, error) {
	if dir == "" {
		return nil, "", nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", fmt.Errorf("looking for .env: %w", err)
	}
	for {
		name := filepath.Join(dir, ".env")
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			values, err := parseDotenv(name)
			return values, name, err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return nil, "", nil
		}
		dir = above
	}
}

func parseDotenv(name string) (map[string]string, error) {
	data, err := readBounded(name, maxDotenv)
	if err != nil {
		return nil, fmt.Errorf("reading .env: %w", err)
	}
	if expandsTooFar(data) {
		return nil, FieldErrors{{File: name, Message: "its variables expand to more than 4 MiB"}}
	}
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		// What the library says quotes the text, which may hold a secret.
		return nil, FieldErrors{{File: name, Message: "not lines of the form NAME=value"}}
	}
	return values, nil
}

// readBounded reads a regular file that must not be larger than limit. Anything
// else, such as a pipe that nobody writes to, could be waited for without end.
func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return data, nil
}

func readConfiguration(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingFileError(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	// One byte more than is allowed, so that parsing sees that there is too much.
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return data, nil
}

// place translates the position of a node, see layers.origins.
func (l *layers) place(file string, line, column int) (string, int, int) {
	if line < 0 && l != nil && -line <= len(l.origins) {
		return l.origins[-line-1], 0, 0
	}
	return file, max(line, 0), column
}

// variable returns a variable of the environment or of .env.
func (l *layers) variable(name string) (value string, ok bool) {
	if l == nil {
		return "", false
	}
	for _, layer := range l.list {
		if value, ok := layer.variables[name]; ok {
			return value, true
		}
	}
	return "", false
}

// given reports whether a variable is set to more than empty text.
func (l *layers) given(name string) bool {
	value, ok := l.variable(name)
	return ok && value != ""
}

// byKey finds the entries of a mapping by their key.
func byKey(n *yaml.Node) map[string]entry {
	if n == nil || resolve(n).Kind != yaml.MappingNode {
		return nil
	}
	out := map[string]entry{}
	for _, e := range entries(resolve(n)) {
		out[resolve(e.key).Value] = e
	}
	return out
}

// merge lays high over low: mappings are joined, anything else is replaced.
func merge(high, low *yaml.Node) *yaml.Node {
	if high == nil {
		return low
	}
	if low == nil || resolve(high).Kind != yaml.MappingNode || resolve(low).Kind != yaml.MappingNode {
		return high
	}
	above := byKey(high)
	out := *resolve(low)
	out.Content = nil
	for _, e := range entries(resolve(low)) {
		name := resolve(e.key).Value
		if a, ok := above[name]; ok {
			e = entry{a.key, merge(a.value, e.value)}
			delete(above, name)
		}
		out.Content = append(out.Content, e.key, e.value)
	}
	for _, e := range entries(resolve(high)) {
		if _, left := above[resolve(e.key).Value]; left {
			out.Content = append(out.Content, e.key, e.value)
		}
	}
	return &out
}
