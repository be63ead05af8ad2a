package optimizer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// fixed is an optimizer that knows the answer: two replicas.
type fixed struct{ done bool }

func (f *fixed) Hello(context.Context, optimizer.Hello) error { return nil }

func (f *fixed) Next(context.Context) (optimizer.Command, error) {
	if f.done {
		return optimizer.Command{Verb: optimizer.Sleep, SleepReason: "done: nothing left to try"}, nil
	}
	return optimizer.Command{
		Verb: optimizer.Adjust, UID: "only", Control: types.DefaultControl(),
		Adjustments: types.Adjustments{{Component: "web", Setting: "replicas", Value: types.Int(2)}},
	}, nil
}

func (f *fixed) Progress(_ context.Context, p optimizer.Progress) error {
	fmt.Printf("optimizer: %v%% after %s: %s\n", p.Percent, p.Runtime, p.Message)
	return nil
}

func (f *fixed) Reply(_ context.Context, r optimizer.Result) error {
	if r.UID != "only" {
		return optimizer.ErrUnexpectedCommand
	}
	replicas, _ := r.Description.Setting("web.replicas")
	fmt.Println("optimizer: web.replicas is now", replicas.Value)
	f.done = true
	return nil
}

func (f *fixed) Goodbye(_ context.Context, reason string) error {
	fmt.Println("optimizer: goodbye,", reason)
	return nil
}

// An optimizer behind HTTP and a client that does what it says.
func Example() {
	server := httptest.NewServer(optimizer.NewHandler(&fixed{}, optimizer.HandlerOptions{Token: "s3cr3t"}))
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Token: "s3cr3t"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			fmt.Println("servo:", err)
		}
	}
	check(client.Hello(ctx, optimizer.Hello{}))
	for {
		command, err := client.Next(ctx)
		check(err)
		if command.Verb != optimizer.Adjust {
			fmt.Println("servo: asked to sleep:", command.SleepReason)
			break
		}
		fmt.Println("servo: asked to adjust", command.Adjustments[0])
		progress := optimizer.Progress{Verb: command.Verb, UID: command.UID, Runtime: 1500 * time.Millisecond}
		progress.Percent, progress.Message = 50, "one of two is up"
		check(client.Progress(ctx, progress))
		check(client.Reply(ctx, optimizer.Result{
			Verb: command.Verb, UID: command.UID,
			Description: types.Description{Components: []types.Component{{Name: "web", Settings: []types.Setting{
				types.Range("replicas", types.Int(1), types.Int(8), types.Int(1)).With(command.Adjustments[0].Value),
			}}}},
		}))
	}
	check(client.Goodbye(ctx, "SIGTERM"))
	// Output:
	// servo: asked to adjust web.replicas=2
	// optimizer: 50% after 1.5s: one of two is up
	// optimizer: web.replicas is now 2
	// servo: asked to sleep: done: nothing left to try
	// optimizer: goodbye, SIGTERM
}

// Options and clients can be logged and printed: the token stays out of it.
func ExampleOptions() {
	o := optimizer.Options{URL: "https://api.opsani.com/accounts/newco.com/applications/web", Token: "s3cr3t"}
	fmt.Printf("%+v\n", o)
	_, err := optimizer.NewClient(optimizer.Options{URL: "api.opsani.com", Token: "two\nlines"})
	fmt.Println(err)
	// Output:
	// optimizer.Options{URL: "https://api.opsani.com/accounts/newco.com/applications/web", Token: "[REDACTED]", ServoUID: "", Agent: ""}
	// optimizer client: URL: scheme "" is not accepted: use http or https
	// URL: a host is required, such as https://optimizer.example.com
	// token: has characters that cannot be sent in a header
}

// What an optimizer answers to a progress report may end the operation.
func ExampleClient_Progress() {
	server := httptest.NewServer(optimizer.NewHandler(&impatient{}, optimizer.HandlerOptions{}))
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	report := optimizer.Progress{Verb: optimizer.Measure, UID: "u7"}
	report.Percent = 20
	err = client.Progress(context.Background(), report)
	switch {
	case errors.Is(err, optimizer.ErrCancelRequested):
		fmt.Println("cancel the measurement and acknowledge:", err)
	case errors.Is(err, optimizer.ErrUnexpectedEvent), errors.Is(err, optimizer.ErrUnexpectedCommand):
		fmt.Println("drop the measurement without a word:", err)
	case err != nil:
		fmt.Println("go on, the next report may get through:", err)
	}
	// Output:
	// cancel the measurement and acknowledge: MEASUREMENT: cancelled by the optimizer: the budget is used up
}

// impatient is an optimizer that cancels whatever it hears of.
type impatient struct{ fixed }

func (*impatient) Progress(context.Context, optimizer.Progress) error {
	return fmt.Errorf("%w: the budget is used up", optimizer.ErrCancelRequested)
}

// An observer hears of every try, also of those that a call makes up for.
func ExampleOptions_observe() {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"status": "ok", "message": "welcome, s3cr3t"}`)
	}))
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{
		URL: server.URL, Token: "s3cr3t",
		Observe: func(_ context.Context, try optimizer.Try) {
			fmt.Printf("%s %d: %d %v %q\n", try.Event, try.Number, try.StatusCode, try.Err, try.Response)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Hello(context.Background(), optimizer.Hello{}))
	// Output:
	// HELLO 1: 503 HTTP status 503 Service Unavailable ""
	// HELLO 2: 200 <nil> "{\"status\": \"ok\", \"message\": \"welcome, [REDACTED]\"}"
	// <nil>
}
