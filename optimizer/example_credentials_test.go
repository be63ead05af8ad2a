package optimizer_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

// Tokens that a token endpoint gives out are asked for when they are needed, and
// again when the optimizer no longer takes the one in force.
func ExampleOAuth2() {
	tokens := optimizertest.NewTokens("my-servo", "s3cr3t")
	endpoint := httptest.NewServer(tokens)
	defer endpoint.Close()
	fake := optimizertest.New(optimizertest.Describe()).RequireTokenFrom(tokens)
	server := httptest.NewServer(fake)
	defer server.Close()

	credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{
		TokenURL: endpoint.URL, ClientID: "my-servo", ClientSecret: "s3cr3t",
	})
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
	command, err := client.Next(ctx)
	fmt.Println(command.Verb, err)
	for _, r := range fake.Requests() {
		fmt.Println(r.Event, r.Header.Get("Authorization"))
	}
	fmt.Println(credentials)
	// Output:
	// <nil>
	// DESCRIBE <nil>
	// HELLO Bearer token-1
	// WHATS_NEXT Bearer token-1
	// WHATS_NEXT Bearer token-2
	// [REDACTED]
}

// A token in a mounted secret can be replaced under a running servo.
func ExampleTokenFile() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "token")
	write := func(token string) error { return os.WriteFile(path, []byte(token+"\n"), 0o600) }

	fake := optimizertest.New(optimizertest.Describe()).RequireToken("monday")
	server := httptest.NewServer(fake)
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Credentials: optimizer.TokenFile(path)})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	fmt.Println(write("monday"), client.Hello(ctx, optimizer.Hello{}))
	fake.RequireToken("tuesday")
	fmt.Println(write("tuesday"), client.Hello(ctx, optimizer.Hello{}))
	// Output:
	// <nil> <nil>
	// <nil> <nil>
}
