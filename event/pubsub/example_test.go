package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// start returns a running exchange and a client of it. A connector gets its
// client from its host instead.
func start() (*pubsub.Exchange, *pubsub.Client) {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	x := pubsub.New(pubsub.Options{Logger: logger})
	check(x.Start(context.Background()))
	return x, x.Client("example")
}

func stop(x *pubsub.Exchange) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	check(x.Shutdown(ctx))
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
	}
}

func show(_ context.Context, m pubsub.Message, c *pubsub.Channel) error {
	fmt.Printf("%s: %s\n", c, m.Bytes())
	return nil
}

// An exchange runs until its context ends, and then delivers what is left.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	x := pubsub.New(pubsub.Options{})
	ended := make(chan error)
	go func() { ended <- x.Run(ctx) }()

	c := x.Client("app")
	_, err := c.Subscribe("metrics.*", show)
	check(err)
	check(c.Publish(ctx, "metrics.http", pubsub.Text("42 ms")))
	check(c.Publish(ctx, "logs", pubsub.Text("nobody listens")))

	cancel()
	check(<-ended)
	// Output: metrics.http: 42 ms
}

func ExampleClient_Listen() {
	x, c := start()
	defer stop(x)

	l, err := c.Listen("/metrics\\.(http|grpc)/")
	check(err)
	check(c.Publish(context.Background(), "metrics.grpc", pubsub.Text("7 ms")))
	check(c.Publish(context.Background(), "metrics.http", pubsub.Text("42 ms")))
	for m, channel := range l.All(context.Background()) {
		text, err := m.Text()
		check(err)
		fmt.Println(channel, text)
		if channel.Name() == "metrics.http" {
			break // ends the subscription
		}
	}
	fmt.Println(len(x.Subscriptions()), "subscriptions left")
	// Output:
	// metrics.grpc 7 ms
	// metrics.http 42 ms
	// 0 subscriptions left
}

func ExampleClient_Subscribe() {
	x, c := start()
	_, err := c.Subscribe("orders", func(ctx context.Context, m pubsub.Message, _ *pubsub.Channel) error {
		if m.Len() == 0 {
			return errors.New("empty order")
		}
		current, channel, _ := pubsub.Current(ctx)
		fmt.Printf("%s on %s\n", current.Bytes(), channel)
		return nil
	}, pubsub.Named("clerk"))
	check(err)
	for _, order := range []string{"tea", "", "coffee"} {
		check(c.Publish(context.Background(), "orders", pubsub.Text(order)))
	}
	stop(x)
	// Output:
	// tea on orders
	// level=ERROR msg="subscriber failed" client=example subscription=clerk channel=orders error="empty order"
	// coffee on orders
}

// A subscriber that only needs the latest messages does not hold up others.
func ExampleBuffer() {
	x, c := start()
	defer stop(x)

	l, err := c.Listen("position", pubsub.Buffer(2, pubsub.DropOldest))
	check(err)
	for i := range 5 {
		check(c.Publish(context.Background(), "position", pubsub.Text(fmt.Sprint(i))))
	}
	check(x.Remove("position")) // ends the loop once it has seen what is left
	fmt.Println(l.Stats().Dropped, "dropped")
	for m := range l.All(context.Background()) {
		fmt.Println(string(m.Bytes()))
	}
	// Output:
	// level=WARN msg="subscriber is too slow, messages are dropped" client=example subscription=subscription-1 channel=position
	// 3 dropped
	// 3
	// 4
}

// Until gives a subscription a time limit, or the life of something else.
func ExampleUntil() {
	x, c := start()
	defer stop(x)

	ctx, cancel := context.WithCancel(context.Background())
	s, err := c.Subscribe("metrics", show, pubsub.Until(ctx))
	check(err)
	cancel()
	<-s.Done()
	fmt.Println("subscription over")
	// Output: subscription over
}

func ExampleJSON() {
	m, err := pubsub.JSON(map[string]any{"latency": 42, "unit": "ms"})
	check(err)
	m = m.With("source", "prometheus")
	fmt.Println(m.ContentType(), string(m.Bytes()), m.Metadata())

	var reading struct{ Latency int }
	check(m.JSON(&reading))
	fmt.Println(reading.Latency)
	// Output:
	// application/json {"latency": 42, "unit": "ms"} map[source:prometheus]
	// 42
}

func ExampleYAML() {
	m, err := pubsub.YAML(map[string]any{"latency": 42})
	check(err)
	fmt.Print(m.ContentType(), "\n", string(m.Bytes()))
	// Output:
	// application/x-yaml
	// latency: 42
}

func ExampleBytes() {
	_, err := pubsub.Bytes([]byte{0x89, 'P', 'N', 'G'}, "")
	fmt.Println(err != nil)
	m, err := pubsub.Bytes([]byte{0x89, 'P', 'N', 'G'}, "image/png")
	fmt.Println(m, err)
	// Output:
	// true
	// Message(content_type=image/png, length=4) <nil>
}

func ExampleParseSelector() {
	for _, text := range []string{"metrics.http", "metrics.*", "metrics.[!h]*", "/metrics/"} {
		s, err := pubsub.ParseSelector(text)
		check(err)
		fmt.Println(s, s.Match("metrics.http"))
	}
	// Output:
	// metrics.http true
	// metrics.* true
	// metrics.[!h]* false
	// /metrics/ false
}

func ExampleClient_Temporary() {
	x, c := start()
	defer stop(x)

	channel, release, err := c.Temporary("answers", "for one question")
	check(err)
	fmt.Println(channel, len(x.Channels()))
	release()
	fmt.Println(len(x.Channels()))
	// Output:
	// answers 1
	// 0
}

func ExamplePublisher() {
	x, c := start()
	_, err := c.Subscribe("*", show)
	check(err)

	p, err := c.Publisher("metrics.http", "metrics.grpc")
	check(err)
	check(p.Publish(context.Background(), pubsub.Text("to both")))
	check(p.Publish(context.Background(), pubsub.Text("to one"), "metrics.grpc"))
	check(p.Publish(context.Background(), pubsub.Text("to none"), "logs"))
	stop(x)
	// Unordered output:
	// error: the publisher is not bound to the channel "logs", only to [metrics.http metrics.grpc]
	// metrics.http: to both
	// metrics.grpc: to both
	// metrics.grpc: to one
}

// A producer that fails three times, of which its policy forgives two.
func ExampleClient_Every() {
	x, c := start()
	attempts := 0
	failed := make(chan struct{})
	check(c.Every(time.Millisecond, pubsub.Producer{
		Name:     "readings",
		Channels: []string{"metrics"},
		Produce: func(ctx context.Context, p *pubsub.Publisher) error {
			attempts++
			return errors.New("no answer")
		},
		OnError: func(err error) error {
			if attempts < 3 {
				return nil
			}
			close(failed)
			return err
		},
	}))
	<-failed
	stop(x)
	// Output:
	// level=WARN msg="producer failed, it goes on" client=example producer=readings error="no answer"
	// level=WARN msg="producer failed, it goes on" client=example producer=readings error="no answer"
	// level=ERROR msg="producer failed, it has been stopped" client=example producer=readings error="no answer"
}

func ExampleFilter() {
	x, c := start()
	_, err := x.Use("metrics.*", pubsub.Filter(func(_ context.Context, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
		return m.With("checked", "yes"), nil
	}))
	check(err)
	_, err = c.Subscribe("*", func(_ context.Context, m pubsub.Message, c *pubsub.Channel) error {
		fmt.Println(c, m.Metadata())
		return nil
	})
	check(err)
	check(c.Publish(context.Background(), "metrics.http", pubsub.Text("42 ms")))
	check(c.Publish(context.Background(), "logs", pubsub.Text("started")))
	stop(x)
	// Output:
	// metrics.http map[checked:yes]
	// logs map[]
}

func ExampleSplit() {
	x, c := start()
	_, err := c.Subscribe("alerts", show)
	check(err)
	alerts, err := c.Publisher("alerts")
	check(err)
	_, err = x.Use("metrics.*", pubsub.Split(alerts, func(ctx context.Context, p *pubsub.Publisher, m pubsub.Message, c *pubsub.Channel) error {
		if m.Len() > 5 {
			return p.Publish(ctx, pubsub.Text(fmt.Sprintf("%s is slow: %s", c, m.Bytes())))
		}
		return nil
	}))
	check(err)
	check(c.Publish(context.Background(), "metrics.http", pubsub.Text("42 ms")))
	check(c.Publish(context.Background(), "metrics.http", pubsub.Text("4200 ms")))
	stop(x)
	// Output: alerts: metrics.http is slow: 4200 ms
}

func ExampleAggregate() {
	x, c := start()
	_, err := c.Subscribe("summary", show)
	check(err)
	summary, err := c.Channel("summary")
	check(err)
	a, err := pubsub.Aggregate([]string{"cpu", "memory"}, summary, 0, func(_ context.Context, aggregate, m pubsub.Message, c *pubsub.Channel) (pubsub.Message, error) {
		return pubsub.Text(fmt.Sprintf("%s%s=%s ", aggregate.Bytes(), c, m.Bytes())), nil
	})
	check(err)
	_, err = x.Use("*", a)
	check(err)
	check(c.Publish(context.Background(), "cpu", pubsub.Text("70%")))
	check(c.Publish(context.Background(), "cpu", pubsub.Text("80%")))
	check(c.Publish(context.Background(), "memory", pubsub.Text("1.5Gi")))
	stop(x)
	// Output: summary: cpu=70% cpu=80% memory=1.5Gi
}

type Report struct {
	Rate   float64 `json:"rate"`
	Errors int     `json:"errors"`
}

func ExampleTopic() {
	reports := pubsub.Topic[Report]{Name: "loadgen.vegeta"}

	x, c := start()
	_, err := reports.Subscribe(c, func(_ context.Context, r Report) error {
		fmt.Printf("%.0f/s, %d errors\n", r.Rate, r.Errors)
		return nil
	})
	check(err)
	check(reports.Publish(context.Background(), c, Report{Rate: 500, Errors: 2}))
	stop(x)
	// Output: 500/s, 2 errors
}

// A hook reports what it does while its dispatch is observed.
func ExampleObserve() {
	measure := event.New[time.Duration, float64]("measure")
	var bus event.Bus
	measure.On(bus.Scope("vegeta"), func(ctx context.Context, d time.Duration) (float64, error) {
		for _, step := range []string{"warming up", "measuring"} {
			if err := pubsub.Report(ctx, pubsub.Text(step)); err != nil {
				return 0, err
			}
		}
		return 42, nil
	})

	x, c := start()
	defer stop(x)
	d := pubsub.Observe(c, measure)
	defer d.Close()
	for m := range d.All(context.Background(), &bus, time.Minute) {
		fmt.Println(string(m.Bytes()))
	}
	results, err := d.Results()
	check(err)
	fmt.Println(results[0].Value, d.Success(), len(x.Channels()))
	// Output:
	// warming up
	// measuring
	// 42 true 0
}
