package servo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
)

// connectivityLimit is how long the optimizer may take to answer the check.
const connectivityLimit = 10 * time.Second

// RunChecks runs the checks of the connectors, and the servo's own, until none
// fails or the time that c gives is over; see [checks.Loop] for what is logged
// and when remedies are applied. With c.Progressive each result is logged as its
// check ends, whichever connector it belongs to. Call it before [Servo.Run]; the connectors are
// bound then and not yet attached. While the servo runs it is possible as well.
//
// The servo's own check is that the optimizer answers. Its results have the
// name of the servo in the place of a connector, which also selects it in
// [config.Checks]. Checks of different connectors run concurrently. What keeps
// a connector from giving any results is a critical check that failed.
//
// The error is nil when the servo may start, and wraps [checks.ErrNotReady]
// when it must not because of the results. Names in c that no connector has,
// or one without checks, and what else is wrong with c, are errors before
// anything runs. Tables go to table if c wants any; it may be nil.
func (s *Servo) RunChecks(ctx context.Context, c config.Checks, table io.Writer) (checks.Report, error) {
	ctx = event.WithServo(ctx, s.o.Name)
	loop, err := checkLoop(c, table)
	if err := errors.Join(err, s.checkable(c.Connectors)); err != nil {
		return nil, fmt.Errorf("servo %s: running checks: %w", s.o.Name, err)
	}
	loop.Logger = s.log
	loop.Pass = func(ctx context.Context, r checks.Request) (checks.Report, error) {
		return s.checkOnce(ctx, c.Connectors, r)
	}
	report, err := loop.Run(ctx)
	if err != nil {
		return report, fmt.Errorf("servo %s: running checks: %w", s.o.Name, err)
	}
	return report, nil
}

// checkLoop is the loop that c asks for. In c an empty text is the default,
// except for the time to wait.
func checkLoop(c config.Checks, table io.Writer) (loop checks.Loop, err error) {
	c.Delay, c.HaltOn = cmp.Or(c.Delay, "expo"), cmp.Or(c.HaltOn, checks.HaltOnCritical.String())
	invalid := c.Validate()
	loop = checks.Loop{Wait: c.Limit(), SkipRemedies: !c.Remedy, FirstFailure: c.CheckHalting, Progressive: c.Progressive, Verbose: c.Verbose}
	if c.Delay != "expo" {
		loop.Delay = c.Pause(0)
	}
	if !c.Progressive && !c.Quiet {
		loop.Table = table
	}
	loop.Request.Filter, err = checks.ParseFilter(c.Name, c.ID, c.Tag)
	if invalid == nil {
		invalid = loop.Request.HaltOn.UnmarshalText([]byte(c.HaltOn))
	}
	return loop, errors.Join(invalid, err)
}

// checkable finds what is wrong with the names of connectors to check.
func (s *Servo) checkable(names []string) error {
	known := append([]string{s.o.Name}, s.Connectors()...)
	able := append([]string{s.o.Name}, s.bus.Responds(connector.Check.Name())...)
	var unknown, unable []string
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			unknown = append(unknown, name)
		case !slices.Contains(able, name):
			unable = append(unable, name)
		}
	}
	var errs []error
	if len(unknown) > 0 {
		errs = append(errs, fmt.Errorf("no connector found with name(s) %q: there are %s", unknown, strings.Join(known, ", ")))
	}
	if len(unable) > 0 {
		errs = append(errs, fmt.Errorf("the connector(s) %q have no checks: %s have", unable, strings.Join(able, ", ")))
	}
	return errors.Join(errs...)
}

// checkOnce is one pass over the servo and the connectors of these names, or
// all of them.
func (s *Servo) checkOnce(ctx context.Context, names []string, r checks.Request) (checks.Report, error) {
	selected := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	var report checks.Report
	add := func(from string, results []checks.Result) {
		for _, result := range results {
			result.Connector = from
			report = append(report, result)
		}
	}
	if selected(s.o.Name) {
		request := r
		request.Observe = nil // not before the severity is known
		own, err := checks.New(nil, s.connectivity()).Run(ctx, request)
		for i := range own {
			if errors.Is(own[i].Err, optimizer.ErrSuperseded) {
				own[i].Severity = checks.Critical // trying again changes nothing
			}
			own[i].Connector = s.o.Name
			if r.Observe != nil {
				r.Observe(ctx, own[i])
			}
		}
		add(s.o.Name, own)
		if err != nil {
			return report, err
		}
	}
	sources := slices.DeleteFunc(s.bus.Responds(connector.Check.Name()), func(name string) bool { return !selected(name) })
	if len(sources) == 0 {
		return report, nil
	}
	answers, err := connector.Check.Dispatch(ctx, &s.bus, observedBySource(r, sources), event.Only(sources...), event.CollectErrors())
	if err != nil {
		return report, err
	}
	for _, a := range answers {
		if a.Err == nil {
			add(a.Source, a.Value)
			continue
		}
		broken, err := checks.Run(ctx, checks.Check{
			Name: "Checks of " + a.Source, Severity: checks.Critical,
			Hint: "Look at the error: the connector could not run its checks.",
			Run:  func(context.Context) error { return fmt.Errorf("expected results, found an error: %w", a.Err) },
		})
		add(a.Source, broken)
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// observedBySource fills in for the observer of r whose result it is: that of
// the source whose handler runs. What connectors do among themselves in the
// course of that is theirs.
func observedBySource(r checks.Request, sources []string) checks.Request {
	observe := r.Observe
	if observe == nil {
		return r
	}
	r.Observe = func(ctx context.Context, result checks.Result) {
		if current, ok := event.Current(ctx); ok && slices.Contains(sources, current.Source) {
			result.Connector = current.Source
			observe(ctx, result)
		}
	}
	return r
}

// pingable is an optimizer that can be asked whether it answers without being
// greeted, as an [optimizer.Client] can.
type pingable interface {
	Ping(ctx context.Context) error
}

// connectivity checks that the optimizer answers. The greeting carries no facts,
// since the connectors have not collected theirs.
func (s *Servo) connectivity() checks.Check {
	return checks.Check{
		Name:        "Opsani API connectivity",
		Description: "The optimizer answers a greeting.",
		Report: func(ctx context.Context) (string, error) {
			s.mu.Lock()
			up := s.phase == running
			s.mu.Unlock()
			if up { // a greeting would make the optimizer begin again
				return "the servo is connected", nil
			}
			ctx, cancel := context.WithTimeoutCause(ctx, connectivityLimit, fmt.Errorf("no answer within %s", connectivityLimit))
			defer cancel()
			asked, err := s.asked()
			if p, ok := asked.(pingable); ok && err == nil {
				err = p.Ping(ctx)
			} else if err == nil {
				err = asked.Hello(ctx, optimizer.Hello{})
			}
			if err != nil {
				return "", &checks.Error{
					Message: "expected an answer of the optimizer, found",
					Hint:    connectivityHint(err), Err: err,
				}
			}
			return "the optimizer answers", nil
		},
	}
}

func connectivityHint(err error) string {
	var status *optimizer.HTTPError
	switch {
	case errors.Is(err, optimizer.ErrSuperseded):
		return "Stop this servo: another deployment of it has taken over."
	case !errors.As(err, &status):
		return "Make sure that the URL of the optimizer is right and can be reached from here, also through a proxy if there is one."
	case status.StatusCode == http.StatusUnauthorized || status.StatusCode == http.StatusForbidden:
		return "Correct the token of the optimizer."
	case status.StatusCode == http.StatusNotFound:
		return "Correct the id of the optimizer or its URL."
	default:
		return "Try again later; if that does not help, ask whoever runs the optimizer."
	}
}
