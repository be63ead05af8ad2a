package types

// OutputFormat is a form in which commands write what they show.
type OutputFormat string

// The output formats. Not every command offers all of them.
const (
	OutputYAML      OutputFormat = "yaml"
	OutputJSON      OutputFormat = "json"
	OutputDict      OutputFormat = "dict" // JSON with an indent, for people
	OutputHTML      OutputFormat = "html"
	OutputText      OutputFormat = "text"
	OutputMarkdown  OutputFormat = "markdown"
	OutputConfigMap OutputFormat = "configmap"
)

// ParseOutputFormat returns the format of exactly that text, or an error that
// lists the known ones.
func ParseOutputFormat(text string) (OutputFormat, error) {
	return oneOf("output format", text, OutputYAML, OutputJSON, OutputDict, OutputHTML, OutputText, OutputMarkdown, OutputConfigMap)
}

// UnmarshalText reads an output format; see [ParseOutputFormat].
func (f *OutputFormat) UnmarshalText(text []byte) error { return assign(f, text, ParseOutputFormat) }

// HTTPMethod is a method of an HTTP request, in upper case.
type HTTPMethod string

// The methods that a load can consist of.
const (
	MethodGet     HTTPMethod = "GET"
	MethodPost    HTTPMethod = "POST"
	MethodPut     HTTPMethod = "PUT"
	MethodPatch   HTTPMethod = "PATCH"
	MethodOptions HTTPMethod = "OPTIONS"
	MethodTrace   HTTPMethod = "TRACE"
	MethodHead    HTTPMethod = "HEAD"
	MethodDelete  HTTPMethod = "DELETE"
	MethodConnect HTTPMethod = "CONNECT"
)

// ParseHTTPMethod returns the method of exactly that text, or an error that lists
// the known ones. Lower case is another text, as it is on the wire.
func ParseHTTPMethod(text string) (HTTPMethod, error) {
	return oneOf("HTTP method", text, MethodGet, MethodPost, MethodPut, MethodPatch, MethodOptions, MethodTrace, MethodHead, MethodDelete, MethodConnect)
}

// UnmarshalText reads a method; see [ParseHTTPMethod].
func (m *HTTPMethod) UnmarshalText(text []byte) error { return assign(m, text, ParseHTTPMethod) }

// Resource is what the containers of Kubernetes compete for.
type Resource string

// The resources.
const (
	ResourceMemory Resource = "memory"
	ResourceCPU    Resource = "cpu"
)

// ParseResource returns the resource of exactly that text, or an error that lists
// the known ones.
func ParseResource(text string) (Resource, error) {
	return oneOf("resource", text, ResourceMemory, ResourceCPU)
}

// UnmarshalText reads a resource; see [ParseResource].
func (r *Resource) UnmarshalText(text []byte) error { return assign(r, text, ParseResource) }

// ResourceRequirement is what a container says about a [Resource]: how much it
// asks for, or how much it may have at most.
type ResourceRequirement string

// The requirements.
const (
	ResourceRequest ResourceRequirement = "request"
	ResourceLimit   ResourceRequirement = "limit"
)

// ParseResourceRequirement returns the requirement of exactly that text, or an
// error that lists the known ones.
func ParseResourceRequirement(text string) (ResourceRequirement, error) {
	return oneOf("resource requirement", text, ResourceRequest, ResourceLimit)
}

// UnmarshalText reads a requirement; see [ParseResourceRequirement].
func (r *ResourceRequirement) UnmarshalText(text []byte) error {
	return assign(r, text, ParseResourceRequirement)
}

// ManifestKey returns the key below "resources" in the manifest of a container:
// "requests" or "limits".
func (r ResourceRequirement) ManifestKey() string { return string(r) + "s" }

// ContainerLogs says which logs of a container are shown when it fails.
type ContainerLogs string

// The logs: of the instance that has ended before, of the one that runs, or both.
const (
	LogsPrevious ContainerLogs = "previous"
	LogsCurrent  ContainerLogs = "current"
	LogsBoth     ContainerLogs = "both"
)

// ParseContainerLogs returns the choice of exactly that text, or an error that
// lists the known ones.
func ParseContainerLogs(text string) (ContainerLogs, error) {
	return oneOf("choice of container logs", text, LogsPrevious, LogsCurrent, LogsBoth)
}

// UnmarshalText reads a choice; see [ParseContainerLogs].
func (l *ContainerLogs) UnmarshalText(text []byte) error { return assign(l, text, ParseContainerLogs) }
