package optimizertest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/servokit/servokit/optimizer"
)

// Upload is what an [Optimizer] received of the diagnostics of a servo.
type Upload struct {
	// Size is that of the whole request in bytes.
	Size int
	// ConfigMap is the configuration, as it came.
	ConfigMap json.RawMessage
	// Logs are the entries by time.
	Logs map[string]string
}

// The requests about diagnostics have these events in [Request] and for
// [Optimizer.Inject].
const (
	DiagnosticsCheck  optimizer.Event = assetPrefix + "check"
	DiagnosticsOutput optimizer.Event = assetPrefix + "output"
	DiagnosticsReset  optimizer.Event = assetPrefix + "reset"
)

const assetPrefix = "diagnostics-"

// AnswerDiagnostics sets what a servo is told when it asks whether diagnostics
// are wanted. It is [optimizer.Withhold] until then, and again when the servo has
// reset it.
func (o *Optimizer) AnswerDiagnostics(d optimizer.Directive) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.directive = d
}

// Uploads returns the diagnostics that were received, in order.
func (o *Optimizer) Uploads() []Upload {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.uploads)
}

// assetOf reports what a request about diagnostics is for.
func assetOf(r *http.Request) (optimizer.Event, bool) {
	_, asset, ok := strings.Cut(r.URL.Path, "/assets/opsani.com/")
	switch {
	case ok && asset == "diagnostics-check" && r.Method == http.MethodGet:
		return DiagnosticsCheck, true
	case ok && asset == "diagnostics-check" && r.Method == http.MethodPut:
		return DiagnosticsReset, true
	case ok && asset == "diagnostics-output" && r.Method == http.MethodPut:
		return DiagnosticsOutput, true
	default:
		return "", false
	}
}

// serveAsset answers a request about diagnostics.
func (o *Optimizer) serveAsset(w http.ResponseWriter, r *http.Request, event optimizer.Event) {
	record, r, err := receive(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	record.Event = event
	o.mu.Lock()
	o.add(record)
	due := o.due(event)
	record.Faulty = due != nil
	if due == nil && !o.admits(r) {
		due = unauthorized
	}
	if due == nil {
		due = o.asset(event, record.Body)
	}
	o.notify()
	o.mu.Unlock()
	due.ServeHTTP(w, r)
}

// admits reports whether a request carries what it must; o.mu is held.
func (o *Optimizer) admits(r *http.Request) bool {
	switch {
	case o.tokens != nil:
		return o.tokens.admits(r)
	case o.token == "":
		return true
	}
	token := strings.TrimPrefix(strings.TrimPrefix(o.token, "Bearer "), "X-SF-Token ")
	return r.Header.Get("Authorization") == "Bearer "+token || r.Header.Get("X-SF-Token") == token
}

// asset does what a request asks for; o.mu is held.
func (o *Optimizer) asset(event optimizer.Event, body []byte) http.Handler {
	var sent struct{ Data json.RawMessage }
	if err := json.Unmarshal(body, &sent); err != nil || sent.Data == nil {
		o.violate(string(event) + ` has no key "data"`)
		return Status(http.StatusUnprocessableEntity, `{"detail":"data: required"}`)
	}
	switch event {
	case DiagnosticsCheck:
		if string(sent.Data) != "null" {
			o.violate(string(event) + " asks with data")
		}
		d := o.directive
		if d == "" {
			d = optimizer.Withhold
		}
		return Status(http.StatusOK, `{"data":"`+string(d)+`"}`)
	case DiagnosticsReset:
		if string(sent.Data) != `"WITHHOLD"` {
			o.violate(string(event) + " resets to " + string(sent.Data))
		}
		o.directive = optimizer.Withhold
	default:
		if len(body) >= 1<<20 {
			o.violate(string(event) + " is too large")
			return Status(http.StatusRequestEntityTooLarge, `{"detail":"an asset is smaller than 1 MiB"}`)
		}
		u := Upload{Size: len(body)}
		var data struct {
			ConfigMap json.RawMessage   `json:"configmap"`
			Logs      map[string]string `json:"logs"`
		}
		if err := json.Unmarshal(sent.Data, &data); err != nil {
			o.violate(string(event) + " cannot be read")
			return Status(http.StatusUnprocessableEntity, `{"detail":"data: configmap and logs are required"}`)
		}
		u.ConfigMap, u.Logs = data.ConfigMap, data.Logs
		o.uploads = append(o.uploads, u)
	}
	return Status(http.StatusOK, `{"status":"ok"}`)
}
