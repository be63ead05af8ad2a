package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
)

// ErrOtherStudy is wrapped by the error about a study file that belongs to a
// study with another objective, other constraints or other settings.
var ErrOtherStudy = errors.New("the file belongs to another study")

// studyVersion is the version of the file format.
const studyVersion = 1

// header is the first line of a study file: what the trials are about.
type header struct {
	Version     int      `json:"study"`
	Objective   string   `json:"objective"`
	Constraints []string `json:"constraints"`
	Formulas    []string `json:"formulas"`
	Control     string   `json:"control"`
	Seed        uint64   `json:"seed"`
	// Description is the answer to DESCRIBE when the study began. Its values
	// are the baseline.
	Description types.Description `json:"description"`
}

// record is every further line: one measurement or failure.
type record struct {
	Kind recordKind `json:"kind"`
	Time time.Time  `json:"time"`
	// Candidate is the trial that a validation is about, and Baseline tells
	// the two sides apart.
	Candidate int   `json:"candidate,omitempty"`
	Baseline  bool  `json:"of_baseline,omitempty"`
	Trial     Trial `json:"trial"`
}

type recordKind string

const (
	kindBaseline   recordKind = "baseline"
	kindTrial      recordKind = "trial"
	kindValidation recordKind = "validation"
)

func headerOf(o Options, d types.Description) (header, error) {
	control, err := json.Marshal(o.Control)
	if err != nil {
		return header{}, fmt.Errorf("control: %w", err)
	}
	h := header{
		Version: studyVersion, Objective: o.Objective.String(), Control: string(control), Seed: o.Seed,
		Constraints: []string{}, Formulas: []string{}, Description: d,
	}
	for _, c := range o.Constraints {
		h.Constraints = append(h.Constraints, c.String())
	}
	for _, f := range o.Formulas {
		h.Formulas = append(h.Formulas, f.String())
	}
	return h, nil
}

// differences says in what way the header of a file does not fit.
func (h header) differences(want header) error {
	var errs []error
	differ := func(what, has, wants string) {
		if has != wants {
			errs = append(errs, fmt.Errorf("%s: the file has %s, wanted is %s", what, has, wants))
		}
	}
	list := func(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
	differ("objective", h.Objective, want.Objective)
	differ("constraints", list(h.Constraints), list(want.Constraints))
	differ("formulas", list(h.Formulas), list(want.Formulas))
	differ("control", h.Control, want.Control)
	differ("seed", fmt.Sprint(h.Seed), fmt.Sprint(want.Seed))
	return errors.Join(errs...)
}

// signature describes a space for comparing; current values are not part of it.
func (s *Space) signature() string {
	parts := make([]string, len(s.dims))
	for i, d := range s.dims {
		parts[i] = d.component + "." + d.setting.String()
	}
	return strings.Join(parts, ", ")
}

// studyFile appends records to a file, which it opens for each: trials are
// minutes apart, and so there is nothing to close.
type studyFile struct {
	path string
	// broken is set after a write that did not succeed; what follows would
	// leave a gap in the file.
	broken bool
}

// load reads the file. It is false when there is none, or one without a
// complete first line. A last line that was cut off in the middle of writing is
// removed and reported as torn.
func (f *studyFile) load() (h header, records []record, found, torn bool, err error) {
	if f.path == "" {
		return h, nil, false, false, nil
	}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil, false, false, nil
	}
	if err != nil {
		return h, nil, false, false, fmt.Errorf("study file: %w", err)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	// A file that was never a study must not be cut.
	begin := []byte(`{"study":`)
	if !bytes.HasPrefix(data, begin[:min(len(begin), len(data))]) {
		return h, nil, false, false, fmt.Errorf("study file %s: not a study: it begins with %.20q", f.path, data)
	}
	if torn = len(whole) < len(data); torn {
		if err := os.Truncate(f.path, int64(len(whole))); err != nil {
			return h, nil, false, false, fmt.Errorf("study file: removing a torn line: %w", err)
		}
	}
	for n, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(whole) == 0 {
			return h, nil, false, torn, nil
		}
		if n == 0 {
			if err := json.Unmarshal(line, &h); err != nil {
				return h, nil, false, false, fmt.Errorf("study file %s:1: %w", f.path, err)
			}
			if h.Version != studyVersion {
				return h, nil, false, false, fmt.Errorf("study file %s:1: version %d is not known: this program writes %d", f.path, h.Version, studyVersion)
			}
			continue
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return h, nil, false, false, fmt.Errorf("study file %s:%d: %w", f.path, n+1, err)
		}
		switch r.Kind {
		case kindBaseline, kindTrial, kindValidation:
			records = append(records, r)
		default:
			return h, nil, false, false, fmt.Errorf("study file %s:%d: unknown kind %q", f.path, n+1, r.Kind)
		}
	}
	return h, records, true, torn, nil
}

// append adds a line and waits until it is on the disk.
func (f *studyFile) append(line any) (err error) {
	if f.path == "" || f.broken {
		return nil
	}
	defer func() { f.broken = err != nil }()
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("study file: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("study file: %w", err)
	}
	defer func() {
		if e := file.Close(); err == nil && e != nil {
			err = fmt.Errorf("study file: %w", e)
		}
	}()
	if _, err := file.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("study file: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("study file: %w", err)
	}
	return nil
}
