package checks

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
)

// Report is the results of one pass, those of a connector in the order they
// came. Connectors without results do not appear in it.
type Report []Result

// Ready reports whether a servo may start: there is a result, and none of them
// failed. It is what an exit code depends on.
func (r Report) Ready() bool {
	return len(r) > 0 && r.count().failed == 0
}

type counts struct{ passed, warned, failed int }

func (r Report) count() (c counts) {
	for _, result := range r {
		switch {
		case result.Success():
			c.passed++
		case result.Failed():
			c.failed++
		default:
			c.warned++
		}
	}
	return c
}

// verdict says in a line what came out.
func (r Report) verdict() string {
	if len(r) == 0 {
		return "no checks matched"
	}
	c := r.count()
	text := fmt.Sprintf("%d of %d checks failed", c.failed, len(r))
	if c.failed == 0 {
		text = fmt.Sprintf("%d of %d checks passed", c.passed, len(r))
	}
	if c.warned > 0 {
		text += fmt.Sprintf(", %d warned", c.warned)
	}
	return text
}

// byConnector returns the results in groups, in the order in which their
// connectors appear.
func (r Report) byConnector() []Report {
	var groups []Report
	at := map[string]int{}
	for _, result := range r {
		i, ok := at[result.Connector]
		if !ok {
			i = len(groups)
			at[result.Connector] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], result)
	}
	return groups
}

// resultJSON has the fields of a result in the order they are written.
type resultJSON struct {
	Connector   string         `json:"connector,omitempty"`
	Name        string         `json:"name"`
	ID          string         `json:"id"`
	Description *string        `json:"description"`
	Severity    Severity       `json:"severity"`
	Tags        []string       `json:"tags"`
	Success     bool           `json:"success"`
	Message     *string        `json:"message"`
	Hint        *string        `json:"hint"`
	Remedy      bool           `json:"remedy"`
	Exception   *string        `json:"exception"`
	CreatedAt   time.Time      `json:"created_at"`
	RunAt       time.Time      `json:"run_at"`
	Runtime     types.Duration `json:"runtime"`
}

// MarshalJSON writes the result with null for what is empty. "remedy" says
// whether there is one, and "exception" is type and text of the error.
func (r Result) MarshalJSON() ([]byte, error) {
	out := resultJSON{
		Connector: r.Connector, Name: r.Name, ID: r.ID, Description: orNull(r.Description),
		Severity: r.Severity, Success: r.Success(), Message: orNull(r.Message), Hint: orNull(r.Hint),
		Remedy: r.Remedy != nil, CreatedAt: r.CreatedAt, RunAt: r.RunAt, Runtime: types.Duration(r.Runtime),
	}
	if len(r.Tags) > 0 {
		out.Tags = r.Tags
	}
	if r.Err != nil {
		out.Exception = orNull(fmt.Sprintf("%T(%q)", r.Err, r.Err.Error()))
	}
	return json.Marshal(out)
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// WriteJSON writes an object with the verdict, how many passed, warned and
// failed, and the results.
func (r Report) WriteJSON(w io.Writer) error {
	c := r.count()
	if r == nil {
		r = Report{}
	}
	text, err := json.MarshalIndent(struct {
		Ready    bool   `json:"ready"`
		Passed   int    `json:"passed"`
		Warnings int    `json:"warnings"`
		Failed   int    `json:"failed"`
		Checks   Report `json:"checks"`
	}{r.Ready(), c.passed, c.warned, c.failed, r}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the checks as JSON: %w", err)
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("writing the checks as JSON: %w", err)
	}
	return nil
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the XML that systems for continuous integration read, with
// a suite for each connector. Unsuccessful warnings are no failures there; what
// they say is in the output of their case.
func (r Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "checks", Tests: len(r), Failures: r.count().failed}
	var total time.Duration
	for _, group := range r.byConnector() {
		suite := junitSuite{Name: group[0].Connector, Tests: len(group), Failures: group.count().failed}
		if at := group[0].RunAt; !at.IsZero() {
			suite.Timestamp = at.UTC().Format("2006-01-02T15:04:05")
		}
		var took time.Duration
		for _, result := range group {
			took += result.Runtime
			suite.Cases = append(suite.Cases, newJUnitCase(result))
		}
		suite.Time = seconds(took)
		total += took
		all.Suites = append(all.Suites, suite)
	}
	all.Time = seconds(total)
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the checks as JUnit XML: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)+"\n"); err != nil {
		return fmt.Errorf("writing the checks as JUnit XML: %w", err)
	}
	return nil
}

func newJUnitCase(r Result) junitCase {
	c := junitCase{Name: r.Name, Class: r.Connector + "." + r.ID, Time: seconds(r.Runtime)}
	text := r.Message
	if r.Hint != "" {
		text = strings.TrimPrefix(text+"\nHint: "+r.Hint, "\n")
	}
	switch {
	case r.Failed():
		c.Failure = &junitFailure{Message: r.Message, Type: r.Severity.String(), Text: text}
	case !r.Success():
		c.Output = "warning: " + text
	default:
		c.Output = text
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
