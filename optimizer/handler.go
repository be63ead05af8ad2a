package optimizer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
)

// HandlerOptions refine a handler; the zero value is useful. They never print
// their token.
type HandlerOptions struct {
	// Token, when set, is what requests must carry, in any of the forms that
	// [Options] describes. Empty accepts every request.
	Token string `json:"-" yaml:"-"`
	// MaxBody is the most bytes of a request. Default 16 MiB.
	MaxBody int64
	// Logger receives each request (debug) and the errors of the backend
	// (error). Nil is silent.
	Logger *slog.Logger

	_ struct{}
}

// Format writes the options without the token for every verb.
func (o HandlerOptions) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "optimizer.HandlerOptions{Token: %q, MaxBody: %d}", mask(o.Token), o.MaxBody)
}

// LogValue returns the options without the token.
func (o HandlerOptions) LogValue() slog.Value {
	return slog.GroupValue(slog.String("token", mask(o.Token)), slog.Int64("max_body", o.MaxBody))
}

type handler struct {
	backend Backend
	maxBody int64
	logger  *slog.Logger
	// allowed reports whether a request carries the right token.
	allowed func(http.Header) bool
}

// NewHandler serves the protocol for a backend, at every path that ends in
// "/servo". Use it to put an optimizer written in Go behind HTTP.
//
// Errors of the backend become the answers that a [Client] turns back into the
// same errors; one that steers nothing becomes status 500, which servos retry.
// A request that makes no sense is answered with a 4xx status and a JSON object
// whose detail says what is wrong.
//
// A servo makes one request at a time, but a repeated one can overtake the one
// that it replaces: the backend must be safe for concurrent use. Its methods
// get the context of the request, which ends when the servo goes away.
func NewHandler(backend Backend, o HandlerOptions) http.Handler {
	h := &handler{backend: backend, maxBody: o.MaxBody, logger: o.Logger, allowed: guard(o.Token)}
	if h.maxBody <= 0 {
		h.maxBody = 16 << 20
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	return h
}

// guard compares digests, so that neither content nor length of the token can
// be found out by timing.
func guard(token string) func(http.Header) bool {
	if strings.TrimSpace(token) == "" {
		return func(http.Header) bool { return true }
	}
	digest := func(token string) [sha256.Size]byte {
		_, _, secret, err := tokenHeader(token)
		if err != nil {
			secret = ""
		}
		return sha256.Sum256([]byte(secret))
	}
	want := digest(token)
	none := digest("")
	return func(header http.Header) bool {
		got := digest(header.Get("Authorization"))
		if text := header.Get(tokenPrefix); text != "" {
			got = digest(tokenPrefix + " " + text)
		}
		return subtle.ConstantTimeCompare(got[:], want[:])&^subtle.ConstantTimeCompare(got[:], none[:]) == 1
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case path.Base(r.URL.Path) != "servo":
		refuse(w, http.StatusNotFound, "nothing is here: events are posted to …/servo")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "events are posted, not fetched")
		return
	case !h.allowed(r.Header):
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, "the token is missing or wrong")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is longer than %d bytes", h.maxBody))
			return
		}
		refuse(w, http.StatusBadRequest, "the request could not be read")
		return
	}
	in, err := decodeRequest(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	h.logger.DebugContext(r.Context(), "servo posted", "event", string(in.event), "progress", in.progress != nil)
	answer, err := h.dispatch(r, in)
	if err != nil {
		h.explain(w, r, in.event, err)
		return
	}
	write(w, http.StatusOK, answer)
}

// dispatch returns the body of the answer.
func (h *handler) dispatch(r *http.Request, in incoming) ([]byte, error) {
	ctx, ok := r.Context(), []byte(`{"status":"ok"}`)
	switch {
	case in.event == EventHello:
		return ok, h.backend.Hello(ctx, in.hello)
	case in.event == EventGoodbye:
		return ok, h.backend.Goodbye(ctx, in.reason)
	case in.progress != nil:
		return ok, h.backend.Progress(ctx, *in.progress)
	case in.event == EventNext:
		command, err := h.backend.Next(ctx)
		if err != nil {
			return nil, err
		}
		return encodeCommand(command)
	default:
		return ok, h.backend.Reply(ctx, in.result)
	}
}

// explain answers with what an error of the backend means on the wire.
func (h *handler) explain(w http.ResponseWriter, r *http.Request, event Event, err error) {
	if errors.Is(err, ErrSuperseded) {
		refuse(w, http.StatusGone, detailSuperseded)
		return
	}
	if status, ok := statusOf(err); ok {
		respond(w, http.StatusOK, status)
		return
	}
	if r.Context().Err() == nil {
		h.logger.ErrorContext(r.Context(), "optimizer failed", "event", string(event), "error", err)
	}
	refuse(w, http.StatusInternalServerError, err.Error())
}

func statusOf(err error) (statusWire, bool) {
	var status *StatusError
	if errors.As(err, &status) && status.Unwrap() != nil {
		return statusWire{status.Status, status.Reason, status.Message}, true
	}
	reason := func(sentinel error) string {
		return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
	}
	switch {
	case errors.Is(err, ErrUnexpectedEvent):
		return statusWire{Status: statusUnexpected, Reason: reason(ErrUnexpectedEvent)}, true
	case errors.Is(err, ErrCancelRequested):
		return statusWire{Status: statusCancel, Reason: reason(ErrCancelRequested)}, true
	case errors.Is(err, ErrUnexpectedCommand):
		return statusWire{Status: statusInvalid, Reason: reasonUnexpectedUID, Message: reason(ErrUnexpectedCommand)}, true
	case errors.Is(err, ErrInvalid):
		return statusWire{Status: statusInvalid, Reason: reason(ErrInvalid)}, true
	default:
		return statusWire{}, false
	}
}

// contentType is shared by all answers, which only read it.
var contentType = []string{"application/json"}

func refuse(w http.ResponseWriter, code int, detail string) {
	respond(w, code, map[string]string{"detail": detail})
}

func respond(w http.ResponseWriter, code int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"detail":"the answer cannot be written"}`)
	}
	write(w, code, body)
}

func write(w http.ResponseWriter, code int, body []byte) {
	w.Header()["Content-Type"] = contentType
	w.WriteHeader(code)
	_, _ = w.Write(body) //nolint:gosec // JSON of our own, of its content type; a servo that is gone asks again
}
