package optimizertest_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// A script of three commands, run by the simplest servo there is. The second
// answer gets lost in a bad gateway and is sent again.
func Example() {
	fake := optimizertest.New(
		optimizertest.Describe(),
		optimizertest.Measure(30*time.Second, "throughput"),
		optimizertest.Adjust(types.Adjustment{Component: "web", Setting: "cpu", Value: types.Float(1.5)}),
	)
	fake.Inject(1, optimizertest.Status(http.StatusBadGateway, ""), optimizer.EventMeasurement)
	client, err := optimizer.NewClient(optimizer.Options{
		URL:  "http://optimizer.test",
		HTTP: &http.Client{Transport: optimizertest.Transport(fake)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	err = client.Hello(ctx, optimizer.Hello{})
	for err == nil {
		var command optimizer.Command
		if command, err = client.Next(ctx); command.Verb.Answer() == "" {
			break
		}
		err = client.Reply(ctx, optimizer.Result{Verb: command.Verb, UID: command.UID})
	}
	results, waitErr := fake.WaitDone(ctx)
	fmt.Println(len(results), "results", err, waitErr, fake.Violations())
	for _, r := range fake.Requests() {
		fmt.Println(r.Event, r.Faulty)
	}
	// Output:
	// 3 results <nil> <nil> []
	// HELLO false
	// WHATS_NEXT false
	// DESCRIPTION false
	// WHATS_NEXT false
	// MEASUREMENT true
	// MEASUREMENT false
	// WHATS_NEXT false
	// ADJUSTMENT false
	// WHATS_NEXT false
}

// In process the fake is simply a backend. Answers to progress are scripted.
func ExampleOptimizer_AnswerProgress() {
	fake := optimizertest.New(optimizertest.Measure(time.Minute, "throughput"))
	fake.AnswerProgress(nil, optimizer.ErrCancelRequested)
	ctx := context.Background()
	command, err := fake.Next(ctx)
	fmt.Println(command.Verb, command.UID, err)
	for _, percent := range []float64{10, 20} {
		report := optimizer.Progress{Verb: command.Verb, UID: command.UID}
		report.Percent = percent
		fmt.Println(percent, fake.Progress(ctx, report))
	}
	// Output:
	// MEASURE u1 <nil>
	// 10 <nil>
	// 20 cancelled by the optimizer
}
