package config

import (
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

// Common holds the settings all connectors and the servo share, the stanza
// "settings". Start from [DefaultCommon] when you build one in code: the zero
// value has no time limits at all.
type Common struct {
	// Backoff bounds retries per context, such as "connect". What the file gives
	// replaces the default of that context and leaves the others. Look contexts
	// up with BackoffFor.
	Backoff map[string]Backoff `yaml:"backoff" description:"Bounds of retries by context; __default__ is for contexts without an entry."`
	// Proxies say which requests go through a proxy. Those that no pattern
	// matches follow the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	Proxies Proxies `yaml:"proxies" description:"Proxy for everything, or proxies by pattern with null for none. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count for the rest."`
	// Timeouts bound the requests of connectors.
	Timeouts Timeouts `yaml:"timeouts" description:"One duration for all, or durations for connect, read, write and pool. 0 and none mean no limit."`
	// SSLVerify says how servers prove who they are.
	SSLVerify SSLVerify `yaml:"ssl_verify" description:"Verify certificates: true, false, or the path of a file with the certificates to trust."`
	// ProgressInterval is the time between progress reports of a running command.
	// Default 60s.
	ProgressInterval types.Duration `yaml:"progress_interval" description:"Time between two reports of the progress of a command."`
}

// Backoff bounds the retries of one context. The zero value retries forever.
type Backoff struct {
	// MaxTime is how long to keep trying; 0 means without limit.
	MaxTime types.Duration `yaml:"max_time" env:"BACKOFF_SETTINGS_MAX_TIME" description:"How long to keep trying. No limit when null or 0."`
	// MaxTries is how often to try, the first time included; 0 means without
	// limit.
	MaxTries int `yaml:"max_tries" env:"BACKOFF_SETTINGS_MAX_TRIES" description:"How often to try, the first time included. No limit when null or 0."`
}

// defaultContext is the entry for contexts that have none.
const defaultContext = "__default__"

// DefaultCommon returns the settings of a configuration that says nothing: retry
// for 10 minutes, connect for 1 hour; connect within 10s and answer within 60s;
// verify certificates; report progress every 60s.
func DefaultCommon() Common {
	return Common{
		Backoff: map[string]Backoff{
			defaultContext: {MaxTime: types.Duration(10 * time.Minute)},
			"connect":      {MaxTime: types.Duration(time.Hour)},
		},
		Timeouts:         Timeouts{Connect: types.Duration(10 * time.Second), Read: types.Duration(60 * time.Second)},
		ProgressInterval: types.Duration(60 * time.Second),
	}
}

// SetDefaults makes c what [DefaultCommon] returns.
func (c *Common) SetDefaults() { *c = DefaultCommon() }

// fillBackoff gives the contexts of backoff what the variables BACKOFF_SETTINGS_*
// say and no other source does. The defaults count as said, except that they
// leave the number of tries open.
func (l *layers) fillBackoff(root *yaml.Node) *yaml.Node {
	settings := valueAt(root, "settings")
	backoff := valueAt(settings, "backoff")
	for _, key := range []string{"max_time", "max_tries"} {
		for _, layer := range l.list {
			variable := "BACKOFF_SETTINGS_" + strings.ToUpper(key)
			value, ok := layer.variables[variable]
			if !ok || value == "" {
				continue
			}
			n := scalar(value, -1-layer.origin[variable])
			if backoff != nil && resolve(backoff).Kind == yaml.MappingNode {
				for _, e := range entries(resolve(backoff)) {
					context := resolve(e.key).Value
					if resolve(e.value).Kind == yaml.MappingNode && valueAt(e.value, key) == nil {
						backoff = with(backoff, context, with(e.value, key, n))
					}
				}
			}
			if key == "max_tries" {
				for _, context := range []string{defaultContext, "connect"} {
					if valueAt(backoff, context) == nil {
						span := DefaultCommon().Backoff[context].MaxTime
						given := with(nil, "max_time", scalar(span.String(), n.Line))
						backoff = with(backoff, context, with(given, key, n))
					}
				}
			}
			break
		}
	}
	if backoff == nil {
		return root
	}
	return with(root, "settings", with(settings, "backoff", backoff))
}

// BackoffFor returns the bounds for a context: its own, or else those of
// "__default__", or else the default of those.
func (c Common) BackoffFor(context string) Backoff {
	for _, m := range []map[string]Backoff{c.Backoff, DefaultCommon().Backoff} {
		for _, key := range []string{context, defaultContext} {
			if b, ok := m[key]; ok {
				return b
			}
		}
	}
	return Backoff{}
}

// Validate reports a progress interval that is not positive.
func (c Common) Validate() error {
	if c.ProgressInterval <= 0 {
		return Invalid("progress_interval", c.ProgressInterval, "a positive duration")
	}
	return nil
}

// Validate reports negative bounds.
func (b Backoff) Validate() error {
	var problems FieldErrors
	if b.MaxTime < 0 {
		problems = append(problems, flatten(Invalid("max_time", b.MaxTime, "a duration of 0 (no limit) or more"))...)
	}
	if b.MaxTries < 0 {
		problems = append(problems, flatten(Invalid("max_tries", b.MaxTries, "a number of 0 (no limit) or more"))...)
	}
	return problems.asError()
}

// Timeouts bound the parts of a request; 0 means without limit. In a file they
// are one duration for all four, or a mapping of connect, read, write, pool and
// timeout, where timeout stands for those of the four that are not given. Both 0
// and "none" mean without limit.
type Timeouts struct {
	// Connect bounds making the connection. Default 10s.
	Connect types.Duration `yaml:"connect" description:"Making the connection."`
	// Read bounds the whole response. Default 60s.
	Read types.Duration `yaml:"read" description:"The whole response."`
	// Write bounds sending the request. No limit by default.
	Write types.Duration `yaml:"write" description:"Sending the request."`
	// Pool bounds waiting for a free connection. No limit by default.
	Pool types.Duration `yaml:"pool" description:"Waiting for a free connection."`
}

// UnmarshalYAML reads either form.
func (t *Timeouts) UnmarshalYAML(unmarshal func(any) error) error {
	var form any
	if err := unmarshal(&form); err != nil {
		return err
	}
	switch form.(type) {
	case map[string]any, map[any]any:
	default:
		var all limit
		if err := unmarshal(&all); err != nil {
			return err
		}
		*t = Timeouts{Connect: all.span, Read: all.span, Write: all.span, Pool: all.span}
		return nil
	}
	var given struct {
		Timeout *limit `yaml:"timeout"`
		Connect *limit `yaml:"connect"`
		Read    *limit `yaml:"read"`
		Write   *limit `yaml:"write"`
		Pool    *limit `yaml:"pool"`
	}
	if err := unmarshal(&given); err != nil {
		return err
	}
	for _, one := range []struct {
		given *limit
		span  *types.Duration
	}{{given.Connect, &t.Connect}, {given.Read, &t.Read}, {given.Write, &t.Write}, {given.Pool, &t.Pool}} {
		if one.given == nil {
			one.given = given.Timeout
		}
		if one.given != nil {
			*one.span = one.given.span
		}
	}
	return nil
}

// limit is a duration, or "none" for no limit.
type limit struct{ span types.Duration }

// UnmarshalYAML reads a duration or "none".
func (l *limit) UnmarshalYAML(unmarshal func(any) error) error {
	var form any
	if err := unmarshal(&form); err != nil {
		return err
	}
	if form == "none" {
		l.span = 0
		return nil
	}
	if err := unmarshal(&l.span); err != nil {
		return err
	}
	if l.span < 0 {
		return Invalid("", l.span, "a duration of 0 (no limit) or more")
	}
	return nil
}

// SSLVerify says how the certificates of servers are verified. The zero value
// verifies them against the roots of the system. In a file it is true, false, or
// the path of a file with the certificates to trust.
type SSLVerify struct {
	// Insecure turns verification off. Only an explicit false does that.
	Insecure bool
	// CAFile is a file of PEM certificates to trust instead of the system's.
	CAFile string
}

// UnmarshalYAML reads a boolean or a path.
func (s *SSLVerify) UnmarshalYAML(unmarshal func(any) error) error {
	var on bool
	if err := unmarshal(&on); err == nil {
		*s = SSLVerify{Insecure: !on}
		return nil
	}
	var path string
	if err := unmarshal(&path); err != nil {
		return &FieldError{Message: "a list or a mapping is not true, false or the path of a file"}
	}
	*s = SSLVerify{CAFile: path}
	return nil
}

// MarshalYAML writes the form that UnmarshalYAML reads. It never fails.
func (s SSLVerify) MarshalYAML() (any, error) {
	if s.CAFile != "" {
		return s.CAFile, nil
	}
	return !s.Insecure, nil
}

// Validate reports a file of certificates that does not exist.
func (s SSLVerify) Validate() error {
	if s.CAFile == "" {
		return nil
	}
	info, err := os.Stat(s.CAFile)
	if err != nil || info.IsDir() {
		return Invalid("", s.CAFile, "true, false or the path of an existing file")
	}
	return nil
}
