package servotest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/servokit/servokit/types"
)

// model is an optimizer, written from the rules of the protocol alone: ready →
// analyzing ⇄ awaiting an answer → done. It shares no code with the client that
// talks to it. The lock of the world is held in all methods.
type model struct {
	w         *world
	rand      *rand.Rand
	left      int // commands that are still to be given
	uids      int
	current   *command // awaiting its result; nil while analyzing
	known     types.Description
	accepted  int // results
	succeeded int
	percent   int
	done      bool
}

// command is what the optimizer asks for.
type command struct {
	verb, uid string
	body      string
	adjust    types.Adjustments // of an ADJUST
	nonsense  bool              // it cannot be carried out
	cancelled bool
}

var answers = map[string]string{"DESCRIBE": "DESCRIPTION", "MEASURE": "MEASUREMENT", "ADJUST": "ADJUSTMENT"}

// envelope is a request as it is on the wire.
type envelope struct {
	event string
	body  string
	keys  map[string]json.RawMessage
	param struct {
		UID      *string         `json:"cmd_uid"`
		Progress *float64        `json:"progress"`
		Status   string          `json:"status"`
		Message  string          `json:"message"`
		State    json.RawMessage `json:"state"`
		Found    json.RawMessage `json:"descriptor"`
	}
}

func readEnvelope(body []byte) (*envelope, error) {
	e := &envelope{body: string(body)}
	if err := json.Unmarshal(body, &e.keys); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(e.keys["event"], &e.event); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if raw := e.keys["param"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &e.param); err != nil {
			return nil, fmt.Errorf("param: %w", err)
		}
	}
	return e, nil
}

func (e *envelope) answer() bool {
	return e.event == "DESCRIPTION" || e.event == "MEASUREMENT" || e.event == "ADJUSTMENT"
}

func (e *envelope) uid() string {
	if e.param.UID == nil {
		return ""
	}
	return *e.param.UID
}

func (e *envelope) String() string {
	switch {
	case e.param.Progress != nil:
		return fmt.Sprintf("%s %s %.1f%%", e.event, e.uid(), *e.param.Progress)
	case e.answer():
		return fmt.Sprintf("%s %s %s", e.event, e.uid(), e.param.Status)
	default:
		return e.event
	}
}

const ok = `{"status":"ok"}`

func status(word, reason string) string {
	text, _ := json.Marshal(reason) // a text can always be written
	return fmt.Sprintf(`{"status":%q,"reason":%s}`, word, text)
}

// handle answers a request. The command is the one that the answer gives, if it
// gives one.
func (m *model) handle(e *envelope) (answer string, given *command) {
	switch {
	case e.event == "WHATS_NEXT":
		return m.next()
	case e.param.Progress != nil:
		return m.progress(e), nil
	case e.answer():
		return m.result(e), nil
	default:
		return ok, nil
	}
}

func (m *model) next() (string, *command) {
	if m.w.strikes(m.rand, m.w.weather.unexpected/4) {
		return status("unexpected-event", "the optimizer has lost its place"), nil
	}
	if m.current == nil {
		if m.left == 0 {
			if !m.done {
				m.done = true
				close(m.w.done)
			}
			return `{"cmd":"SLEEP","cmd_uid":null,"param":{"duration":60,"data":{"status":"done","reason":"the script is complete"}}}`, nil
		}
		m.left--
		m.uids++
		uid := "u" + strconv.Itoa(m.uids)
		if m.w.weather.legacy {
			uid = ""
		}
		if m.current = m.compose(uid); m.current.verb == "SLEEP" {
			body := m.current.body
			m.current = nil
			return body, nil
		}
		m.w.note("optimizer", "asks for %s", m.current.body)
	}
	m.percent = 0
	return m.current.body, m.current
}

// compose invents the next command.
func (m *model) compose(uid string) *command {
	c := &command{uid: uid}
	quoted := strconv.Quote(uid)
	if uid == "" {
		quoted = "null"
	}
	control := fmt.Sprintf(`{"duration":%d,"warmup":%d}`, 1+m.rand.IntN(120), m.rand.IntN(10))
	dice := m.rand.IntN(20)
	switch {
	case len(m.known.Components) == 0 || dice == 0:
		c.verb = "DESCRIBE"
		c.body = fmt.Sprintf(`{"cmd":"DESCRIBE","cmd_uid":%s,"param":%s}`, quoted, pick(m.rand, `{"control":{}}`, `null`, `{"control":null}`))
		if len(m.known.Components) == 0 {
			m.left++ // until it is answered
		}
	case dice == 1:
		c.verb, c.body = "SLEEP", fmt.Sprintf(`{"cmd":"SLEEP","cmd_uid":null,"param":{"duration":%d}}`, 1+m.rand.IntN(300))
	case m.w.strikes(m.rand, m.w.weather.malformed):
		c.verb, c.nonsense = pick(m.rand, "MEASURE", "ADJUST"), true
		c.body = fmt.Sprintf(`{"cmd":%q,"cmd_uid":%s,"param":{"metrics":7,"state":{"application":{"components":[]}}}}`, c.verb, quoted)
	case dice < 10:
		c.verb = "MEASURE"
		metrics := "["
		for i, metric := range m.known.Metrics {
			if i > 0 {
				metrics += ","
			}
			metrics += strconv.Quote(metric.Name)
		}
		c.body = fmt.Sprintf(`{"cmd":"MEASURE","cmd_uid":%s,"param":{"metrics":%s],"control":%s}}`, quoted, metrics, control)
	default:
		c.verb = "ADJUST"
		c.adjust, c.nonsense = m.trial()
		state, _ := json.Marshal(c.adjust) // what was described can be written
		c.body = fmt.Sprintf(`{"cmd":"ADJUST","cmd_uid":%s,"param":{"state":%s,"control":{}}}`, quoted, state)
	}
	return c
}

// trial draws new values for some of the settings, at times with one that nobody
// has.
func (m *model) trial() (trial types.Adjustments, nonsense bool) {
	for _, c := range m.known.Components {
		for _, s := range c.Settings {
			if !s.Pinned && m.rand.IntN(3) > 0 {
				trial = append(trial, types.Adjustment{Component: c.Name, Setting: s.Name, Value: draw(m.rand, s)})
			}
		}
	}
	if len(trial) == 0 || m.w.strikes(m.rand, m.w.weather.malformed) {
		trial = append(trial, types.Adjustment{Component: "nobody", Setting: "nothing", Value: types.Int(1)})
		nonsense = true
	}
	return trial, nonsense
}

func draw(r *rand.Rand, s types.Setting) types.Value {
	if len(s.Values) > 0 {
		return s.Values[r.IntN(len(s.Values))]
	}
	low, _ := s.Min.Float64() // those of a range are numbers
	high, _ := s.Max.Float64()
	step, _ := s.Step.Float64()
	n := 1
	if step > 0 {
		n = int((high-low)/step) + 1
	}
	value := low + step*float64(r.IntN(max(n, 1)))
	if s.Integral() {
		return types.Int(int64(value))
	}
	return types.Float(value)
}

// misplaced says what is wrong with an answer that does not belong here.
func (m *model) misplaced(e *envelope) string {
	switch {
	case m.current == nil:
		return status("unexpected-event", fmt.Sprintf("Out of order event %q, expected WHATS_NEXT; ignoring", e.event))
	case answers[m.current.verb] != e.event:
		return status("unexpected-event", fmt.Sprintf("Out of order event %q, expected %q; ignoring", e.event, answers[m.current.verb]))
	case m.current.uid != e.uid():
		return status("invalid", "unexpected cmd_uid")
	default:
		return ""
	}
}

func (m *model) progress(e *envelope) string {
	if no := m.misplaced(e); no != "" {
		return no
	}
	percent := int(*e.param.Progress)
	if percent < m.percent {
		return status("invalid", "progress went back")
	}
	m.percent = percent
	switch {
	case m.current.cancelled || m.w.strikes(m.rand, m.w.weather.cancel):
		m.current.cancelled = true
		return status("cancel", "somebody pressed the button")
	case m.w.strikes(m.rand, m.w.weather.supersede) && m.current.uid != "":
		m.w.note("optimizer", "gives %s up", m.current.uid)
		m.current = nil
		return status("invalid", "unexpected cmd_uid")
	case m.w.strikes(m.rand, m.w.weather.unexpected):
		return status("unexpected-event", "the optimizer has lost its place")
	default:
		return ok
	}
}

func (m *model) result(e *envelope) string {
	if no := m.misplaced(e); no != "" {
		return no
	}
	if m.w.strikes(m.rand, m.w.weather.unexpected) {
		return status("unexpected-event", "the optimizer has lost its place")
	}
	if e.param.Status == "ok" && len(e.param.Found) > 0 {
		var found types.Description
		if err := json.Unmarshal(e.param.Found, &found); err == nil {
			m.known = found
		}
	}
	if m.w.o.Calm && (e.param.Status != "ok") != m.current.nonsense {
		m.w.violate(nil, WorksInCalm, "nothing stood in the way, and %s: %s", e, e.param.Message)
	}
	if m.accepted++; e.param.Status == "ok" {
		m.succeeded++
	}
	m.w.note("optimizer", "takes %s", e)
	m.current = nil
	return ok
}

// horizon bounds the virtual time of a run.
const horizon = 72 * time.Hour
