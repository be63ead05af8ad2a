package optimizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/servokit/servokit/types"
)

// defaultSleep is how long a SLEEP without a duration lasts.
const defaultSleep = 2 * time.Minute

// reply is what an optimizer answers: a command or a status.
type reply struct {
	// command counts when its verb is set. problem then says why its
	// parameters could not be understood.
	command Command
	problem error
	status  statusWire
}

// replyWire is either of them. Keys of the other are not looked at.
type replyWire struct {
	Cmd     json.RawMessage `json:"cmd"`
	CmdUID  json.RawMessage `json:"cmd_uid"`
	Param   json.RawMessage `json:"param"`
	Status  json.RawMessage `json:"status"`
	Reason  json.RawMessage `json:"reason"`
	Message json.RawMessage `json:"message"`
}

type statusWire struct {
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// statusWords lists everything that parses as a status, from either side.
var statusWords = []string{
	statusOK, statusUnexpected, statusCancel, statusInvalid,
	string(types.Failed), string(types.Rejected), string(types.Aborted), string(types.Cancelled),
}

func decodeReply(body []byte) (reply, error) {
	var w replyWire
	if err := json.Unmarshal(body, &w); err != nil {
		return reply{}, fmt.Errorf("the answer is neither a command nor a status: %w: %q", err, clip(string(body)))
	}
	switch {
	case present(w.Cmd):
		return decodeCommand(w, body)
	case present(w.Status):
		var s statusWire
		err := errors.Join(decodeText(w.Status, &s.Status), decodeText(w.Reason, &s.Reason), decodeText(w.Message, &s.Message))
		if err != nil {
			return reply{}, fmt.Errorf("the answer is no status: %w: %q", err, clip(string(body)))
		}
		for _, word := range statusWords {
			if s.Status == word {
				return reply{status: s}, nil
			}
		}
		return reply{}, fmt.Errorf("status %q is unknown: accepted are %s", clip(s.Status), strings.Join(statusWords, ", "))
	default:
		return reply{}, fmt.Errorf("the answer is neither a command nor a status: %q", clip(string(body)))
	}
}

// decodeText reads a text and leaves it alone when there is none.
func decodeText(raw json.RawMessage, into *string) error {
	if !present(raw) {
		return nil
	}
	if raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		*into = string(raw[1 : len(raw)-1])
		return nil
	}
	return json.Unmarshal(raw, into)
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// decodeCommand fails when there is nothing that could be answered: no known
// verb. Everything else that is wrong goes into the problem of the reply, all
// of it at once.
func decodeCommand(w replyWire, body []byte) (reply, error) {
	var verb string
	if err := decodeText(w.Cmd, &verb); err != nil {
		return reply{}, fmt.Errorf("the answer is no command: %w: %q", err, clip(string(body)))
	}
	r := reply{command: Command{Verb: Verb(verb)}}
	c := &r.command
	var errs []error
	if present(w.CmdUID) {
		if err := decodeText(w.CmdUID, &c.UID); err != nil {
			errs = append(errs, fmt.Errorf("cmd_uid: a string or null is required, not %s", clip(string(w.CmdUID))))
		}
	}
	var fields map[string]json.RawMessage
	if present(w.Param) {
		if err := json.Unmarshal(w.Param, &fields); err != nil {
			errs = append(errs, fmt.Errorf("param: an object is required, not %s", clip(string(w.Param))))
		}
	}
	readable := fields != nil || !present(w.Param)
	switch c.Verb {
	case Describe, Measure, Adjust, Sleep:
		if readable {
			errs = append(errs, c.decode(fields)...)
		}
	default:
		return reply{}, fmt.Errorf("command %q is unknown: accepted are DESCRIBE, MEASURE, ADJUST and SLEEP", clip(verb))
	}
	r.problem = errors.Join(errs...)
	return r, nil
}

// decode reads the parameters of the verb and returns everything that is
// wrong with them.
func (c *Command) decode(param map[string]json.RawMessage) []error {
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if c.Verb == Sleep {
		fail(c.decodeSleep(param))
		return errs
	}
	c.Control = types.DefaultControl()
	if raw := param["control"]; present(raw) {
		fail(json.Unmarshal(raw, &c.Control))
	} else if c.Verb == Measure {
		fail(errors.New("control: required"))
	}
	switch c.Verb {
	case Measure:
		names, err := decodeMetrics(param["metrics"])
		c.Metrics = names
		fail(err)
	case Adjust:
		if raw := param["state"]; present(raw) {
			fail(json.Unmarshal(raw, &c.Adjustments))
		} else {
			fail(errors.New("state: required"))
		}
	}
	return errs
}

func (c *Command) decodeSleep(param map[string]json.RawMessage) error {
	c.SleepFor = defaultSleep
	var data struct{ Status, Reason any }
	// The data is for people only: one of another shape is as good as none.
	_ = json.Unmarshal(param["data"], &data)
	c.SleepReason = "unknown reason"
	if reason, _ := data.Reason.(string); reason != "" {
		c.SleepReason = reason
	}
	if status, _ := data.Status.(string); status != "" {
		c.SleepReason = status + ": " + c.SleepReason
	}
	raw := param["duration"]
	if !present(raw) {
		return nil
	}
	var d types.Duration
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	if d < 0 {
		return fmt.Errorf("duration: %s is negative", d)
	}
	c.SleepFor = d.Std()
	return nil
}

// decodeMetrics reads names from a list, or from the keys of an object whose
// values do not matter, in the order of the document.
func decodeMetrics(raw json.RawMessage) ([]string, error) {
	if !present(raw) {
		return nil, errors.New("metrics: required")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	start, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	names := []string{}
	switch start {
	case json.Delim('{'):
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("metrics: %w", err)
			}
			var ignored json.RawMessage
			if err := d.Decode(&ignored); err != nil {
				return nil, fmt.Errorf("metrics: %w", err)
			}
			name, _ := key.(string) // a key always is one
			names = append(names, name)
		}
		return names, nil
	case json.Delim('['):
		var errs []error
		for i := 0; d.More(); i++ {
			var item any
			if err := d.Decode(&item); err != nil {
				return nil, fmt.Errorf("metrics: %w", err)
			}
			name, ok := item.(string)
			if !ok {
				errs = append(errs, fmt.Errorf("metrics[%d]: a name is required, not %s", i, clip(fmt.Sprint(item))))
			}
			names = append(names, name)
		}
		return names, errors.Join(errs...)
	default:
		return nil, fmt.Errorf("metrics: a list or an object is required, not %s", clip(string(raw)))
	}
}

// encodeCommand is the inverse of decodeCommand; the reason of a SLEEP is split
// where decoding joins it.
func encodeCommand(c Command) ([]byte, error) {
	var param object
	switch c.Verb {
	case Describe, Measure, Adjust:
		control, err := json.Marshal(c.Control)
		if err != nil {
			return nil, err
		}
		param.raw("control", control)
	case Sleep:
	default:
		return nil, fmt.Errorf("command %q is unknown: use DESCRIBE, MEASURE, ADJUST or SLEEP", string(c.Verb))
	}
	switch c.Verb {
	case Measure:
		metrics, err := json.Marshal(append([]string{}, c.Metrics...))
		if err != nil {
			return nil, err
		}
		param.raw("metrics", metrics)
	case Adjust:
		state, err := json.Marshal(c.Adjustments)
		if err != nil {
			return nil, err
		}
		param.raw("state", state)
	case Sleep:
		data := make(map[string]string)
		if c.SleepReason != "" {
			data["reason"] = c.SleepReason
		}
		if status, reason, ok := strings.Cut(c.SleepReason, ": "); ok && status != "" && reason != "" {
			data["status"], data["reason"] = status, reason
		}
		encoded, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		param.raw("data", encoded)
		param.raw("duration", appendNumber(nil, c.SleepFor.Seconds()))
	}
	var o object
	o.text("cmd", string(c.Verb))
	o.textOrNull("cmd_uid", c.UID)
	o.raw("param", param.end())
	return o.end(), nil
}
