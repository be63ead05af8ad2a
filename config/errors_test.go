package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProblemText(t *testing.T) {
	for want, p := range map[string]*config.FieldError{
		"servo.yaml:12:5: prometheus.queries[2].name: required": {File: "servo.yaml", Line: 12, Column: 5, Path: "prometheus.queries[2].name", Message: "required"},
		"servo.yaml:12: a: required":                            {File: "servo.yaml", Line: 12, Path: "a", Message: "required"},
		"servo.yaml: not valid":                                 {File: "servo.yaml", Message: "not valid"},
		"a: required":                                           {Line: 3, Path: "a", Message: "required"},
	} {
		assert.Equal(t, want, p.Error())
	}
	assert.Equal(t, "no problems", config.FieldErrors{}.Error())
}

func TestInvalid(t *testing.T) {
	type mode string
	number := 5
	for want, value := range map[string]any{
		`"x" is not ok`:                      "x",
		`"y" is not ok`:                      mode("y"),
		`-1 is not ok`:                       -1,
		`5 is not ok`:                        &number,
		`null is not ok`:                     nil,
		`"5s" is not ok`:                     seconds(5),
		`"1h0m0s" is not ok`:                 time.Hour,
		`"bad" is not ok`:                    errors.New("bad"),
		`[1 2] is not ok`:                    []int{1, 2},
		`the value (hidden) is not ok`:       config.NewSecret("hunter2"),
		`a text of 100 characters is not ok`: strings.Repeat("x", 100),
	} {
		assert.EqualError(t, config.Invalid("", value, "ok"), want)
	}
	secret := config.NewSecret("hunter2")
	assert.EqualError(t, config.Invalid("a.b", &secret, "ok"), "a.b: the value (hidden) is not ok")
	assert.EqualError(t, config.Required("a.b"), "a.b: required")
}

func TestJoin(t *testing.T) {
	require.NoError(t, config.Join())
	require.NoError(t, config.Join(nil, nil))

	a := &config.FieldError{File: "servo.yaml", Line: 2, Message: "a"}
	b := &config.FieldError{File: "servo.yaml", Line: 1, Message: "b"}
	other := &config.FieldError{File: "other.yaml", Line: 9, Message: "c"}
	err := config.Join(config.FieldErrors{a}, nil, b, config.FieldErrors{a, other})
	require.EqualError(t, err, "3 problems in other.yaml and servo.yaml:\n  other.yaml:9: c\n  servo.yaml:1: b\n  servo.yaml:2: a")
	require.ErrorIs(t, err, b)

	plain := errors.New("disk on fire")
	err = config.Join(a, plain)
	require.EqualError(t, err, "servo.yaml:2: a\ndisk on fire")
	require.ErrorIs(t, err, plain)
	require.ErrorIs(t, err, a)
	require.EqualError(t, config.Join(plain), "disk on fire")
}
