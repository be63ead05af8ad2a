package servo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
)

// FromConfig builds a servo from one document of a servo.yaml and the kinds of
// connectors that the program has. What o sets goes before the document: its
// name, its optimizer, its progress interval. Without an optimizer in o, a
// client is made for the one the document names.
//
// Nothing is contacted. The error lists the problems of the document and of
// every stanza at once, each with its place in the file. A stanza of a known
// connector that the document does not list is a parked one, and gets a
// warning in the log.
func FromConfig(doc *config.Document, o Options, defs ...connector.Definition) (*Servo, error) {
	k, err := kindsOf(defs)
	if err != nil {
		return nil, err
	}
	own := new(transports)
	s, err := fromConfig(doc, o, k, own)
	if err != nil {
		return nil, err
	}
	s.released = own.closeIdle
	return s, nil
}

// kinds are the connectors that a program has, by name.
type kinds struct {
	names  []string
	byName map[string]connector.Definition
}

func kindsOf(defs []connector.Definition) (kinds, error) {
	k := kinds{byName: make(map[string]connector.Definition, len(defs))}
	for i, d := range defs {
		if err := d.Info().Validate(); err != nil {
			return kinds{}, fmt.Errorf("definition %d of the program: %w", i+1, err)
		}
		k.names = append(k.names, d.Info().Name)
		k.byName[d.Info().Name] = d
	}
	return k, nil
}

// check finds everything that is wrong with a document, except for what only
// building shows.
func (k kinds) check(doc *config.Document, ownOptimizer bool) ([]config.Mount, error) {
	mounts, err := doc.Resolve(k.names)
	problems := []error{err}
	if !ownOptimizer {
		problems = append(problems, checkOptimizer(doc))
	}
	for _, m := range mounts {
		if d, ok := k.byName[m.Connector]; ok {
			stanza, _ := doc.Stanza(m.Name)
			problems = append(problems, d.Check(stanza))
		}
	}
	return mounts, config.Join(problems...)
}

// nameOf is what a servo is called that a document describes.
func nameOf(doc *config.Document) string {
	if doc.Name != "" {
		return doc.Name
	}
	return doc.Optimizer.DisplayName()
}

func fromConfig(doc *config.Document, o Options, k kinds, shared *transports) (*Servo, error) {
	mounts, err := k.check(doc, o.Optimizer != nil)
	if err != nil {
		return nil, err
	}
	client, err := shared.client(doc.Settings)
	if err != nil {
		return nil, err
	}
	diagnosticsOf(doc, &o, k)
	var asked func() (Optimizer, error)
	if o.Optimizer == nil {
		if asked, err = useOptimizer(doc, &o, client); err != nil {
			return nil, err
		}
	}
	if o.Name == "" {
		o.Name = nameOf(doc)
	}
	if o.ProgressInterval == 0 {
		o.ProgressInterval = doc.Settings.ProgressInterval.Std()
	}
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	if asked != nil {
		s.asked = asked
	}
	active := make(map[string]bool, len(mounts))
	for _, m := range mounts {
		active[m.Name] = true
		c, err := k.build(doc, m, s, client)
		if err == nil {
			err = s.Use(m.Name, c)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, stanza := range doc.Stanzas() {
		if !active[stanza.Name()] {
			s.log.WarnContext(context.Background(), "connector is not listed and stays inactive", "connector", stanza.Name(), "file", stanza.File(), "line", stanza.Line())
		}
	}
	return s, nil
}

// build makes the connector that a document mounts.
func (k kinds) build(doc *config.Document, m config.Mount, s *Servo, client *http.Client) (connector.Connector, error) {
	stanza, _ := doc.Stanza(m.Name)
	return k.byName[m.Connector].New(stanza, connector.Env{
		Name: m.Name, Logger: s.Logger(m.Name), HTTP: client, Common: doc.Settings,
	})
}

// checkOptimizer finds what is missing of the optimizer that doc names.
func checkOptimizer(doc *config.Document) error {
	if doc.Optimizer.IsZero() {
		return &config.FieldError{File: doc.File, Path: "optimizer", Message: "required: id and token of the optimizer, or optimizer_id with its credentials"}
	}
	return nil
}

// useOptimizer fills o with a client of the optimizer that doc names, and
// returns what makes one that tries once, for the check that asks whether it
// answers.
func useOptimizer(doc *config.Document, o *Options, client *http.Client) (asked func() (Optimizer, error), err error) {
	connect, rest := doc.Settings.BackoffFor("connect"), doc.Settings.BackoffFor("optimizer")
	options := optimizer.Options{
		URL: doc.Optimizer.Endpoint(), Token: doc.Optimizer.Token.Reveal(), ServoUID: doc.ServoUID,
		HTTP: client, Logger: o.Logger, Observe: retries(o.Record),
		Retry: optimizer.Retry{MaxTime: limit(rest), ConnectMaxTime: limit(connect), MaxTries: rest.MaxTries, ConnectMaxTries: connect.MaxTries},
	}
	if connect.MaxTries == 0 {
		options.Retry.ConnectMaxTries = -1
	}
	file, err := useCredentials(doc.Optimizer.AppDynamics, o.Logger, &options)
	if err != nil {
		return nil, err
	}
	c, err := optimizer.NewClient(options)
	if err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	if o.Optimizer = c; file != nil {
		o.Optimizer = &followed{Client: c, connection: file}
	}
	return func() (Optimizer, error) {
		once := options
		once.Retry.MaxTries, once.Retry.ConnectMaxTries = 1, 1
		return optimizer.NewClient(once)
	}, nil
}

// useCredentials gives options those of an optimizer with an optimizer_id: its
// token, its connection file, which it returns, or what its client credentials
// are exchanged for.
func useCredentials(a *config.AppDynamics, logger *slog.Logger, options *optimizer.Options) (*connection, error) {
	switch {
	case a == nil:
		return nil, nil
	case a.ConnectionFile != "":
		if logger == nil {
			logger = slog.New(slog.DiscardHandler)
		}
		file := &connection{config: *a, log: logger}
		options.URL, options.Credentials = "", file
		return file, nil
	case !a.Token.IsZero():
		options.Token = a.Token.Reveal()
		return nil, nil
	}
	credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{
		TokenURL: a.TokenEndpoint(), ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(),
	})
	if err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	options.Credentials = credentials
	return nil, nil
}

// limit is the longest time that b allows, in the form of [optimizer.Retry],
// where a negative time means without limit.
func limit(b config.Backoff) time.Duration {
	if b.MaxTime == 0 {
		return -1
	}
	return b.MaxTime.Std()
}
