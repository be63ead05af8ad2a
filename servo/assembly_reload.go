package servo

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
)

// Reload makes the servos agree with documents that were read again, with as
// little disturbance as possible: servos of new documents are added, those whose
// document is gone are removed with the reason "restarting", and of the others
// the connectors whose configuration has changed are exchanged between two
// commands. A servo whose optimizer or common settings have changed is ended and
// begun anew. Servos that were added by hand stay as they are.
//
// All documents are checked first: when anything is wrong nothing changes, and
// the error lists all of it. A connector that does not come up with its new
// configuration keeps the old one, which is part of the error; the rest is done
// all the same. Call it on SIGHUP, for example; see [NotifyHangup].
func (a *Assembly) Reload(ctx context.Context, docs []*config.Document) error {
	a.reload.Lock()
	defer a.reload.Unlock()
	if err := a.check(docs); err != nil {
		return fmt.Errorf("reloading: nothing has changed: %w", err)
	}
	wanted := map[string]bool{}
	for _, doc := range docs {
		wanted[a.nameOf(doc)] = true
	}
	a.mu.Lock()
	present := map[string]*seat{}
	var gone []string
	for _, s := range a.seats {
		if s.doc == nil {
			continue
		}
		present[s.servo.Name()] = s
		if !wanted[s.servo.Name()] {
			gone = append(gone, s.servo.Name())
		}
	}
	a.mu.Unlock()
	var errs []error
	for _, name := range gone {
		a.log.InfoContext(ctx, "reloading: a servo is removed", "servo", name)
		errs = append(errs, a.remove(ctx, name, "restarting"))
	}
	for _, doc := range docs {
		errs = append(errs, a.apply(ctx, present[a.nameOf(doc)], doc))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("reloading: %w", err)
	}
	return nil
}

// apply makes one servo agree with its document.
func (a *Assembly) apply(ctx context.Context, s *seat, doc *config.Document) error {
	switch {
	case s == nil:
		a.log.InfoContext(ctx, "reloading: a servo is added", "servo", a.nameOf(doc))
		return a.enter(doc)
	case !sameServo(s.doc, doc):
		a.log.InfoContext(ctx, "reloading: a servo begins anew", "servo", s.servo.Name())
		if err := a.remove(ctx, s.servo.Name(), "restarting"); err != nil {
			return err
		}
		return a.enter(doc)
	}
	return a.exchange(ctx, s, doc)
}

// enter builds the servo of a document and adds it.
func (a *Assembly) enter(doc *config.Document) error {
	s, err := a.build(doc)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.add(s, 0); err != nil {
		return errors.Join(err, s.release())
	}
	return nil
}

// sameServo reports whether two documents differ in nothing but connectors.
func sameServo(old, fresh *config.Document) bool {
	return old.ServoUID == fresh.ServoUID && old.NoDiagnostics == fresh.NoDiagnostics &&
		reflect.DeepEqual(old.Optimizer, fresh.Optimizer) && reflect.DeepEqual(old.Settings, fresh.Settings)
}

// exchange brings the connectors of a servo into line with its document.
func (a *Assembly) exchange(ctx context.Context, s *seat, doc *config.Document) error {
	client, err := a.shared.client(doc.Settings)
	if err != nil {
		return err
	}
	before, err := s.doc.Resolve(a.kinds.names)
	if err != nil {
		return err
	}
	after, err := doc.Resolve(a.kinds.names)
	if err != nil {
		return err
	}
	kind := map[string]string{}
	for _, m := range before {
		kind[m.Name] = m.Connector
	}
	var errs []error
	for _, m := range after {
		was, mounted := kind[m.Name]
		delete(kind, m.Name)
		build := func(doc *config.Document, connectorName string) func() (connector.Connector, error) {
			return func() (connector.Connector, error) {
				return a.kinds.build(doc, config.Mount{Name: m.Name, Connector: connectorName}, s.servo, client)
			}
		}
		switch {
		case !mounted:
			c, err := build(doc, m.Connector)()
			if err == nil {
				err = s.servo.Use(m.Name, c)
			}
			errs = append(errs, err)
		case was != m.Connector || !a.unchanged(s.doc, doc, m):
			a.log.InfoContext(ctx, "reloading: a connector is exchanged", "servo", s.servo.Name(), "connector", m.Name)
			err := s.servo.exchange(ctx, m.Name, build(doc, m.Connector), build(s.doc, was))
			if err != nil {
				err = fmt.Errorf("connector %s keeps its previous configuration: %w", m.Name, err)
			}
			errs = append(errs, err)
		}
	}
	for name := range kind {
		errs = append(errs, s.servo.Remove(ctx, name, "restarting"))
	}
	a.mu.Lock()
	s.doc = doc
	a.mu.Unlock()
	return errors.Join(errs...)
}

func (a *Assembly) unchanged(old, fresh *config.Document, m config.Mount) bool {
	x, _ := old.Stanza(m.Name)
	y, _ := fresh.Stanza(m.Name)
	return a.kinds.byName[m.Connector].Same(x, y)
}
