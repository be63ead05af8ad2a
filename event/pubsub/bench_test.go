package pubsub_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/servokit/servokit/event/pubsub"
)

// The first benchmark is the measure for the others: a bare channel of the same
// capacity between two goroutines.
func BenchmarkBareChannel(b *testing.B) {
	c := make(chan pubsub.Message, 1024)
	m := pubsub.Text("reading")
	var received int
	var wg sync.WaitGroup
	wg.Go(func() {
		for range c {
			received++
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		c <- m
	}
	close(c)
	wg.Wait()
	rate(b, received)
}

// BenchmarkBareChannelTen sends to ten channels, each with a goroutine.
func BenchmarkBareChannelTen(b *testing.B) {
	m := pubsub.Text("reading")
	var channels [10]chan pubsub.Message
	var wg sync.WaitGroup
	for i := range channels {
		channels[i] = make(chan pubsub.Message, 1024)
		wg.Go(func() {
			for range channels[i] {
				_ = i
			}
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range channels {
			c <- m
		}
	}
	for _, c := range channels {
		close(c)
	}
	wg.Wait()
	rate(b, b.N)
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprintf("to=%d", n), func(b *testing.B) { benchmarkPublish(b, n, false) })
	}
	b.Run("new/to=1", func(b *testing.B) { benchmarkPublish(b, 1, true) })
}

// benchmarkPublish measures until the last message was handled by the last of n
// subscribers, and fails if one is missing.
func benchmarkPublish(b *testing.B, n int, fresh bool) {
	b.Helper()
	ctx := context.Background()
	x := pubsub.New(pubsub.Options{})
	if err := x.Start(ctx); err != nil {
		b.Fatal(err)
	}
	c := x.Client("bench")
	channel, err := c.Channel("metrics")
	if err != nil {
		b.Fatal(err)
	}
	received := make([]struct {
		n int
		_ [56]byte // a cache line for each subscriber
	}, n)
	for i := range n {
		if _, err := c.Subscribe("metrics", func(context.Context, pubsub.Message, *pubsub.Channel) error {
			received[i].n++
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	m := pubsub.Text("reading")
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		if fresh {
			m = pubsub.Text("reading")
		}
		if err := channel.Publish(ctx, m); err != nil {
			b.Fatal(err)
		}
		sent++
	}
	if err := x.Shutdown(ctx); err != nil { // waits for the deliveries
		b.Fatal(err)
	}
	for i := range received {
		if received[i].n != sent {
			b.Fatalf("subscriber %d got %d of %d messages", i, received[i].n, sent)
		}
	}
	rate(b, sent)
}

func BenchmarkListen(b *testing.B) {
	ctx := context.Background()
	x := pubsub.New(pubsub.Options{})
	if err := x.Start(ctx); err != nil {
		b.Fatal(err)
	}
	l, err := x.Client("bench").Listen("metrics")
	if err != nil {
		b.Fatal(err)
	}
	channel, err := x.Create("metrics", "")
	if err != nil {
		b.Fatal(err)
	}
	received := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for range l.All(ctx) {
			received++
		}
	})
	m := pubsub.Text("reading")
	b.ReportAllocs()
	for b.Loop() {
		if err := channel.Publish(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
	if err := x.Shutdown(ctx); err != nil {
		b.Fatal(err)
	}
	wg.Wait()
	rate(b, received)
}

func rate(b *testing.B, messages int) {
	b.Helper()
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds()/1e6, "Mmsg/s")
}
