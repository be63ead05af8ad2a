package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

// Two megabytes of documents would keep a machine busy for half a minute.
func TestTooManyDocuments(t *testing.T) {
	docs, err := config.Parse("servo.yaml", []byte(strings.Repeat("---\na: 1\n", 200_000)))
	require.Error(t, err)
	assert.Empty(t, docs)
	assert.Contains(t, err.Error(), "servo.yaml:2001")
	assert.Contains(t, err.Error(), "more than 1000 documents")
}
