package vegeta_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector/vegeta"
)

func TestErrorsAboutTargetsConcealCredentials(t *testing.T) {
	for name, change := range map[string]func(*vegeta.Config){
		"no method":            func(c *vegeta.Config) { c.Target = "http://u:hunter2@localhost/?token=hunter2" },
		"wrong scheme":         func(c *vegeta.Config) { c.Target = "GET ftp://u:hunter2@localhost/?key=hunter2" },
		"a header first":       func(c *vegeta.Config) { c.Target = "Authorization: Bearer hunter2" },
		"a header by itself":   func(c *vegeta.Config) { c.Target = "GET http://localhost/\nX-Api-Key hunter2\nX-SF-Token: hunter2" },
		"targets for a file":   func(c *vegeta.Config) { c.Targets = "GET http://u:hunter2@localhost/\nAuthorization: Bearer hunter2\n" },
		"one target as a file": func(c *vegeta.Config) { c.Targets = "http://u:hunter2@localhost/?token=hunter2" },
		"JSON": func(c *vegeta.Config) {
			c.Format, c.Target = "json", `{"method":"GET","url":"nowhere://u:hunter2@h/","header":{"Authorization":["hunter2"]}}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c vegeta.Config
			c.SetDefaults()
			c.Rate = "5/s"
			change(&c)
			err := c.Validate()
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}
