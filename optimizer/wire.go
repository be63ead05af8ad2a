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
// always there.
type requestWire struct {
	Event    Event           `json:"event"`
	Param    json.RawMessage `json:"param"`
	ServoUID *string         `json:"servo_uid"`
}

type helloWire struct {
	Agent     string            `json:"agent"`
	Telemetry map[string]string `json:"telemetry"`
}

type goodbyeWire struct {
	Reason string `json:"reason"`
}

// resultWire is the param of a result as it is read: a status whose message,
// reason and cmd_uid are always there and whose other keys depend on the
// outcome. A progress report has some keys in common with it and these of its
// own.
type resultWire struct {
	Status      *string         `json:"status"`
	Message     *string         `json:"message"`
	Reason      *string         `json:"reason"`
	Others      []string        `json:"other_messages"`
	CmdUID      *string         `json:"cmd_uid"`
	Descriptor  json.RawMessage `json:"descriptor"`
	State       json.RawMessage `json:"state"`
	Metrics     json.RawMessage `json:"metrics"`
	Annotations json.RawMessage `json:"annotations"`

	Progress *float64        `json:"progress"`
	Runtime  json.RawMessage `json:"runtime"`
}

// encodeRequest writes the envelope of a param that is JSON already.
func encodeRequest(event Event, param []byte, servoUID string) []byte {
	var o object
	o.b = make([]byte, 0, len(param)+len(servoUID)+64)
	o.text("event", string(event))
	o.raw("param", param)
	o.textOrNull("servo_uid", servoUID)
	return o.end()
}

func encodeProgress(p Progress) ([]byte, error) {
	if math.IsNaN(p.Percent) || math.IsInf(p.Percent, 0) {
		return nil, fmt.Errorf("progress of %v percent: a finite number is required", p.Percent)
	}
	var o object
	o.raw("progress", appendNumber(nil, p.Percent))
	o.raw("runtime", appendNumber(nil, p.Runtime.Seconds()))
	o.textOrNull("cmd_uid", p.UID)
	if p.Message != "" {
		o.text("message", p.Message)
	}
	return o.end(), nil
}

func encodeResult(r Result) ([]byte, error) {
	var o object
	switch r.Outcome {
	case "":
	case types.Failed, types.Rejected, types.Aborted, types.Cancelled:
		o.text("status", string(r.Outcome))
		o.textOrNull("message", r.Message)
		o.textOrNull("reason", r.Reason)
		if len(r.Others) > 0 {
			others, err := json.Marshal(r.Others)
			if err != nil {
				return nil, err
			}
			o.raw("other_messages", others)
		}
		o.textOrNull("cmd_uid", r.UID)
		return o.end(), nil
	default:
		return nil, fmt.Errorf("outcome %q is unknown: use failed, rejected, aborted or cancelled", string(r.Outcome))
	}
	key, value := "", []byte(nil)
	var err error
	switch r.Verb {
	case Describe:
		key = "descriptor"
		value, err = r.Description.MarshalJSON()
	case Adjust:
		key = "state"
		value, err = r.Description.MarshalJSON()
	case Measure:
		value, err = r.Measurement.MarshalJSON()
	}
	if err != nil {
		return nil, err
	}
	o.b = make([]byte, 0, len(value)+len(r.UID)+96)
	o.text("status", statusOK)
	o.textOrNull("message", "")
	o.text("reason", types.ReasonSuccess)
	o.textOrNull("cmd_uid", r.UID)
	if key != "" {
		o.raw(key, value)
	} else if value != nil {
		o.inside(value) // metrics and annotations sit beside the status
	}
	return o.end(), nil
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
	var w requestWire
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

// decodeAnswer reads what describes, measures and adjusts answer: a result has a
// status, and what has none but a key of that name is progress.
func (in *incoming) decodeAnswer(verb Verb, param json.RawMessage) error {
	var w resultWire
	if err := decodeParam(param, &w); err != nil {
		return err
	}
	switch {
	case w.Status != nil:
		return in.decodeResult(verb, w, param)
	case w.Progress == nil:
		return errors.New("param: status or progress is required")
	}
	var seconds float64
	if present(w.Runtime) {
		if err := json.Unmarshal(w.Runtime, &seconds); err != nil {
			return fmt.Errorf("param.runtime: %w", err)
		}
	}
	runtime, err := types.Seconds(seconds)
	if err == nil && runtime < 0 {
		err = fmt.Errorf("%s is negative", runtime)
	}
	if err != nil {
		return fmt.Errorf("param.runtime: %w", err)
	}
	in.progress = &Progress{Verb: verb, UID: orEmpty(w.CmdUID), Runtime: runtime.Std()}
	in.progress.Percent, in.progress.Message = *w.Progress, orEmpty(w.Message)
	return nil
}

// orEmpty is the inverse of orNull.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func (in *incoming) decodeResult(verb Verb, w resultWire, param json.RawMessage) error {
	r := Result{Verb: verb, UID: orEmpty(w.CmdUID)}
	switch o := types.Outcome(*w.Status); o {
	case types.Failed, types.Rejected, types.Aborted, types.Cancelled:
		r.Outcome, r.Others = o, w.Others
		r.Message, r.Reason = orEmpty(w.Message), orEmpty(w.Reason)
		in.result = r
		return nil
	case statusOK:
	default:
		return fmt.Errorf("param.status: %q is unknown: accepted are ok, failed, rejected, aborted and cancelled", clip(*w.Status))
	}
	name, raw, into := "descriptor", w.Descriptor, any(&r.Description)
	switch verb {
	case Adjust:
		name, raw = "state", w.State
	case Measure:
		name, raw, into = "metrics", w.Metrics, &r.Measurement
	}
	if !present(raw) {
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
