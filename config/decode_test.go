package config_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// stanza parses the text of one stanza called "c".
func stanza(t *testing.T, text string) *config.Stanza {
	t.Helper()
	doc := one(t, "c: "+text)
	s, ok := doc.Stanza("c")
	require.True(t, ok)
	return s
}

func TestDecodeEveryKind(t *testing.T) {
	c, err := config.Decode[load](stanza(t, `
  description: accepted in every stanza
  rate: 50/1s
  workers: 1e3
  threads: 4
  share: -128
  offset: 0x10
  ratio: 1
  verbose: Yes
  duration: 1h30m
  window: 90
  labels: {team: 5}
  ports: {80: http, 0x50F: other}
  pair: [1, 2]
  targets: []
  backends: {eu: {url: x}}
  nested: {depth: 3, color: [1, a]}
  limits: {cpu: 1}
  level: high
  token: 00000000-0000
  tokens: [1.50, yes]
  login: {user: me, password: ""}
  bearer: abc
`))
	require.NoError(t, err)
	assert.Equal(t, "50/1s", c.Rate)
	assert.Equal(t, 1000, c.Workers)
	assert.EqualValues(t, 4, *c.Threads)
	assert.EqualValues(t, -128, c.Share)
	assert.EqualValues(t, 16, c.Offset)
	assert.InDelta(t, 1, c.Ratio, 0)
	assert.True(t, c.Verbose)
	assert.Equal(t, types.Duration(90*time.Minute), c.Duration)
	assert.Equal(t, 90*time.Second, c.Window, "a number is seconds, not nanoseconds")
	assert.Equal(t, map[string]string{"team": "5", "env": "dev"}, c.Labels)
	assert.Equal(t, map[int]string{80: "http", 1295: "other"}, c.Ports)
	assert.Equal(t, [2]int{1, 2}, c.Pair)
	assert.Empty(t, c.Targets, "a list replaces the default list")
	assert.Equal(t, map[string]target{"eu": {"x", "GET"}}, c.Backends)
	assert.Equal(t, 3, c.Nested.Depth)
	assert.Equal(t, []any{1, "a"}, *c.Nested.Color)
	assert.Equal(t, map[string]int{"cpu": 1}, c.Limits)
	assert.EqualValues(t, 4, c.Level)
	assert.Equal(t, "00000000-0000", c.Token.Reveal())
	assert.Equal(t, "1.50", c.Tokens[0].Reveal(), "text is taken as it stands")
	assert.Equal(t, "yes", c.Tokens[1].Reveal())
	assert.Equal(t, "me", c.Login.User)
	assert.True(t, c.Login.Password.IsZero())
	assert.Equal(t, map[string]string{"team": "none", "env": "dev"}, defaultLabels, "shared defaults are not written to")
}

// outer and inner show in which order defaults are applied.
type outer struct {
	Inner   inner            `yaml:"inner"`
	Pointer *inner           `yaml:"pointer"`
	List    []inner          `yaml:"list"`
	Map     map[string]inner `yaml:"map"`
	Untagged
}

type Untagged struct{ Value int }

type inner struct {
	A int  `yaml:"a"`
	B int  `yaml:"b"`
	C *int `yaml:"c"`
}

var sharedPointer = &inner{A: 7}

func (o *outer) SetDefaults() { o.Inner.B = 5; o.Pointer = sharedPointer }
func (i *inner) SetDefaults() { three := 3; i.A, i.B, i.C = 1, 2, &three }

func TestDefaults(t *testing.T) {
	three := 3
	for name, text := range map[string]string{"empty": "{}", "null": "null", "nothing": "", "null keys": "{inner: , pointer: {}, list: ~, map: null}"} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Decode[outer](stanza(t, text))
			require.NoError(t, err)
			assert.Equal(t, outer{Inner: inner{1, 5, &three}, Pointer: &inner{A: 7}}, c, "the outer struct has the last word")
		})
	}
	c, err := config.Decode[outer](stanza(t, `{inner: {a: 9, c: null}, pointer: {b: 8}, list: [{}, null, {a: 4}], map: {x: {b: 6}, y: }, untagged: {value: 2}}`))
	require.NoError(t, err)
	assert.Equal(t, outer{
		Inner:    inner{9, 5, nil},
		Pointer:  &inner{7, 8, nil},
		List:     []inner{{1, 2, &three}, {1, 2, &three}, {4, 2, &three}},
		Map:      map[string]inner{"x": {1, 6, &three}, "y": {1, 2, &three}},
		Untagged: Untagged{2},
	}, c)
	assert.Equal(t, 0, sharedPointer.B, "shared defaults are not written to")
	c, err = config.Decode[outer](stanza(t, `{pointer: null}`))
	require.NoError(t, err)
	assert.Nil(t, c.Pointer)
}

func TestDecodeNilStanza(t *testing.T) {
	c, err := config.Decode[outer](nil)
	require.NoError(t, err)
	assert.Equal(t, 1, c.Inner.A)

	_, err = config.Decode[load](nil)
	require.EqualError(t, err, "rate: required", "defaults are validated too")
}

func TestDecodeOtherThanStructs(t *testing.T) {
	list, err := config.Decode[[]target](stanza(t, "[{url: a}, {url: b, method: POST}]"))
	require.NoError(t, err)
	assert.Equal(t, []target{{"a", "GET"}, {"b", "POST"}}, list)

	pointer, err := config.Decode[*target](stanza(t, "{url: a}"))
	require.NoError(t, err)
	assert.Equal(t, &target{"a", "GET"}, pointer)

	anything, err := config.Decode[any](stanza(t, "{a: [1, 2.5, x, null, true]}"))
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": []any{1, 2.5, "x", nil, true}}, anything)

	node, err := config.Decode[yaml.Node](stanza(t, "[1]"))
	require.NoError(t, err)
	assert.Equal(t, yaml.SequenceNode, node.Kind)

	_, err = config.Decode[[]target](stanza(t, "[{method: POST}]"))
	require.EqualError(t, err, "servo.yaml:1:5: c[0].url: required")
	_, err = config.Decode[map[string]target](stanza(t, "{description: {}}"))
	require.EqualError(t, err, "servo.yaml:1:5: c.description.url: required", "a map has no description of its own")
}

func TestIntegersAtTheirLimits(t *testing.T) {
	type numbers struct {
		I8  int8    `yaml:"i8"`
		I64 int64   `yaml:"i64"`
		U8  uint8   `yaml:"u8"`
		U64 uint64  `yaml:"u64"`
		F32 float32 `yaml:"f32"`
	}
	c, err := config.Decode[numbers](stanza(t, "{i8: 127, i64: -9223372036854775808, u8: 255, u64: 18446744073709551615, f32: .inf}"))
	require.NoError(t, err)
	assert.Equal(t, numbers{127, math.MinInt64, 255, math.MaxUint64, float32(math.Inf(1))}, c)
	for _, text := range []string{
		"{i8: 128}", "{i8: -129}", "{i64: 9223372036854775808}", "{i64: 1e19}", "{u8: 256}", "{u8: -1}", "{u64: -1}",
		"{u64: 1e300}", "{i8: .inf}", "{i8: 1.5}", "{u64: 18446744073709551616}",
	} {
		_, err := config.Decode[numbers](stanza(t, text))
		assert.Error(t, err, text)
	}
}

// either is a union: a text or a struct.
type either struct {
	text   string
	target target
}

func (e *either) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&e.text) == nil {
		return nil
	}
	return unmarshal(&e.target)
}

func TestTypesThatDecodeThemselvesStayStrict(t *testing.T) {
	type union struct {
		Targets []either `yaml:"targets"`
	}
	c, err := config.Decode[union](stanza(t, "{targets: [x, {url: y}]}"))
	require.NoError(t, err)
	assert.Equal(t, "x", c.Targets[0].text)
	assert.Equal(t, "y", c.Targets[1].target.URL)

	_, err = config.Decode[union](stanza(t, "{targets: [x, {urL: y, method: [a]}]}"))
	require.EqualError(t, err, `2 problems in servo.yaml:
  servo.yaml:1:19: c.targets[1].urL: unknown key; did you mean "url"? (known: method, url)
  servo.yaml:1:35: c.targets[1].method: a list is not text`)
}

type fromYAML struct{ N int }

func (f *fromYAML) UnmarshalYAML(n *yaml.Node) error { return n.Decode(&f.N) }

func TestErrorsOfTheYAMLLibraryGetTheirLine(t *testing.T) {
	type c struct {
		A fromYAML `yaml:"a"`
	}
	_, err := config.Decode[c](stanza(t, "\n  a:\n    many\n"))
	require.EqualError(t, err, "servo.yaml:3: c.a: cannot unmarshal !!str `many` into int")
}

func TestInlineMapTakesTheRest(t *testing.T) {
	type rest struct {
		A    int            `yaml:"a"`
		Rest map[string]int `yaml:",inline"`
	}
	c, err := config.Decode[rest](stanza(t, "{a: 1, b: 2, description: 3}"))
	require.NoError(t, err)
	assert.Equal(t, rest{1, map[string]int{"b": 2, "description": 3}}, c)
}

type Base struct {
	Rate int `yaml:"rate"`
}

func (b *Base) SetDefaults() { b.Rate = 3 }
func (b Base) Validate() error {
	if b.Rate < 0 {
		return config.Invalid("rate", b.Rate, "positive")
	}
	return nil
}

func TestInlinePointerIsNeverNil(t *testing.T) {
	type derived struct {
		*Base `yaml:",inline"`
		Other int `yaml:"other"`
	}
	c, err := config.Decode[derived](nil)
	require.NoError(t, err)
	assert.Equal(t, 3, c.Rate)
	_, err = config.Decode[derived](stanza(t, "{rate: -1}"))
	require.EqualError(t, err, "servo.yaml:1:11: c.rate: -1 is not positive", "promoted methods do not report twice")
}

type overriding struct {
	Base  `yaml:",inline"`
	Other int `yaml:"other"`
}

func (o *overriding) SetDefaults() { o.Rate += 10 }
func (o *overriding) Validate() error {
	if o.Other < 0 {
		return config.Invalid("other", o.Other, "positive")
	}
	return nil
}

func TestInlineStructsKeepTheirOwnMethods(t *testing.T) {
	c, err := config.Decode[overriding](nil)
	require.NoError(t, err)
	assert.Equal(t, 13, c.Rate)
	_, err = config.Decode[overriding](stanza(t, "{rate: -1, other: -2}"))
	require.EqualError(t, err, `2 problems in servo.yaml:
  servo.yaml:1:11: c.rate: -1 is not positive
  servo.yaml:1:22: c.other: -2 is not positive`)
}

func TestBinaryText(t *testing.T) {
	c, err := config.Decode[load](stanza(t, "{rate: !!binary aGk=, token: !!binary aHVudGVyMg==}"))
	require.NoError(t, err)
	assert.Equal(t, "hi", c.Rate)
	assert.Equal(t, "hunter2", c.Token.Reveal())
}

func TestLongKeysDoNotFloodMessages(t *testing.T) {
	_, err := config.Decode[load](stanza(t, "{rate: 1, ? "+strings.Repeat("k", 1000)+" : 1}"))
	require.ErrorContains(t, err, `c["`+strings.Repeat("k", 80)+`…"]: unknown key (known: `)
}

func TestTypesThatCannotBeDecoded(t *testing.T) {
	type twice struct {
		A int `yaml:"same"`
		B int `yaml:"same"`
	}
	type function struct {
		F func() `yaml:"f"`
	}
	type notInline struct {
		A int `yaml:",inline"`
	}
	type stringer struct {
		S []error `yaml:"s"`
	}
	for want, decode := range map[string]func() error{
		`two fields have the key "same"`:               func() error { _, err := config.Decode[twice](nil); return err },
		`key "f": configuration type func() cannot be`: func() error { _, err := config.Decode[function](nil); return err },
		`the field A cannot be inline`:                 func() error { _, err := config.Decode[notInline](nil); return err },
		`key "s": configuration type error cannot be`:  func() error { _, err := config.Decode[stringer](nil); return err },
		`configuration type chan int cannot be`:        func() error { _, err := config.Decode[map[string]chan int](nil); return err },
	} {
		err := decode()
		require.ErrorContains(t, err, want)
		var problems config.FieldErrors
		assert.False(t, errors.As(err, &problems), "the file is not to blame")
	}
}

var errWeak = errors.New("too weak")

type strict struct{ A int }

func (s *strict) Validate() error { return errWeak }

func TestCausesCanBeFound(t *testing.T) {
	_, err := config.Decode[strict](stanza(t, "{a: 1}"))
	require.EqualError(t, err, "servo.yaml:1:1: c: too weak")
	require.ErrorIs(t, err, errWeak)
}

func TestDecodeIsSafeForConcurrentUse(t *testing.T) {
	s := stanza(t, "{rate: 5, labels: {a: b}, pair: [1, 2], nested: {color: [1]}, token: abcdef}")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := config.Decode[load](s)
			assert.NoError(t, err)
			assert.Equal(t, "5", c.Rate)
		})
	}
	wg.Wait()
}
