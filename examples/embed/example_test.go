package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	if err := run(context.Background(), os.Stdout, slog.New(slog.DiscardHandler)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// started with shop.cache_size=3, kept the best: shop.cache_size=6
}

// The log of the servo comes out of the service's own handler.
func TestLogsGoThroughTheHandlerOfTheService(t *testing.T) {
	var log, out strings.Builder
	require.NoError(t, run(t.Context(), &out, slog.New(newLines(&log))))
	assert.Contains(t, log.String(), "shop: servo running servo=shop connectors=[cache]\n")
	assert.Contains(t, log.String(), "verb=MEASURE")
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, run(ctx, os.Stdout, slog.New(slog.DiscardHandler)))
}
