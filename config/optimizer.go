package config

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Optimizer says which optimizer a servo talks to and how it identifies itself.
// There are two kinds. The kind with an "id" is described by the fields here; the
// kind with an "optimizer_id" by the field AppDynamics, and then the other fields
// are empty. Which one a stanza is, is decided by its keys, so problems are only
// reported for that kind. The zero Optimizer means that none is configured.
type Optimizer struct {
	// ID is "organization/application". Required.
	ID string `yaml:"id" env:"OPSANI_OPTIMIZER" description:"Organization and application, as given by the optimizer." jsonschema:"required" example:"dev.example.com/my-app"`
	// Token authenticates the servo. Required.
	Token Secret `yaml:"token" env:"OPSANI_TOKEN" description:"Token that authenticates the servo." jsonschema:"required"`
	// BaseURL is where the service is, without slashes at the end. Default
	// https://api.opsani.com.
	BaseURL string `yaml:"base_url" env:"OPSANI_BASE_URL" description:"Where the service is." jsonschema:"format=uri,minLength=1,maxLength=65536"`
	// URL is the endpoint itself, used as it is. Default: derived from BaseURL
	// and ID, see Endpoint.
	URL string `yaml:"url" env:"OPSANI_URL" description:"The endpoint itself, used as it is. Derived from base_url and id when not given." jsonschema:"format=uri,minLength=1,maxLength=65536"`

	// AppDynamics is set for the kind with an "optimizer_id".
	AppDynamics *AppDynamics `yaml:"-"`
}

// AppDynamics is the kind of [Optimizer] that has an "optimizer_id". It needs
// either a connection file, or base_url, client_id, client_secret and tenant_id.
//
// Decoding does not read the connection file. [AppDynamics.Connect] does, and
// [AppDynamics.Watch] follows its changes.
type AppDynamics struct {
	// OptimizerID names the optimizer. Required.
	OptimizerID string `yaml:"optimizer_id" env:"APPD_OPTIMIZER_ID" description:"Id of the optimizer." jsonschema:"required"`
	// TenantID names the tenant whose optimizer it is.
	TenantID string `yaml:"tenant_id" env:"APPD_TENANT_ID" description:"Tenant whose optimizer it is."`
	// BaseURL is where the service is, without slashes at the end.
	BaseURL string `yaml:"base_url" env:"APPD_BASE_URL" description:"Where the service is." jsonschema:"format=uri,minLength=1,maxLength=65536"`
	// ClientID and ClientSecret are exchanged for a token.
	ClientID     string `yaml:"client_id" env:"APPD_CLIENT_ID" description:"Client id, exchanged for a token."`
	ClientSecret Secret `yaml:"client_secret" env:"APPD_CLIENT_SECRET" description:"Client secret, exchanged for a token."`
	// ConnectionFile is a file with the endpoint, the tenant and a token.
	ConnectionFile string `yaml:"connection_file" env:"APPD_CONNECTION_FILE" description:"File with the endpoint, the tenant and a token." jsonschema:"format=file-path"`
	// Token authenticates the servo when it need not be asked for.
	Token Secret `yaml:"token" env:"APPD_TOKEN" description:"Token that authenticates the servo when it need not be asked for."`
	// URL is the endpoint itself, used as it is. See Optimizer.Endpoint.
	URL string `yaml:"url" env:"APPD_URL" description:"The endpoint itself, used as it is. Derived from base_url and optimizer_id when not given." jsonschema:"format=uri,minLength=1,maxLength=65536"`
	// TokenURL is where tokens are asked for.
	TokenURL string `yaml:"token_url" env:"APPD_TOKEN_URL" description:"Where tokens are asked for. Derived from base_url and tenant_id when not given." jsonschema:"format=uri,minLength=1,maxLength=65536"`
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

// DisplayName returns what people call the optimizer: its id, or tenant and id.
func (o Optimizer) DisplayName() string {
	a := o.AppDynamics
	switch {
	case a == nil:
		return o.ID
	case a.TenantID == "":
		return a.OptimizerID
	}
	return a.TenantID + " - " + a.OptimizerID
}

// TokenEndpoint returns where tokens are asked for. Unless TokenURL is set, it is
// <base_url>/auth/<tenant_id>/default/oauth2/token, and empty when that cannot be
// known yet.
func (a AppDynamics) TokenEndpoint() string {
	switch {
	case a.TokenURL != "":
		return a.TokenURL
	case a.BaseURL == "" || a.TenantID == "":
		return ""
	}
	return strings.TrimRight(a.BaseURL, "/") + "/auth/" + url.PathEscape(a.TenantID) + "/default/oauth2/token"
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

// optimizerKind decides which variables count beside the optimizer stanza n that
// the other sources give: by its keys, else by which variables are set.
func (l *layers) optimizerKind(n *yaml.Node) reflect.Type {
	opsani, appDynamics := reflect.TypeFor[Optimizer](), reflect.TypeFor[AppDynamics]()
	keys := keyProbe{}
	if n != nil && resolve(n).Kind == yaml.MappingNode {
		for _, e := range entries(resolve(n)) {
			keys[resolve(e.key).Value] = yaml.Node{}
		}
	}
	_, isOpsani := keys["id"]
	switch {
	case isAppDynamics(keys):
		return appDynamics
	case isOpsani:
		return opsani
	}
	for _, layer := range l.list {
		switch {
		case layer.variables["OPSANI_OPTIMIZER"] != "":
			return opsani
		case layer.variables["APPD_OPTIMIZER_ID"] != "":
			return appDynamics
		}
	}
	for _, name := range []string{"OPSANI_TOKEN", "OPSANI_TOKEN_FILE", "OPSANI_URL", "OPSANI_BASE_URL"} {
		if l.given(name) {
			return opsani
		}
	}
	for _, name := range []string{"APPD_CONNECTION_FILE", "APPD_CLIENT_ID", "APPD_CLIENT_SECRET", "APPD_TENANT_ID", "APPD_TOKEN", "APPD_BASE_URL"} {
		if l.given(name) {
			return appDynamics
		}
	}
	return opsani
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
