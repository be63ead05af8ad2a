package vegeta_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/types"
)

// The definition says everything that is wrong with a stanza.
func ExampleConfig() {
	docs, err := config.Parse("servo.yaml", []byte(`
vegeta:
  rate: 50 per second
  target: GET ftp://example.com/
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("vegeta")
	fmt.Println(vegeta.Definition.Check(stanza))
	// Output:
	// 2 problems in servo.yaml:
	//   servo.yaml:3:9: vegeta.rate: "50 per second" is not a number of requests per second such as 50, a number per interval such as "50/s" or "300/1m", or "infinity": "50 per second" is not a whole number of requests
	//   servo.yaml:4:11: vegeta.target: target 1: URL "ftp://example.com/" is not an http or https URL
}

// A program loads a list of its own, in order and over again.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("q") == "" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()

	var c vegeta.Config
	c.SetDefaults()
	c.Rate = "100/s"
	c.MaxLag = types.Duration(5 * time.Second) // this machine may be busy
	for _, q := range []string{"go", "servo", "load", ""} {
		c.Requests = append(c.Requests, vegeta.Target{Method: "GET", URL: server.URL + "/search?q=" + q})
	}
	load, err := vegeta.New(c, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A servo does the rest of this.
	var bus event.Bus
	if err := load.Bind(connector.NewHost(&bus, "vegeta", nil)); err != nil {
		fmt.Println(err)
		return
	}
	results, err := connector.Measure.Dispatch(context.Background(), &bus, connector.MeasureRequest{
		Metrics: []string{"error_rate"},
		Control: types.Control{Duration: types.Duration(400 * time.Millisecond)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := results[0].Value
	fmt.Printf("error_rate: %.0f%%\n", m.Summary("error_rate").Mean)
	fmt.Println(m.Annotations["load_errors"])
	// Output:
	// error_rate: 25%
	// 10× 400 Bad Request
}

// Whoever shares the exchange of the servo looks on while the load goes on.
func ExampleReport() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var c vegeta.Config
	c.SetDefaults()
	c.Rate, c.Target = "50/s", "GET "+server.URL
	c.ReportingInterval = types.Duration(200 * time.Millisecond)
	c.MaxLag = types.Duration(5 * time.Second) // this machine may be busy
	load, err := vegeta.New(c, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A servo does the rest of this.
	ctx := context.Background()
	var bus event.Bus
	host := connector.NewHost(&bus, "load", nil)
	exchange := pubsub.New(pubsub.Options{})
	host.Join(exchange)
	if err := errors.Join(load.Bind(host), exchange.Start(ctx)); err != nil {
		fmt.Println(err)
		return
	}

	_, err = vegeta.Reports.Subscribe(exchange.Client("watcher"), func(_ context.Context, r vegeta.Report) error {
		fmt.Printf("%s: %d requests at %.0f/s, %.0f%% succeeded\n", r.Source, r.Requests, r.Rate, 100*r.Success)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = connector.Measure.Dispatch(ctx, &bus, connector.MeasureRequest{Control: types.Control{Duration: types.Duration(600 * time.Millisecond)}})
	fmt.Println(errors.Join(err, exchange.Shutdown(ctx)))
	// Output:
	// load: 10 requests at 50/s, 100% succeeded
	// load: 10 requests at 50/s, 100% succeeded
	// load: 10 requests at 50/s, 100% succeeded
	// <nil>
}
