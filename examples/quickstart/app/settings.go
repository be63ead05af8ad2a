package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

const envPrefix = "SEARCH_"

// settings are what an operator, or an optimizer, chooses.
type settings struct {
	listen string
	corpus string // empty: the sources of the installed Go

	workers     int
	cacheMiB    int
	gogc        int
	compression int
	shards      int
}

// A tunable is a setting that trades latency, processor time and memory.
type tunable struct {
	name               string // of the flag
	unit               string
	usage              string
	min, max, standard int
	field              func(*settings) *int
}

func (t *tunable) env() string { return envName(t.name) }

func envName(flagName string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

var tunables = []tunable{
	{"workers", "workers", "requests that are worked on at the same time",
		1, 16, 2, func(s *settings) *int { return &s.workers }},
	{"cache-mib", "MiB", "size of the result cache, 0 for none",
		0, 256, 0, func(s *settings) *int { return &s.cacheMiB }},
	{"gogc", "percent", "growth of the heap at which the garbage collector runs",
		25, 800, 100, func(s *settings) *int { return &s.gogc }},
	{"compression", "level", "gzip level of the responses, 0 for none",
		0, 9, 9, func(s *settings) *int { return &s.compression }},
	{"shards", "shards", "parts of the index that one request searches side by side",
		1, 8, 1, func(s *settings) *int { return &s.shards }},
}

const (
	listenUsage = "address to listen on, host:port; port 0 takes a free one"
	corpusUsage = "directory with the Go sources to search (default: the src directory of go env GOROOT)"
)

// A settingsError lists everything that is wrong with the settings.
type settingsError struct{ problems []string }

func (e *settingsError) Error() string {
	return "reading the settings: " + strings.Join(e.problems, "; ")
}

// parseSettings reads the settings from the arguments, which win, from the
// environment, and from the defaults. It reports all values that cannot be
// used in one *settingsError, and flag.ErrHelp after it has printed the usage
// to output. An empty variable counts as one that is not set. Unknown lists
// variables that start like ours and mean nothing: probably a typing error,
// but possibly somebody else's.
func parseSettings(args, environ []string, output io.Writer) (s settings, unknown []string, err error) {
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	texts := map[string]*string{
		"listen": flags.String("listen", "", listenUsage),
		"corpus": flags.String("corpus", "", corpusUsage),
	}
	for i := range tunables {
		texts[tunables[i].name] = flags.String(tunables[i].name, "", tunables[i].usage)
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return settings{}, nil, errors.Join(err, printUsage(output))
		}
		return settings{}, nil, &settingsError{[]string{err.Error()}}
	}
	var problems []string
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Sprintf("arguments %q: none are expected beyond flags", flags.Args()))
	}

	// From here on a text comes with the name of where it was set.
	origins := make(map[string]string)
	flags.Visit(func(f *flag.Flag) { origins[f.Name] = "-" + f.Name })
	for _, pair := range environ {
		key, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(key, envPrefix) {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, envPrefix), "_", "-"))
		text, known := texts[name]
		if !known || envName(name) != key {
			unknown = append(unknown, key)
			continue
		}
		if origins[name] == "" && value != "" {
			origins[name], *text = key, value
		}
	}
	slices.Sort(unknown)

	s.listen = "127.0.0.1:8080"
	if origin := origins["listen"]; origin != "" {
		s.listen = *texts["listen"]
		if err := checkAddress(s.listen); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %q: %v", origin, s.listen, err))
		}
	}
	s.corpus = *texts["corpus"]
	for i := range tunables {
		t := &tunables[i]
		*t.field(&s) = t.standard
		origin := origins[t.name]
		if origin == "" {
			continue
		}
		value, err := strconv.Atoi(strings.TrimSpace(*texts[t.name]))
		if err != nil || value < t.min || value > t.max {
			problems = append(problems, fmt.Sprintf("%s: %q: must be a whole number from %d to %d (%s)",
				origin, *texts[t.name], t.min, t.max, t.unit))
			continue
		}
		*t.field(&s) = value
	}
	if problems != nil {
		return settings{}, unknown, &settingsError{problems}
	}
	return s, unknown, nil
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be host:port with a port from 0 to 65535, e.g. 127.0.0.1:8080")
	}
	return nil
}

func printUsage(output io.Writer) error {
	var b strings.Builder
	b.WriteString("A search service over the Go standard library.\n\n")
	fmt.Fprintf(&b, "  -listen, %s\n\t%s (default 127.0.0.1:8080)\n", envName("listen"), listenUsage)
	fmt.Fprintf(&b, "  -corpus, %s\n\t%s\n", envName("corpus"), corpusUsage)
	for i := range tunables {
		t := &tunables[i]
		fmt.Fprintf(&b, "  -%s, %s\n\t%s (%s; %d to %d, default %d)\n", t.name, t.env(), t.usage, t.unit, t.min, t.max, t.standard)
	}
	_, err := io.WriteString(output, b.String())
	return err
}

// report is the part of the settings that /stats shows.
func (s settings) report() map[string]int {
	values := make(map[string]int, len(tunables))
	for i := range tunables {
		t := &tunables[i]
		values[strings.ReplaceAll(t.name, "-", "_")] = *t.field(&s)
	}
	return values
}
