package process

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Config says which command to run and how. In Go, fill the fields you need and
// leave the others zero: [New] sets the defaults. Everything that is wrong is
// reported at once.
type Config struct {
	// Component is the name under which the settings are described. Empty
	// means the name of the connector instance.
	Component string `yaml:"component" description:"Name under which the settings are described. The name of the connector when not given."`
	// Command is the program and its arguments. Required. A name without a
	// slash is looked up in PATH; a relative path is relative to Dir.
	Command []string `yaml:"command" description:"Program and arguments. A name without a slash is looked up in PATH." example:"[./my-app, --port=8080]"`
	// Dir is the working directory. Empty means that of the servo.
	Dir string `yaml:"dir" description:"Working directory. That of the servo when not given."`
	// Env is added to the environment of the command.
	Env map[string]config.Secret `yaml:"env" description:"Variables added to the environment of the command."`
	// InheritEnv gives the command the environment of the servo too. Nil means
	// true.
	InheritEnv *bool `yaml:"inherit_env" description:"Give the command the environment of the servo too. True when not given."`
	// Settings are what an optimizer can adjust, in the order in which they
	// are described.
	Settings []Setting `yaml:"settings" description:"What the optimizer can adjust." example:"[{name: threads, type: range, min: 1, max: 8, default: 2, env: THREADS}]"`
	// File is a configuration file written from the settings. Nil means none.
	File *File `yaml:"file" description:"Configuration file that is written from the settings."`
	// Apply says how changed settings reach the command: "restart", the
	// default, or "signal", which writes the file, sends Signal to the process,
	// and checks after Ready.MinUptime that it is still ready. That is for
	// commands that read all their settings from File.
	Apply string `yaml:"apply" description:"How changed settings reach the command: restart, or signal, for commands that read all settings from the file." jsonschema:"enum=restart,enum=signal"`
	// Signal is sent when Apply is "signal". The default is HUP.
	Signal string `yaml:"signal" description:"Signal that is sent when apply is signal."`
	// Ready says when the command counts as ready.
	Ready Ready `yaml:"ready" description:"When the command counts as ready."`
	// Settlement is how long the command must stay ready after an adjustment,
	// where the optimizer does not say. The default is 0.
	Settlement types.Duration `yaml:"settlement" description:"How long the command must stay ready after an adjustment, where the optimizer does not say."`
	Stop       Stop           `yaml:"stop" description:"How the command is stopped."`
	Restart    Restart        `yaml:"restart" description:"How a command that has died is started again."`
	Output     Output         `yaml:"output" description:"What becomes of the output of the command."`
	// SampleInterval is the time between two points of a measured series. The
	// default is 1s.
	SampleInterval types.Duration `yaml:"sample_interval" description:"Time between two points of a measured series."`
	// MetricsPrefix is put before the names of the metrics. Set it when a servo
	// runs several commands, so that their metrics can be told apart.
	MetricsPrefix string `yaml:"metrics_prefix" description:"Text before the names of the metrics."`
	// Samples says by metric, with its prefix, what becomes of samples that are
	// missing because the process could not be looked at, and of zeros. Default: a
	// missing sample is left out.
	Samples config.SamplePolicies `yaml:"samples" description:"What becomes of missing samples, zeros and the like, by metric; * is for the others." example:"{cpu_cores: {missing: carry}}"`
	_       struct{}
}

// Setting is one setting of the command and where its value goes. It needs at
// least one of Env, Flag and a mention in the template of the file.
type Setting struct {
	Name string `yaml:"name" description:"Name of the setting."`
	// Type is "range" or "enum".
	Type types.SettingKind `yaml:"type" description:"Kind of the setting: range or enum." jsonschema:"enum=range,enum=enum"`
	// Min, Max and Step bound a range, inclusive. Step defaults to 1 for whole
	// numbers.
	Min  types.Value `yaml:"min" description:"Lower bound of a range, inclusive."`
	Max  types.Value `yaml:"max" description:"Upper bound of a range, inclusive."`
	Step types.Value `yaml:"step" description:"Step of a range. 1 for whole numbers when not given."`
	// Values are what an enum accepts.
	Values []types.Value `yaml:"values" description:"What an enum accepts."`
	// Default is the value to begin with. Required.
	Default types.Value `yaml:"default" description:"Value to begin with."`
	// Unit is shown to people.
	Unit string `yaml:"unit" description:"Unit, shown to people."`
	// Pinned settings are rendered and described, and never changed.
	Pinned bool `yaml:"pinned" description:"Describe the setting and never change it."`
	// Env is the environment variable that carries the value.
	Env string `yaml:"env" description:"Environment variable that carries the value."`
	// Flag is the command line flag that carries the value. "{{value}}" stands
	// for it: "--threads={{value}}". A flag without it, such as "-t", is
	// followed by the value as an argument of its own. Flags come after the
	// arguments of the command, in the order of the settings.
	Flag string `yaml:"flag" description:"Command line flag that carries the value; {{value}} stands for it, as in --threads={{value}}."`
}

// File is a file that is written from the settings before the command starts
// or is signalled. It is replaced in one step, so that nobody reads half of it.
// On shutdown the original content is put back, and a file that did not exist
// is removed.
type File struct {
	// Path is relative to the directory of the command.
	Path string `yaml:"path" description:"Path, relative to the directory of the command."`
	// Template is a text/template. {{.name}} is the value of the setting
	// "name", and {{setting "a-b"}} that of a setting whose name is no
	// identifier. Whole numbers compare as numbers, texts as texts.
	Template string `yaml:"template" description:"Text template; {{.name}} is the value of the setting name."`
	// Mode holds the permissions in octal, such as "0640". Empty means those of
	// the existing file, or 0644.
	Mode string `yaml:"mode" description:"Permissions in octal, such as 0640. Those of the existing file, or 0644, when not given."`
}

// Ready says when the command counts as ready: when the probe succeeds. Give at
// most one of HTTP, TCP, Command and Log. Without any, the command is ready when
// it is still alive after MinUptime. An HTTP or TCP probe that succeeds while
// the command does not run is an error: somebody else has its address.
type Ready struct {
	// HTTP is a URL that must answer with a status from 200 to 399. Redirects
	// are not followed.
	HTTP string `yaml:"http" description:"URL that must answer with a status from 200 to 399."`
	// TCP is a host:port that must accept a connection.
	TCP string `yaml:"tcp" description:"Address host:port that must accept a connection."`
	// Command must exit with status 0. It runs with the directory and the
	// environment of the command.
	Command []string `yaml:"command" description:"Command that must exit with status 0."`
	// Log is a regular expression that a line of output must match.
	Log string `yaml:"log" description:"Regular expression that a line of output must match."`
	// Interval is the time between two attempts. The default is 100ms.
	Interval types.Duration `yaml:"interval" description:"Time between two attempts."`
	// Timeout is the deadline for becoming ready. The default is 10s.
	Timeout types.Duration `yaml:"timeout" description:"Deadline for becoming ready."`
	// MinUptime counts when there is no probe. The default is 500ms.
	MinUptime types.Duration `yaml:"min_uptime" description:"How long the command must be alive when there is no probe."`
}

// Stop says how the command is stopped: all its processes get Signal, and those
// that are left after Grace are killed. A shutdown of the servo that leaves
// less time shortens the grace.
type Stop struct {
	// Signal defaults to TERM.
	Signal string `yaml:"signal" description:"Signal that asks the processes to end."`
	// Grace defaults to 5s.
	Grace types.Duration `yaml:"grace" description:"Time after which those that are left are killed."`
}

// Restart says how a command that has died on its own is started again, with
// the settings that were in force: after Backoff at first, and twice as long
// after each further death, up to MaxBackoff. A command that has run for longer
// than MaxBackoff begins anew.
type Restart struct {
	// Backoff defaults to 200ms.
	Backoff types.Duration `yaml:"backoff" description:"Pause before the first restart; it doubles after each further death."`
	// MaxBackoff defaults to 30s, or Backoff if that is more.
	MaxBackoff types.Duration `yaml:"max_backoff" description:"Longest pause."`
}

// Output says what becomes of the output of the command, which is also logged
// line by line at level debug.
type Output struct {
	// Tail is how many of the last lines errors show, at most 1000 and 16 KiB.
	// The default is 40.
	Tail int `yaml:"tail" description:"How many of the last lines errors show, at most 1000." jsonschema:"minimum=1,maximum=1000"`
}

// The ways to apply changed settings.
const (
	applyRestart = "restart"
	applySignal  = "signal"
)

// SetDefaults fills in what is not set.
func (c *Config) SetDefaults() {
	fill(&c.Apply, applyRestart)
	fill(&c.Signal, "HUP")
	fill(&c.Ready.Interval, types.Duration(100*time.Millisecond))
	fill(&c.Ready.Timeout, types.Duration(10*time.Second))
	fill(&c.Ready.MinUptime, types.Duration(500*time.Millisecond))
	fill(&c.Stop.Signal, "TERM")
	fill(&c.Stop.Grace, types.Duration(5*time.Second))
	fill(&c.Restart.Backoff, types.Duration(200*time.Millisecond))
	fill(&c.Restart.MaxBackoff, max(types.Duration(30*time.Second), c.Restart.Backoff))
	fill(&c.Output.Tail, 40)
	fill(&c.SampleInterval, types.Duration(time.Second))
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxTail bounds how many lines of output are kept.
const maxTail = 1000

// Validate reports everything that is wrong, each problem with its path.
func (c *Config) Validate() error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	if strings.ContainsAny(c.Component, ". \t\n") {
		add(config.Invalid("component", c.Component, "a name without dots and blanks"))
	}
	if len(c.Command) == 0 || c.Command[0] == "" {
		add(config.Required("command"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if !isVariable(name) {
			add(config.Invalid("env", name, "the name of an environment variable"))
		}
	}
	mentioned, err := c.validateFile()
	errs = append(errs, err)
	errs = append(errs, c.validateSettings(mentioned)...)
	errs = append(errs, c.validateApply()...)
	errs = append(errs, c.Ready.validate()...)
	if _, ok := signalNamed(c.Stop.Signal); !ok {
		add(config.Invalid("stop.signal", c.Stop.Signal, acceptedSignals()))
	}
	for _, span := range []struct {
		path  string
		value types.Duration
	}{
		{"ready.interval", c.Ready.Interval}, {"ready.timeout", c.Ready.Timeout}, {"ready.min_uptime", c.Ready.MinUptime},
		{"stop.grace", c.Stop.Grace}, {"restart.backoff", c.Restart.Backoff}, {"sample_interval", c.SampleInterval},
	} {
		if span.value <= 0 {
			add(config.Invalid(span.path, span.value, "a positive duration"))
		}
	}
	if c.Restart.MaxBackoff < c.Restart.Backoff {
		add(config.Invalid("restart.max_backoff", c.Restart.MaxBackoff, fmt.Sprintf("at least restart.backoff, which is %s", c.Restart.Backoff)))
	}
	if c.Settlement < 0 {
		add(config.Invalid("settlement", c.Settlement, "zero or a positive duration"))
	}
	if c.Output.Tail < 1 || c.Output.Tail > maxTail {
		add(config.Invalid("output.tail", c.Output.Tail, fmt.Sprintf("a number of lines from 1 to %d", maxTail)))
	}
	var known []string
	for _, m := range c.metrics() {
		known = append(known, m.Name)
	}
	add(c.Samples.Check("samples", known...))
	return errors.Join(errs...)
}

// validateFile also tells which settings the template mentions.
func (c *Config) validateFile() (map[string]bool, error) {
	if c.File == nil {
		return nil, nil
	}
	var errs []error
	if c.File.Path == "" {
		errs = append(errs, config.Required("file.path"))
	}
	if c.File.Mode != "" {
		if _, err := parseMode(c.File.Mode); err != nil {
			errs = append(errs, config.Invalid("file.mode", c.File.Mode, "a permission in octal, such as \"0640\""))
		}
	}
	mentioned := map[string]bool{}
	tmpl, err := parseTemplate(c.File.Template)
	if err != nil {
		return nil, errors.Join(append(errs, &config.FieldError{Path: "file.template", Message: err.Error()})...)
	}
	names := map[string]types.Value{}
	for _, s := range c.Settings {
		names[s.Name] = s.Default
	}
	for _, name := range mentions(tmpl) {
		mentioned[name] = true
		if _, ok := names[name]; !ok {
			errs = append(errs, &config.FieldError{Path: "file.template", Message: fmt.Sprintf("there is no setting %q", name)})
		}
	}
	if len(errs) == 0 {
		if _, err := execute(tmpl, names); err != nil {
			errs = append(errs, &config.FieldError{Path: "file.template", Message: err.Error()})
		}
	}
	return mentioned, errors.Join(errs...)
}

func parseMode(text string) (os.FileMode, error) {
	mode, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err == nil && mode > 0o777 {
		err = errors.New("more than 0777")
	}
	return os.FileMode(mode), err
}

func (c *Config) validateSettings(mentioned map[string]bool) []error {
	var errs []error
	seen := map[string]bool{}
	for i, s := range c.Settings {
		path := fmt.Sprintf("settings[%d]", i)
		if s.Name == "" {
			errs = append(errs, config.Required(path+".name"))
		} else if seen[s.Name] {
			errs = append(errs, config.Invalid(path+".name", s.Name, "unique"))
		}
		seen[s.Name] = true
		errs = append(errs, s.validate(path)...)
		if s.Env != "" && !isVariable(s.Env) {
			errs = append(errs, config.Invalid(path+".env", s.Env, "the name of an environment variable"))
		}
		if s.Env == "" && s.Flag == "" && !mentioned[s.Name] {
			errs = append(errs, &config.FieldError{Path: path, Message: "the value goes nowhere: give env or flag, or mention the setting in file.template"})
		}
		if c.Apply == applySignal && !s.Pinned && (s.Env != "" || s.Flag != "") {
			errs = append(errs, &config.FieldError{Path: path, Message: "env and flag cannot change without a restart: use only file.template with apply: signal, or pin the setting"})
		}
	}
	return errs
}

// longestValue is how long the text of a value may be.
const longestValue = 1000

func (s Setting) validate(path string) []error {
	var errs []error
	problem := func(key, message string) {
		errs = append(errs, &config.FieldError{Path: path + key, Message: message})
	}
	if s.Type != types.RangeKind && s.Type != types.EnumKind {
		return append(errs, config.Invalid(path+".type", string(s.Type), "range or enum"))
	}
	for key, values := range map[string][]types.Value{".min": {s.Min}, ".max": {s.Max}, ".step": {s.Step}, ".default": {s.Default}, ".values": s.Values} {
		for _, v := range values {
			if len(v.String()) > longestValue { // and so too long to be quoted
				return append(errs, config.Invalid(path+key, v.String(), fmt.Sprintf("a value of at most %d characters", longestValue)))
			}
		}
	}
	if s.Name != "" {
		if err := s.describe().Validate(); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				problem("", line)
			}
		}
	}
	if s.Type == types.RangeKind {
		for _, warning := range s.describe().Warnings() {
			problem("", warning)
		}
	}
	if !s.Default.IsSet() {
		errs = append(errs, config.Required(path+".default"))
		return errs
	}
	if len(errs) == 0 {
		if _, err := s.describe().Accept(s.Default); err != nil {
			problem(".default", err.Error())
		} else if v, ok := s.Default.Float64(); ok && s.Type == types.RangeKind {
			lo, _ := s.Min.Float64()
			hi, _ := s.Max.Float64()
			if v < lo || v > hi {
				errs = append(errs, config.Invalid(path+".default", s.Default, fmt.Sprintf("between %s and %s", s.Min, s.Max)))
			}
		}
	}
	return errs
}

// describe returns the setting as the optimizer sees it, without a value.
func (s Setting) describe() types.Setting {
	if s.Type == types.EnumKind {
		d := types.Enum(s.Name, s.Values...)
		d.Unit, d.Pinned = s.Unit, s.Pinned
		return d
	}
	step := s.Step
	if !step.IsSet() && s.Min.Kind() == types.IntKind && s.Max.Kind() == types.IntKind && !s.Min.Equal(s.Max) {
		step = types.Int(1)
	}
	least, most := s.Min, s.Max
	if slices.ContainsFunc([]types.Value{least, most, step}, func(v types.Value) bool { return v.Kind() == types.FloatKind }) {
		// YAML writes 2.0 as 2, so a whole bound among others means a float.
		least, most, step = float(least), float(most), float(step)
	}
	d := types.Range(s.Name, least, most, step)
	d.Unit, d.Pinned = s.Unit, s.Pinned
	return d
}

// float returns a number as a float, and anything else as it is.
func float(v types.Value) types.Value {
	if f, ok := v.Float64(); ok {
		return types.Float(f)
	}
	return v
}

func (c *Config) validateApply() []error {
	var errs []error
	if c.Apply != applyRestart && c.Apply != applySignal {
		errs = append(errs, config.Invalid("apply", c.Apply, "restart or signal"))
	}
	if _, ok := signalNamed(c.Signal); !ok {
		errs = append(errs, config.Invalid("signal", c.Signal, acceptedSignals()))
	}
	if c.Apply == applySignal && c.File == nil {
		errs = append(errs, &config.FieldError{Path: "file", Message: "required with apply: signal"})
	}
	return errs
}

func (r Ready) validate() []error {
	var errs []error
	given := 0
	if r.HTTP != "" {
		given++
		if u, err := url.Parse(r.HTTP); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			errs = append(errs, config.Invalid("ready.http", r.HTTP, "a URL such as http://127.0.0.1:8080/health"))
		}
	}
	if r.TCP != "" {
		given++
		_, port, err := net.SplitHostPort(r.TCP)
		if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > math.MaxUint16 {
			errs = append(errs, config.Invalid("ready.tcp", r.TCP, "an address such as 127.0.0.1:8080"))
		}
	}
	if len(r.Command) > 0 {
		given++
	}
	if r.Log != "" {
		given++
		if _, err := regexp.Compile(r.Log); err != nil {
			errs = append(errs, config.Invalid("ready.log", r.Log, "a regular expression: "+err.Error()))
		}
	}
	if given > 1 {
		errs = append(errs, &config.FieldError{Path: "ready", Message: "give only one of http, tcp, command and log"})
	}
	return errs
}

func isVariable(name string) bool {
	return name != "" && !strings.ContainsAny(name, "=\x00 \t\n")
}

func parseTemplate(text string) (*template.Template, error) {
	return template.New("file").Option("missingkey=error").
		Funcs(template.FuncMap{"setting": func(string) (any, error) { return nil, nil }}).Parse(text)
}
