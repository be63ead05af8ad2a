package optimizer_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

// A servo that may tell about itself asks now and then whether it should.
func ExampleClient_PollDiagnostics() {
	fake := optimizertest.New()
	fake.AnswerDiagnostics(optimizer.Send)
	server := httptest.NewServer(fake)
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Token: "s3cr3t"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for range 2 {
		directive, err := client.PollDiagnostics(ctx)
		fmt.Println(directive, err)
		if directive != optimizer.Send {
			break
		}
		err = client.UploadDiagnostics(ctx, optimizer.Diagnostics{
			Config: map[string]string{"id": "dev.example.com/app", "token": "s3cr3t"},
			Logs:   []optimizer.LogEntry{{Time: "2026-11-28T12:00:00Z", Text: "servo running"}},
		})
		fmt.Println(err, client.ResetDiagnostics(ctx))
	}
	upload := fake.Uploads()[0]
	fmt.Println(string(upload.ConfigMap), upload.Logs)
	// Output:
	// SEND <nil>
	// <nil> <nil>
	// WITHHOLD <nil>
	// {"id":"dev.example.com/app","token":"[REDACTED]"} map[2026-11-28T12:00:00Z:servo running]
}
