package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// ScraperConfig is what the author of a connector writes.
type ScraperConfig struct {
	URL     string         `yaml:"url"`
	Token   config.Secret  `yaml:"token"`
	Every   types.Duration `yaml:"every"`
	Queries []Query        `yaml:"queries"`
}

// SetDefaults is called before the file is decoded over it.
func (c *ScraperConfig) SetDefaults() {
	c.URL = "http://localhost:9090"
	c.Every = types.Duration(15e9)
}

// Validate reports everything that is wrong, not only the first thing.
func (c ScraperConfig) Validate() error {
	var errs []error
	if c.Every <= 0 {
		errs = append(errs, config.Invalid("every", c.Every, "a positive duration"))
	}
	if len(c.Queries) == 0 {
		errs = append(errs, config.Required("queries"))
	}
	return errors.Join(errs...)
}

// Query shows that nested types have defaults and validation too.
type Query struct {
	Name string `yaml:"name"`
	Unit string `yaml:"unit"`
}

func (q *Query) SetDefaults() { q.Unit = "rpm" }

func (q Query) Validate() error {
	if q.Name == "" {
		return config.Required("name")
	}
	return nil
}

func ExampleDecode() {
	docs, err := config.Parse("servo.yaml", []byte(`
optimizer: {id: dev.example.com/my-app, token: 00000000-0000}
scraper:
  token: s3cr3t
  every: 1m
  queries:
    - name: throughput
    - {name: latency, unit: ms}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("scraper")
	cfg, err := config.Decode[ScraperConfig](stanza)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(docs[0].Optimizer.Endpoint())
	fmt.Println(cfg.URL, cfg.Every, cfg.Token)
	fmt.Println(cfg.Queries)
	// Output:
	// https://api.opsani.com/accounts/dev.example.com/applications/my-app/
	// http://localhost:9090 1m **********
	// [{throughput rpm} {latency ms}]
}

func ExampleDecode_problems() {
	docs, err := config.Parse("servo.yaml", []byte(`
scraper:
  tokn: s3cr3t
  every: -5s
  queries:
    - unit: [ms]
      name: throughput
    - name: latency
      unti: ms
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("scraper")
	_, err = config.Decode[ScraperConfig](stanza)
	fmt.Println(err)
	// Output:
	// 4 problems in servo.yaml:
	//   servo.yaml:3:3: scraper.tokn: unknown key; did you mean "token"? (known: description, every, queries, token, url)
	//   servo.yaml:4:10: scraper.every: "-5s" is not a positive duration
	//   servo.yaml:6:13: scraper.queries[0].unit: a list is not text
	//   servo.yaml:9:7: scraper.queries[1].unti: unknown key; did you mean "unit"? (known: name, unit)
}

func ExampleLoad() {
	_, err := config.Load("no-such-file.yaml")
	fmt.Println(err)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// config file 'no-such-file.yaml' does not exist
	// true
}

// An assembly reports the problems of the whole file at once.
func ExampleJoin() {
	docs, err := config.Parse("servo.yaml", []byte(`
optimiser: {id: dev.example.com/my-app}
settings: {progress_interval: soon}
scraper: {queries: [{name: latency}], every: x}
`))
	errs := []error{err}
	for _, doc := range docs {
		mounts, err := doc.Resolve([]string{"scraper"})
		errs = append(errs, err)
		for _, mount := range mounts {
			stanza, _ := doc.Stanza(mount.Name)
			_, err := config.Decode[ScraperConfig](stanza)
			errs = append(errs, err)
		}
	}
	var problems config.FieldErrors
	errors.As(config.Join(errs...), &problems)
	for _, problem := range problems {
		fmt.Println(problem.Line, problem.Path)
	}
	// Output:
	// 2 optimiser
	// 3 settings.progress_interval
	// 4 scraper.every
}

func ExampleDocument_Resolve() {
	docs, err := config.Parse("servo.yaml", []byte(`
connectors: {staging: prometheus, load: vegeta}
staging: {}
load: {}
kubernetes: {} # parked: not listed above
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	mounts, err := docs[0].Resolve([]string{"kubernetes", "prometheus", "vegeta"})
	fmt.Println(mounts, err)
	_, err = docs[0].Resolve([]string{"prometheus", "vegetta"})
	fmt.Println(err)
	// Output:
	// [{staging prometheus} {load vegeta}] <nil>
	// 2 problems in servo.yaml:
	//   servo.yaml:2:35: connectors.load: no connector is called "vegeta"; did you mean "vegetta"? (known: prometheus, vegetta)
	//   servo.yaml:5:1: kubernetes: unknown key (known: checks, connectors, description, load, name, no_diagnostics, optimizer, prometheus, servo_uid, settings, staging, vegetta)
}

func ExampleSecret() {
	token := config.NewSecret("s3cr3t")
	fmt.Printf("%v %#v\n", token, token)
	out, _ := json.Marshal(map[string]any{"token": token})
	fmt.Println(string(out))
	fmt.Println(token.Reveal())
	// Output:
	// ********** "**********"
	// {"token":"**********"}
	// s3cr3t
}
