package config

import (
	"net/url"
	"regexp"
	"strings"
)

// Optimizer says which optimizer a servo talks to and how it identifies itself.
// There are two kinds. The kind with an "id" is described by the fields here; the
// kind with an "optimizer_id" by the field AppDynamics, and then the other fields
// are empty. Which one a stanza is, is decided by its keys, so problems are only
// reported for that kind. The zero Optimizer means that none is configured.
type Optimizer struct {
	// ID is "organization/application". Required.
	ID string `yaml:"id"`
	// Token authenticates the servo. Required.
	Token Secret `yaml:"token"`
	// BaseURL is where the service is, without slashes at the end. Default
	// https://api.opsani.com.
	BaseURL string `yaml:"base_url"`
	// URL is the endpoint itself, used as it is. Default: derived from BaseURL
	// and ID, see Endpoint.
	URL string `yaml:"url"`

	// AppDynamics is set for the kind with an "optimizer_id".
	AppDynamics *AppDynamics `yaml:"-"`
}

// AppDynamics is the kind of [Optimizer] that has an "optimizer_id". It needs
// either a connection file, or base_url, client_id, client_secret and tenant_id.
//
// The connection file is not read here: what it holds is not in the other fields.
type AppDynamics struct {
	// OptimizerID names the optimizer. Required.
	OptimizerID string `yaml:"optimizer_id"`
	// TenantID names the tenant whose optimizer it is.
	TenantID string `yaml:"tenant_id"`
	// BaseURL is where the service is, without slashes at the end.
	BaseURL string `yaml:"base_url"`
	// ClientID and ClientSecret are exchanged for a token.
	ClientID     string `yaml:"client_id"`
	ClientSecret Secret `yaml:"client_secret"`
	// ConnectionFile is a file with the endpoint, the tenant and a token.
	ConnectionFile string `yaml:"connection_file"`
	// Token authenticates the servo when it need not be asked for.
	Token Secret `yaml:"token"`
	// URL is the endpoint itself, used as it is. See Optimizer.Endpoint.
	URL string `yaml:"url"`
	// TokenURL is where tokens are asked for.
	TokenURL string `yaml:"token_url"`
}

const defaultBaseURL = "https://api.opsani.com"

// optimizerID follows the first character, which must not be "-".
var optimizerID = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9.-]{4,49}/[a-zA-Z_.0-9-]{1,64}$`)

// IsZero reports whether no optimizer is configured.
func (o Optimizer) IsZero() bool { return o == Optimizer{} }

// Endpoint returns the URL of the servo's endpoint at the optimizer. Unless URL
// is set, it is <base_url>/accounts/<organization>/applications/<application>/,
// or <base_url>/rest/optimize/co/v1/optimizers/<optimizer_id>/ for AppDynamics.
// It is empty when that cannot be known yet: nothing is configured, or a
// connection file that has not been read holds the base URL.
func (o Optimizer) Endpoint() string {
	if a := o.AppDynamics; a != nil {
		switch {
		case a.URL != "":
			return a.URL
		case a.BaseURL == "" || a.OptimizerID == "":
			return ""
		}
		return strings.TrimRight(a.BaseURL, "/") + "/rest/optimize/co/v1/optimizers/" + url.PathEscape(a.OptimizerID) + "/"
	}
	organization, application, ok := strings.Cut(o.ID, "/")
	switch {
	case o.URL != "":
		return o.URL
	case !ok:
		return ""
	}
	base := o.BaseURL
	if base == "" {
		base = defaultBaseURL
	}
	return strings.TrimRight(base, "/") + "/accounts/" + url.PathEscape(organization) +
		"/applications/" + url.PathEscape(application) + "/"
}

// UnmarshalYAML decodes the kind of optimizer that the keys belong to.
func (o *Optimizer) UnmarshalYAML(unmarshal func(any) error) error {
	var keys keyProbe
	if err := unmarshal(&keys); err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil
	}
	if isAppDynamics(keys) {
		o.AppDynamics = &AppDynamics{}
		err := unmarshal(o.AppDynamics)
		o.AppDynamics.BaseURL = strings.TrimRight(o.AppDynamics.BaseURL, "/")
		return err
	}
	type plain Optimizer
	p := plain{BaseURL: defaultBaseURL}
	err := unmarshal(&p)
	p.BaseURL = strings.TrimRight(p.BaseURL, "/")
	*o = Optimizer(p) // also when some of it is wrong: the rest is validated
	return err
}

// isAppDynamics decides by the discriminating key, then by keys of that kind only.
func isAppDynamics(keys keyProbe) bool {
	for _, key := range []string{"optimizer_id", "id"} {
		if _, ok := keys[key]; ok {
			return key == "optimizer_id"
		}
	}
	for key := range keys {
		switch closest(key, []string{"id", "optimizer_id", "tenant_id", "client_id", "client_secret", "connection_file", "token_url", "url", "base_url"}) {
		case "optimizer_id", "tenant_id", "client_id", "client_secret", "connection_file", "token_url":
			return true
		}
	}
	return false
}

// Validate reports every problem of a configured optimizer. Call it for one that
// was put together in code; decoding does it already.
func (o Optimizer) Validate() error {
	var problems FieldErrors
	add := func(err error) { problems = append(problems, flatten(err)...) }
	switch a := o.AppDynamics; {
	case o.IsZero():
	case a == nil:
		if o.ID == "" {
			add(Required("id"))
		} else if !optimizerID.MatchString(o.ID) {
			add(Invalid("id", o.ID, "organization/application: 5 to 50 letters, digits, \".\" or \"-\" (not first), "+
				"then 1 to 64 letters, digits, \".\", \"-\" or \"_\""))
		}
		if o.Token.IsZero() {
			add(Required("token"))
		}
		add(validURL("base_url", o.BaseURL))
		add(validURL("url", o.URL))
	default:
		if a.OptimizerID == "" {
			add(Required("optimizer_id"))
		}
		if a.ConnectionFile == "" && (a.BaseURL == "" || a.ClientID == "" || a.ClientSecret.IsZero() || a.TenantID == "") {
			problems = append(problems, &FieldError{Message: "give either connection_file, or all of base_url, client_id, client_secret and tenant_id"})
		}
		add(validURL("base_url", a.BaseURL))
		add(validURL("url", a.URL))
		add(validURL("token_url", a.TokenURL))
	}
	return problems.asError()
}

// validURL accepts absolute http and https URLs and the empty text.
func validURL(path, text string) error {
	const accepted = "a URL that begins with http:// or https:// and names a host"
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(text) <= 65536 {
		return nil
	}
	if strings.Contains(text, "@") { // a password may stand before it
		return &FieldError{Path: path, Message: "the value (hidden) is not " + accepted}
	}
	return Invalid(path, text, accepted)
}
