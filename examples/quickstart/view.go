package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// view shows what is going on: on a terminal a line that is drawn again in
// place below what has been finished, elsewhere a plain line per step. Log
// lines are written through it, so that they do not tear the line apart.
type view struct {
	paint palette

	mu     sync.Mutex
	out    io.Writer
	live   bool // the last line can be drawn again
	width  int
	status string
	shown  bool // status is on the screen
	phase  local.Phase
}

func newView(out io.Writer) *view {
	v := &view{out: out, width: 100}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return v
	}
	v.live = true
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
		v.width = width
	}
	v.paint.on = os.Getenv("NO_COLOR") == "" && os.Getenv("SERVO_NO_COLOR") == ""
	return v
}

// palette colours text, if it is on.
type palette struct{ on bool }

func (p palette) code(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) good(text string) string   { return p.code("32", text) }
func (p palette) bad(text string) string    { return p.code("31", text) }
func (p palette) strong(text string) string { return p.code("1", text) }

// note shows a step.
func (v *view) note(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.print(text + "\n")
}

// Write shows log lines.
func (v *view) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.print(string(p))
	return len(p), nil
}

// print shows whole lines above the status line; v.mu is held.
func (v *view) print(text string) {
	var b bytes.Buffer
	if v.shown {
		b.WriteString("\r\x1b[K")
	}
	b.WriteString(text)
	if v.live && v.status != "" {
		b.WriteString(v.fit(v.status))
		v.shown = true
	}
	_, _ = v.out.Write(b.Bytes()) // nothing sensible is left to do when a terminal is gone
}

// fit keeps the status on one line, or it could not be drawn over.
func (v *view) fit(text string) string {
	if runes := []rune(text); len(runes) >= v.width {
		return string(runes[:v.width-2]) + "…"
	}
	return text
}

// clear takes the status line away for good.
func (v *view) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status = ""
	v.print("")
	v.shown = false
}

// update shows how far a study is; see [local.Options.Observer].
func (v *view) update(u local.Update) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if u.Phase != v.phase {
		v.phase = u.Phase
		if text := phaseText(u.Phase); text != "" {
			v.print(v.paint.strong(text) + "\n")
		}
	}
	if u.Finished != nil {
		v.print(v.finished(u) + "\n")
	}
	v.status = statusLine(u)
	v.print("")
}

func phaseText(p local.Phase) string {
	switch p {
	case local.PhaseBaseline:
		return "measuring the application as it is"
	case local.PhaseSearch:
		return "trying other settings"
	case local.PhaseValidate:
		return "measuring the baseline and the best again, in turns"
	case local.PhaseApply:
		return "applying the outcome"
	default:
		return ""
	}
}

// statusLine says what is being done right now.
func statusLine(u local.Update) string {
	switch u.Phase {
	case local.PhaseBaseline, local.PhaseSearch, local.PhaseValidate:
	default:
		return ""
	}
	const cells = 20
	full := min(cells, int(u.Percent/100*cells))
	doing := "measuring"
	if u.Adjusting {
		doing = "adjusting"
	}
	text := fmt.Sprintf("%s [%s%s] %s", label(u), strings.Repeat("=", full), strings.Repeat(" ", cells-full), doing)
	if len(u.Settings) > 0 {
		text += " " + settingsText(u.Settings)
	}
	if leads(u) {
		text += fmt.Sprintf("  best so far: trial %d, %s", u.Best.Number, objectiveText(u.Best))
	}
	return text
}

func label(u local.Update) string {
	what := "trial"
	switch u.Phase {
	case local.PhaseBaseline:
		what = "baseline"
	case local.PhaseValidate:
		what = "best"
		settings := u.Settings
		if u.Finished != nil {
			settings = u.Finished.Settings
		}
		if u.Baseline != nil && settingsText(settings) == settingsText(u.Baseline.Settings) {
			what = "baseline"
		}
	}
	return fmt.Sprintf("%s %d/%d", what, u.Trial, u.Trials)
}

// finished is the line of a trial or measurement that has ended.
func (v *view) finished(u local.Update) string {
	t := u.Finished
	text := fmt.Sprintf("  %-12s %s", label(u), settingsText(t.Settings))
	if _, ok := t.Objective.Float64(); !ok {
		return text + "  " + v.paint.bad(problem(t))
	}
	text += "  " + objectiveText(t)
	if p99, ok := t.Metrics["latency_99th"]; ok {
		text += fmt.Sprintf("  p99 %.1f ms", p99)
	}
	switch {
	case !t.Feasible:
		text += "  " + v.paint.bad(problem(t))
	case u.Phase == local.PhaseSearch && leads(u) && u.Best.Number == t.Number:
		text += "  " + v.paint.good("best so far")
	}
	return text
}

// leads tells whether some trial is ahead of the baseline.
func leads(u local.Update) bool {
	if u.Best == nil || u.Baseline == nil {
		return u.Best != nil
	}
	best, ok1 := u.Best.Objective.Float64()
	baseline, ok2 := u.Baseline.Objective.Float64()
	return ok1 && (!ok2 || !u.Baseline.Feasible || best < baseline)
}

func problem(t *local.Trial) string {
	switch {
	case len(t.Violations) > 0:
		return strings.Join(t.Violations, ", ")
	case t.Message != "":
		first, _, _ := strings.Cut(t.Message, "\n")
		return strings.TrimSpace(string(t.Outcome) + " " + first)
	default:
		return "no data"
	}
}

// settingsText leaves the component out: there is only one.
func settingsText(as types.Adjustments) string {
	texts := make([]string, len(as))
	for i, a := range as {
		texts[i] = a.Setting + "=" + a.Value.String()
	}
	return strings.Join(texts, " ")
}

func objectiveText(t *local.Trial) string {
	if cost, ok := t.Objective.Float64(); ok {
		return fmt.Sprintf("$%.2f/month", cost)
	}
	return "no data"
}
