package optimizertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/servokit/servokit/types"
)

// Legacy makes the optimizer understand the servos of before: those whose
// answers carry no status when they succeed and no UIDs at all, and that fail
// with words of their own, such as "nodata", which count as failed with the word
// as reason. Keys that they do not know are then no violation. Commands have no
// UIDs. It returns o.
func (o *Optimizer) Legacy() *Optimizer {
	o.OmitUIDs()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.legacy = true
	return o
}

// modernize gives a request of a legacy servo the form of today. What it does
// not understand stays as it is, to be refused.
func modernize(r *http.Request, body []byte) {
	var envelope map[string]json.RawMessage
	var param map[string]json.RawMessage
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	_ = json.Unmarshal(envelope["param"], &param) // what is no object has no keys
	_, progress := param["progress"]
	if param != nil && !progress {
		var status string
		_ = json.Unmarshal(param["status"], &status)
		_, metrics := param["metrics"]
		_, state := param["state"]
		switch types.Outcome(status) {
		case "":
			if metrics || state {
				param["status"] = json.RawMessage(`"ok"`)
			}
		case "ok", types.Failed, types.Rejected, types.Aborted, types.Cancelled:
		default:
			param["status"] = json.RawMessage(`"failed"`)
			if _, ok := param["reason"]; !ok {
				param["reason"] = json.RawMessage(strconv.Quote(status))
			}
		}
		if encoded, err := json.Marshal(param); err == nil {
			envelope["param"] = encoded
		}
	}
	encoded, err := json.Marshal(envelope)
	if err != nil {
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
}
