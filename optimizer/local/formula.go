package local

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Formula is a metric that is calculated from measured ones, such as a cost
// from cores and memory. It is a sum of terms, each a number times at most one
// metric. Make one with [ParseFormula]; the zero value has no name and is
// refused by [New].
type Formula struct {
	name  string
	terms []term
}

// term is a factor times a metric, or a constant when metric is empty.
type term struct {
	factor float64
	metric string
}

// ParseFormula reads "cost = 0.0316*cpu_cores + 0.0042*memory_gib": terms
// joined by + and -, each a product of numbers and at most one name. There are
// no parentheses. Each metric counts in the unit it is described with.
func ParseFormula(text string) (Formula, error) {
	name, sum, ok := strings.Cut(text, "=")
	f := Formula{name: strings.TrimSpace(name)}
	if !ok {
		return Formula{}, fmt.Errorf("formula %q: want \"<name> = <number>*<metric> + …\"", text)
	}
	if err := checkName(f.name); err != nil {
		return Formula{}, fmt.Errorf("formula %q: %w", text, err)
	}
	p := formulaParser{rest: sum}
	for {
		t, err := p.term()
		if err != nil {
			return Formula{}, fmt.Errorf("formula %q: %w", text, err)
		}
		if t.metric == f.name {
			return Formula{}, fmt.Errorf("formula %q: refers to itself", text)
		}
		f.terms = append(f.terms, t)
		if p.end() {
			return f, nil
		}
	}
}

// Name returns the name under which objective and constraints refer to the
// formula.
func (f Formula) Name() string { return f.name }

// Metrics returns the metrics that the formula needs, in order and without
// repeats.
func (f Formula) Metrics() []string {
	var names []string
	for _, t := range f.terms {
		if t.metric != "" {
			names = appendNew(names, t.metric)
		}
	}
	return names
}

// String returns the form that [ParseFormula] reads.
func (f Formula) String() string {
	var b strings.Builder
	b.WriteString(f.name + " =")
	for i, t := range f.terms {
		factor := t.factor
		switch {
		case i == 0:
			b.WriteByte(' ')
		case factor < 0:
			b.WriteString(" - ")
			factor = -factor
		default:
			b.WriteString(" + ")
		}
		b.WriteString(formatNumber(factor))
		if t.metric != "" {
			b.WriteString("*" + t.metric)
		}
	}
	return b.String()
}

// Eval calculates the formula. It is false when one of its metrics is missing
// or the result is not a finite number: a formula never makes up data.
func (f Formula) Eval(metrics map[string]float64) (float64, bool) {
	var sum float64
	for _, t := range f.terms {
		v := 1.0
		if t.metric != "" {
			var ok bool
			if v, ok = metrics[t.metric]; !ok {
				return 0, false
			}
		}
		sum += t.factor * v
	}
	return sum, finite(sum)
}

type formulaParser struct {
	rest    string
	started bool
}

func (p *formulaParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *formulaParser) end() bool {
	p.skip()
	return p.rest == ""
}

// term reads a sign and a product. The sign is optional before the first term
// only.
func (p *formulaParser) term() (term, error) {
	t := term{factor: 1}
	p.skip()
	switch {
	case strings.HasPrefix(p.rest, "-"):
		t.factor, p.rest = -1, p.rest[1:]
	case strings.HasPrefix(p.rest, "+"):
		p.rest = p.rest[1:]
	case p.started:
		return t, fmt.Errorf("%q: want + or - between terms", p.rest)
	}
	p.started = true
	for {
		if err := p.operand(&t); err != nil {
			return t, err
		}
		p.skip()
		if !strings.HasPrefix(p.rest, "*") {
			return t, nil
		}
		p.rest = p.rest[1:]
	}
}

// operand multiplies t by the number or name that comes next.
func (p *formulaParser) operand(t *term) error {
	p.skip()
	if n := nameLength(p.rest); n > 0 {
		if t.metric != "" {
			return fmt.Errorf("%s*%s: a term may have one metric only", t.metric, p.rest[:n])
		}
		t.metric, p.rest = p.rest[:n], p.rest[n:]
		return nil
	}
	n := numberLength(p.rest)
	if n == 0 || p.rest[0] == '-' || p.rest[0] == '+' {
		if p.rest == "" {
			return errors.New("ends where a number or a metric should follow")
		}
		return fmt.Errorf("%q: want a number or the name of a metric", p.rest)
	}
	v, err := strconv.ParseFloat(p.rest[:n], 64)
	if err != nil || !finite(t.factor*v) {
		return fmt.Errorf("%q is not a number that can be used", p.rest[:n])
	}
	if t.factor *= v; t.factor == 0 {
		t.factor = 0 // without a sign, which the text form has no place for
	}
	p.rest = p.rest[n:]
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func appendNew(names []string, name string) []string {
	for _, n := range names {
		if n == name {
			return names
		}
	}
	return append(names, name)
}
