package optimizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/servokit/servokit/types"
)

// The status words of the protocol. A servo sends ok and the words of
// [types.Outcome]; an optimizer sends ok and the other three.
const (
	statusOK         = "ok"
	statusUnexpected = "unexpected-event"
	statusCancel     = "cancel"
	statusInvalid    = "invalid"
)

// Reasons and details that have a meaning of their own.
const (
	reasonUnexpectedUID = "unexpected cmd_uid"
	detailSuperseded    = "unexpected servo_uid"
)

// requestWire is the envelope of everything a servo posts. All three keys are
// always there. The param is of any type to be written, raw to be read.
type requestWire[P any] struct {
	Event    Event   `json:"event"`
	Param    P       `json:"param"`
	ServoUID *string `json:"servo_uid"`
}

type helloWire struct {
	Agent     string            `json:"agent"`
	Telemetry map[string]string `json:"telemetry"`
}

type goodbyeWire struct {
	Reason string `json:"reason"`
}

type progressWire struct {
	Progress float64 `json:"progress"`
	Runtime  float64 `json:"runtime"`
	CmdUID   *string `json:"cmd_uid"`
	Message  string  `json:"message,omitempty"`
}

// resultWire is the param of a result: a status whose message, reason and
// cmd_uid are always there and whose other keys depend on the outcome.
type resultWire struct {
	Status      string          `json:"status"`
	Message     *string         `json:"message"`
	Reason      *string         `json:"reason"`
	Others      []string        `json:"other_messages,omitempty"`
	CmdUID      *string         `json:"cmd_uid"`
	Descriptor  json.RawMessage `json:"descriptor,omitempty"`
	State       json.RawMessage `json:"state,omitempty"`
	Metrics     json.RawMessage `json:"metrics,omitempty"`
	Annotations json.RawMessage `json:"annotations,omitempty"`
}

// orNull is the wire form of a text that may be absent.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func encodeRequest(event Event, param any, servoUID string) ([]byte, error) {
	return json.Marshal(requestWire[any]{event, param, orNull(servoUID)})
}

func encodeProgress(p Progress) (progressWire, error) {
	if math.IsNaN(p.Percent) || math.IsInf(p.Percent, 0) {
		return progressWire{}, fmt.Errorf("progress of %v percent: a finite number is required", p.Percent)
	}
	return progressWire{
		Progress: p.Percent,
		Runtime:  p.Runtime.Seconds(),
		CmdUID:   orNull(p.UID),
		Message:  p.Message,
	}, nil
}

func encodeResult(r Result) (resultWire, error) {
	w := resultWire{CmdUID: orNull(r.UID)}
	switch r.Outcome {
	case "":
	case types.Failed, types.Rejected, types.Aborted, types.Cancelled:
		w.Status = string(r.Outcome)
		w.Message, w.Reason, w.Others = orNull(r.Message), orNull(r.Reason), r.Others
		return w, nil
	default:
		return w, fmt.Errorf("outcome %q is unknown: use failed, rejected, aborted or cancelled", string(r.Outcome))
	}
	w.Status, w.Reason = statusOK, orNull(types.ReasonSuccess)
	var err error
	switch r.Verb {
	case Describe:
		w.Descriptor, err = json.Marshal(r.Description)
	case Adjust:
		w.State, err = json.Marshal(r.Description)
	case Measure:
		var raw []byte
		if raw, err = json.Marshal(r.Measurement); err == nil {
			// Metrics and annotations sit beside the status, not in an object
			// of their own.
			err = json.Unmarshal(raw, &w)
		}
	}
	return w, err
}

// incoming is a request as a handler understands it. Which of the fields
// counts depends on the event.
type incoming struct {
	event    Event
	hello    Hello
	reason   string
	progress *Progress
	result   Result
}

// verb returns the verb that an event answers, "" when it answers none.
func (e Event) verb() Verb {
	for _, v := range []Verb{Describe, Measure, Adjust} {
		if v.Answer() == e {
			return v
		}
	}
	return ""
}

func decodeRequest(body []byte) (incoming, error) {
	var w requestWire[json.RawMessage]
	if err := json.Unmarshal(body, &w); err != nil {
		return incoming{}, fmt.Errorf("the body is no request: %w", err)
	}
	in := incoming{event: w.Event}
	var err error
	switch verb := w.Event.verb(); {
	case w.Event == EventNext:
	case w.Event == EventHello:
		var p helloWire
		err = decodeParam(w.Param, &p)
		in.hello = Hello(p)
	case w.Event == EventGoodbye:
		var p goodbyeWire
		err = decodeParam(w.Param, &p)
		in.reason = p.Reason
	case verb != "":
		err = in.decodeAnswer(verb, w.Param)
	default:
		err = fmt.Errorf("%q is unknown: accepted are HELLO, WHATS_NEXT, DESCRIPTION, MEASUREMENT, ADJUSTMENT and GOODBYE", clip(string(w.Event)))
		return incoming{}, fmt.Errorf("event: %w", err)
	}
	if err != nil {
		return incoming{}, fmt.Errorf("%s: %w", w.Event, err)
	}
	return in, nil
}

// decodeParam takes null and an absent param as {}.
func decodeParam(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("param: %w", err)
	}
	return nil
}

// decodeAnswer reads what describes, measures and adjusts answer: progress has
// a key of that name, everything else is a result.
func (in *incoming) decodeAnswer(verb Verb, param json.RawMessage) error {
	var keys struct {
		Progress *float64 `json:"progress"`
		Status   *string  `json:"status"`
	}
	if err := decodeParam(param, &keys); err != nil {
		return err
	}
	if keys.Status != nil {
		return in.decodeResult(verb, param)
	}
	if keys.Progress == nil {
		return errors.New("param: status or progress is required")
	}
	var w progressWire
	if err := decodeParam(param, &w); err != nil {
		return err
	}
	runtime, err := types.Seconds(w.Runtime)
	if err == nil && runtime < 0 {
		err = fmt.Errorf("%s is negative", runtime)
	}
	if err != nil {
		return fmt.Errorf("param.runtime: %w", err)
	}
	in.progress = &Progress{Verb: verb, Runtime: runtime.Std()}
	in.progress.Percent, in.progress.Message = w.Progress, w.Message
	if w.CmdUID != nil {
		in.progress.UID = *w.CmdUID
	}
	return nil
}

func (in *incoming) decodeResult(verb Verb, param json.RawMessage) error {
	var w resultWire
	if err := decodeParam(param, &w); err != nil {
		return err
	}
	r := Result{Verb: verb}
	if w.CmdUID != nil {
		r.UID = *w.CmdUID
	}
	switch o := types.Outcome(w.Status); o {
	case types.Failed, types.Rejected, types.Aborted, types.Cancelled:
		r.Outcome, r.Others = o, w.Others
		if w.Message != nil {
			r.Message = *w.Message
		}
		if w.Reason != nil {
			r.Reason = *w.Reason
		}
		in.result = r
		return nil
	case statusOK:
	default:
		return fmt.Errorf("param.status: %q is unknown: accepted are ok, failed, rejected, aborted and cancelled", clip(w.Status))
	}
	name, raw, into := "descriptor", w.Descriptor, any(&r.Description)
	switch verb {
	case Adjust:
		name, raw = "state", w.State
	case Measure:
		name, raw, into = "metrics", w.Metrics, &r.Measurement
	}
	if len(raw) == 0 || string(raw) == "null" {
		return fmt.Errorf("param.%s: required when status is ok", name)
	}
	if verb == Measure {
		raw = param // a measurement reads metrics and annotations itself
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("param.%s: %w", name, err)
	}
	in.result = r
	return nil
}

// clip shortens what a peer sent for use in a message.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
