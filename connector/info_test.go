package connector_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

func TestInfo(t *testing.T) {
	good := connector.Info{
		Name: "vegeta", FullName: "Vegeta Connector", Version: "0.5.0", Cryptonym: "boom",
		Homepage: "https://example.com/vegeta", License: types.Apache2, Maturity: types.Stable,
	}
	require.NoError(t, good.Validate())
	assert.Equal(t, `Vegeta Connector v0.5.0 "boom" (Stable)`, good.String())
	assert.Equal(t, "lamp v0.0.0", connector.Info{Name: "lamp"}.String())

	bad := connector.Info{Name: "a b", Version: "one", Homepage: "example.com", License: "WTFPL", Maturity: "old"}
	err := bad.Validate()
	for _, want := range []string{`name: "a b"`, "version: ", `homepage: "example.com" is not an http or https URL`, "license: ", "maturity: "} {
		assert.ErrorContains(t, err, want)
	}
}
