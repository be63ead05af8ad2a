package config_test

import (
	"strings"
	"testing"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpoint(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"default base": {"{id: dev.example.com/app, token: a}", "https://api.opsani.com/accounts/dev.example.com/applications/app/"},
		"base url":     {"{id: dev.example.com/app, token: a, base_url: 'http://localhost:8080/api//'}", "http://localhost:8080/api/accounts/dev.example.com/applications/app/"},
		"verbatim url": {"{id: dev.example.com/app, token: a, url: 'http://localhost/x'}", "http://localhost/x"},
		"appdynamics": {
			"{optimizer_id: one, base_url: 'https://a.example/', client_id: c, client_secret: d, tenant_id: e}",
			"https://a.example/rest/optimize/co/v1/optimizers/one/",
		},
		"appdynamics verbatim":        {"{optimizer_id: one, connection_file: /x, url: 'http://localhost/x'}", "http://localhost/x"},
		"appdynamics connection file": {"{optimizer_id: one, connection_file: /x}", ""},
		"none":                        {"{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, one(t, "optimizer: "+test.text).Optimizer.Endpoint())
		})
	}
	inCode := config.Optimizer{ID: "dev.example.com/app"}
	assert.Equal(t, "https://api.opsani.com/accounts/dev.example.com/applications/app/", inCode.Endpoint())
}

func TestOptimizerID(t *testing.T) {
	for id, good := range map[string]bool{
		"dev.example.com/app":                    true,
		"12345/a":                                true,
		strings.Repeat("a", 50) + "/x_-.9":       true,
		"a-.-a/" + strings.Repeat("a", 64):       true,
		"1234/a":                                 false,
		"-2345/a":                                false,
		strings.Repeat("a", 51) + "/a":           false,
		"dev.example.com/":                       false,
		"dev.example.com":                        false,
		"dev.example.com/a/b":                    false,
		"dev_example/a":                          false,
		"dev.example.com/a b":                    false,
		"dev.example.com/a\n":                    false,
		"12345/" + strings.Repeat("a", 65):       false,
		"dev.example.com/app" + "?x=1&token=abc": false,
	} {
		err := config.Optimizer{ID: id, Token: config.NewSecret("a")}.Validate()
		if good {
			assert.NoError(t, err, id)
		} else {
			assert.ErrorContains(t, err, "is not organization/application", id)
		}
	}
}

func TestOptimizerKinds(t *testing.T) {
	doc := one(t, "optimizer: {optimizer_id: one, base_url: 'https://a.example/', client_id: c, client_secret: hunter2, tenant_id: e}")
	a := doc.Optimizer.AppDynamics
	require.NotNil(t, a)
	assert.Empty(t, doc.Optimizer.ID)
	assert.Equal(t, "https://a.example", a.BaseURL)
	assert.Equal(t, "hunter2", a.ClientSecret.Reveal())
	assert.False(t, doc.Optimizer.IsZero())

	for name, test := range map[string]struct{ text, want string }{
		"incomplete appdynamics": {
			"{optimizer_id: one, base_url: 'https://a.example/'}",
			"servo.yaml:1:1: optimizer: give either connection_file, or all of base_url, client_id, client_secret and tenant_id",
		},
		"kind by another key": {"{tenant_id: one, connection_file: x}", "servo.yaml:1:1: optimizer.optimizer_id: required"},
		"kind by a typo":      {"{optimzer_id: one, connection_file: x}", `servo.yaml:1:13: optimizer.optimzer_id: unknown key; did you mean "optimizer_id"? (known: base_url, client_id, client_secret, connection_file, optimizer_id, tenant_id, token, token_url, url)`},
		"no token":            {"{id: dev.example.com/app}", "servo.yaml:1:1: optimizer.token: required"},
		"null token":          {"{id: dev.example.com/app, token: }", "servo.yaml:1:38: optimizer.token: required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("servo.yaml", []byte("optimizer: "+test.text))
			require.EqualError(t, err, test.want)
		})
	}
}
