package servo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Servos share a transport when their settings are the same, and only then.
func TestTransportsAreSharedByEqualSettings(t *testing.T) {
	settings := func(change func(*config.Common)) config.Common {
		c := config.DefaultCommon()
		c.Proxies = config.Proxies{"all://": "http://u:one@proxy.test:3128", "http://a.test": ""}
		change(&c)
		return c
	}
	var shared transports
	first, err := shared.client(settings(func(*config.Common) {}))
	require.NoError(t, err)
	for name, test := range map[string]struct {
		change func(*config.Common)
		same   bool
	}{
		"equal":              {func(*config.Common) {}, true},
		"another read limit": {func(c *config.Common) { c.Timeouts.Read = types.Duration(time.Second) }, true},
		"another password":   {func(c *config.Common) { c.Proxies["all://"] = "http://u:two@proxy.test:3128" }, false},
		"another user":       {func(c *config.Common) { c.Proxies["all://"] = "http://v:one@proxy.test:3128" }, false},
		"another pattern":    {func(c *config.Common) { delete(c.Proxies, "http://a.test") }, false},
		"insecure":           {func(c *config.Common) { c.SSLVerify.Insecure = true }, false},
		"connect limit":      {func(c *config.Common) { c.Timeouts.Connect = types.Duration(time.Second) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			other, err := shared.client(settings(test.change))
			require.NoError(t, err)
			assert.Equal(t, test.same, first.Transport == other.Transport)
		})
	}
}
