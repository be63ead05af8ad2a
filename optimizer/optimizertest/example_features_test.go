package optimizertest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// clientTo is a client that tries once.
func clientTo(url string) *optimizer.Client {
	c, err := optimizer.NewClient(optimizer.Options{URL: url, Retry: optimizer.Retry{MaxTries: 1}})
	if err != nil {
		panic(err)
	}
	return c
}

// A script can say what the answers have to be. In a test, Verify waits for
// them and fails it with every difference.
func ExampleOptimizer_Expect() {
	range2 := types.Range("cpu", types.Float(1), types.Float(4), types.Float(0.5))
	web := func(s types.Setting) types.Description {
		return types.Description{Components: []types.Component{{Name: "web", Settings: []types.Setting{s}}}}
	}
	fake := optimizertest.New().Expect(
		optimizertest.Step{Command: optimizertest.Describe(), Want: &optimizer.Result{Description: web(range2.With(types.Float(2)))}},
		optimizertest.Step{Command: optimizertest.Measure(time.Minute, "latency"), Check: func(r optimizer.Result) error {
			if len(r.Measurement.Readings) == 0 {
				return errors.New("there are no readings")
			}
			return nil
		}},
	)
	ctx := context.Background()
	for range 2 { // a servo that gets both wrong
		command, err := fake.Next(ctx)
		if err == nil {
			err = fake.Reply(ctx, optimizer.Result{Verb: command.Verb, UID: command.UID, Description: web(range2.With(types.Float(3)))})
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(strings.Join(fake.Mismatches(), "\n"))
	// Output:
	// step 1, DESCRIBE: the answer differs
	// --- Expected
	// +++ Actual
	// @@ -13,3 +13,3 @@
	//                "pinned": false,
	// -              "value": 2.0,
	// +              "value": 3.0,
	//                "min": 1.0,
	// step 2, MEASURE: there are no readings
}

// Faults of sockets need real ones.
func ExampleReset() {
	fake := optimizertest.New()
	fake.Inject(1, optimizertest.Reset())
	fake.Inject(1, optimizertest.Noise())
	fake.Inject(1, optimizertest.Truncate(optimizertest.Status(http.StatusOK, `{"status":"ok"}`)))
	server := httptest.NewServer(fake)
	defer server.Close()
	client := clientTo(server.URL)
	ctx := context.Background()
	fmt.Println(errors.Is(client.Hello(ctx, optimizer.Hello{}), syscall.ECONNRESET))
	fmt.Println(strings.Contains(client.Hello(ctx, optimizer.Hello{}).Error(), "malformed HTTP"))
	fmt.Println(client.Hello(ctx, optimizer.Hello{}))
	fmt.Println(client.Hello(ctx, optimizer.Hello{}))
	// Output:
	// true
	// true
	// posting HELLO: reading the answer: unexpected EOF
	// <nil>
}

// A listener breaks connections before HTTP begins. In a test,
// [optimizertest.Optimizer.Listen] makes server and listener in one.
func ExampleListener() {
	inner, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	listener := optimizertest.NewListener(inner)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: optimizertest.New(), ReadHeaderTimeout: time.Minute}}
	server.Start()
	defer server.Close()
	client := clientTo(server.URL)
	listener.Garble(1)
	fmt.Println(client.Hello(context.Background(), optimizer.Hello{}) != nil)
	fmt.Println(client.Hello(context.Background(), optimizer.Hello{}))
	// Output:
	// true
	// <nil>
}

// An optimizer can want diagnostics.
func ExampleOptimizer_AnswerDiagnostics() {
	fake := optimizertest.New()
	fake.AnswerDiagnostics(optimizer.Send)
	server := httptest.NewServer(fake)
	defer server.Close()
	client, ctx := clientTo(server.URL), context.Background()
	fmt.Println(client.PollDiagnostics(ctx))
	fmt.Println(client.UploadDiagnostics(ctx, optimizer.Diagnostics{Config: map[string]int{"replicas": 3}}), client.ResetDiagnostics(ctx))
	fmt.Println(string(fake.Uploads()[0].ConfigMap), fake.Violations())
	// Output:
	// SEND <nil>
	// <nil> <nil>
	// {"replicas":3} []
}

// A token endpoint gives out tokens, and takes them back.
func ExampleTokens() {
	tokens := optimizertest.NewTokens("me", "s3cr3t").GiveRefreshTokens()
	endpoint := httptest.NewServer(tokens)
	defer endpoint.Close()
	fake := optimizertest.New().RequireTokenFrom(tokens)
	server := httptest.NewServer(fake)
	defer server.Close()
	credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: endpoint.URL, ClientID: "me", ClientSecret: "s3cr3t"})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Credentials: credentials})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	fmt.Println(client.Hello(ctx, optimizer.Hello{}))
	tokens.Revoke()
	fmt.Println(client.Hello(ctx, optimizer.Hello{}))
	for _, r := range tokens.Requests() {
		fmt.Println(r.Grant, r.Refresh, r.Status)
	}
	// Output:
	// <nil>
	// <nil>
	// client_credentials  200
	// refresh_token refresh-1 400
	// client_credentials  200
}

// Servos of before are understood as well.
func ExampleOptimizer_Legacy() {
	fake := optimizertest.New(optimizertest.Measure(time.Minute, "perf")).Legacy()
	server := httptest.NewServer(fake)
	defer server.Close()
	for _, body := range []string{
		`{"event": "WHATS_NEXT", "param": null}`,
		`{"event": "MEASUREMENT", "param": {"metrics": {"perf": {"value": 12.5, "unit": "rps"}}, "annotations": {}}}`,
	} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+"/servo", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		response, err := server.Client().Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.StatusCode, response.Body.Close())
	}
	fmt.Println(len(fake.Results()), fake.Violations())
	// Output:
	// 200 <nil>
	// 200 <nil>
	// 1 []
}
