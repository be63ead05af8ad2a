package pubsub_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/event/pubsub"
)

func TestANilOptionIsAnError(t *testing.T) {
	c := pubsub.New(pubsub.Options{}).Client("tester")
	for name, subscribe := range map[string]func(...pubsub.Option) error{
		"subscribe": func(o ...pubsub.Option) error {
			_, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error { return nil }, o...)
			return err
		},
		"listen": func(o ...pubsub.Option) error { _, err := c.Listen("ab", o...); return err },
	} {
		t.Run(name, func(t *testing.T) {
			assert.EqualError(t, subscribe(nil), `subscribing to "ab": option 1 is nil`)
			assert.EqualError(t, subscribe(pubsub.Named("x"), nil), `subscribing to "ab": option 2 is nil`)
		})
	}
}
