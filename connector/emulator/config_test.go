package emulator_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/types"
)

// decode reads a stanza as a program does.
func decode(text string) (emulator.Config, error) {
	docs, err := config.Parse("servo.yaml", []byte("emulator: "+text+"\n"))
	if err != nil {
		return emulator.Config{}, err
	}
	stanza, ok := docs[0].Stanza("emulator")
	if !ok {
		return emulator.Config{}, config.Required("emulator")
	}
	return config.Decode[emulator.Config](stanza)
}

func defaults(changes ...func(*emulator.Config)) emulator.Config {
	var c emulator.Config
	c.SetDefaults()
	for _, change := range changes {
		change(&c)
	}
	return c
}

func TestConfigDefaults(t *testing.T) {
	for _, text := range []string{"{}", "{seed: null, measure_duration: null, components: null}"} {
		c, err := decode(text)
		require.NoError(t, err)
		assert.Equal(t, defaults(), c)
	}
	c := defaults()
	assert.Zero(t, c.Seed)
	assert.Equal(t, "control", c.MeasureDuration.String())
	assert.Equal(t, "control", c.AdjustDuration.String())
	assert.Zero(t, c.FailureRate)
	assert.Equal(t, "scalar", c.Readings)
	assert.Equal(t, types.Duration(15*time.Second), c.SampleInterval)
	assert.Equal(t, emulator.Response{
		Load: 200, CoreRate: 50, Contention: 0.06, WorkingSet: 0.5, QueueLimit: 20, ErrorFloor: 0.1,
		CPUPrice: 0.0316, MemPrice: 0.0042, Noise: 0.05,
	}, c.Response)
}

func TestConfigAccepts(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	component := func(s ...emulator.Setting) func(*emulator.Config) {
		return func(c *emulator.Config) { c.Components = []emulator.Component{{Name: "a", Settings: s}} }
	}
	tests := map[string]func(*emulator.Config){
		"{seed: 18446744073709551615}": func(c *emulator.Config) { c.Seed = math.MaxUint64 },
		"{measure_duration: control}":  func(*emulator.Config) {},
		"{measure_duration: 0}":        func(c *emulator.Config) { c.MeasureDuration = emulator.Fixed(0) },
		"{measure_duration: 1.5}":      func(c *emulator.Config) { c.MeasureDuration = emulator.Fixed(1500 * time.Millisecond) },
		"{measure_duration: 1h 30m}":   func(c *emulator.Config) { c.MeasureDuration = emulator.Fixed(90 * time.Minute) },
		"{adjust_duration: {min: 3s, max: 9}}": func(c *emulator.Config) {
			c.AdjustDuration = emulator.Between(3*time.Second, 9*time.Second)
		},
		"{failure_rate: 1}":         func(c *emulator.Config) { c.FailureRate = 1 },
		"{failure_rate: 0.25}":      func(c *emulator.Config) { c.FailureRate = 0.25 },
		"{components: []}":          func(c *emulator.Config) { c.Components = []emulator.Component{} },
		"{metrics: []}":             func(c *emulator.Config) { c.Metrics = []emulator.Metric{} },
		"{readings: series}":        func(c *emulator.Config) { c.Readings = "series" },
		"{sample_interval: 1s}":     func(c *emulator.Config) { c.SampleInterval = types.Duration(time.Second) },
		"{response: {load: 10}}":    func(c *emulator.Config) { c.Response.Load = 10 },
		"{response: {noise: 0}}":    func(c *emulator.Config) { c.Response.Noise = 0 },
		"{description: for people}": func(*emulator.Config) {},
		"{components: [{name: a, settings: [{name: cpu, min: 1, max: 4, value: 9}]}]}": component(
			emulator.Setting{Name: "cpu", Min: types.Int(1), Max: types.Int(4), Value: types.Int(9)}),
		"{components: [{name: a, settings: [{name: gc, values: [g1, 7], value: 7, pinned: true, unit: x, effect: {factors: {g1: 2, 7: 3}, prices: {g1: 0}}}]}]}": component(
			emulator.Setting{
				Name: "gc", Values: []types.Value{types.Text("g1"), types.Int(7)}, Value: types.Int(7), Pinned: true, Unit: "x",
				Effect: emulator.Effect{Factors: map[string]float64{"g1": 2, "7": 3}, Prices: map[string]float64{"g1": 0}},
			}),
		"{components: [{name: a, settings: [{name: w, type: range, min: 1, max: 9, step: 4, effect: {best: 3, weight: 0}}]}]}": component(
			emulator.Setting{
				Name: "w", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(9), Step: types.Int(4),
				Effect: emulator.Effect{Best: number(3), Weight: number(0)},
			}),
		"{metrics: [{name: x, source: random, unit: GiB, min: 1, max: 2}, {name: throughput, unit: rps}]}": func(c *emulator.Config) {
			c.Metrics = []emulator.Metric{
				{Name: "x", Source: "random", Unit: types.Gibibytes, Min: number(1), Max: number(2)},
				{Name: "throughput", Unit: types.RequestsPerSecond},
			}
		},
	}
	for text, change := range tests {
		t.Run(text, func(t *testing.T) {
			c, err := decode(text)
			require.NoError(t, err)
			assert.Equal(t, defaults(change), c)
			_, err = emulator.New(c, connector.Env{})
			assert.NoError(t, err)
		})
	}
}

func TestConfigRefuses(t *testing.T) {
	const span = " is not control, a duration such as 30s, or a mapping with min and max"
	const figures = "one of throughput, error_rate, latency_mean, latency_50th, latency_90th, latency_95th, latency_99th, utilization, cpu_usage, cost, random"
	setting := func(s string) string { return "{components: [{name: a, settings: [" + s + "]}]}" }
	tests := map[string][]string{
		"{seed: -1}":                                                                  {`emulator.seed: `},
		"{seed: many}":                                                                {`emulator.seed: "many" is not`},
		"{measure_duration: soon}":                                                    {`emulator.measure_duration: "soon"` + span},
		"{measure_duration: -5s}":                                                     {`emulator.measure_duration: "-5s" is not zero or positive`},
		"{measure_duration: [1s]}":                                                    {`emulator.measure_duration: required is control, a duration`},
		"{measure_duration: 5 parsecs}":                                               {`emulator.measure_duration: "5 parsecs"` + span},
		"{adjust_duration: {min: 30s, max: 9}}":                                       {`emulator.adjust_duration: min is more than max (30s > 9s)`},
		"{adjust_duration: {min: 1s}}":                                                {`emulator.adjust_duration.max: required`},
		"{adjust_duration: {max: 1s}}":                                                {`emulator.adjust_duration.min: required`},
		"{adjust_duration: {min: x, max: 1s}}":                                        {`emulator.adjust_duration.min: `, `"x"`},
		"{adjust_duration: {min: 1s, max: 2s, mean: 3}}":                              {`emulator.adjust_duration.mean: unknown key`},
		"{adjust_duration: {min: -2s, max: -1s}}":                                     {`emulator.adjust_duration: "-2s to -1s" is not zero or positive`},
		"{failure_rate: 1.5}":                                                         {`emulator.failure_rate: 1.5 is not a share from 0 to 1`},
		"{failure_rate: .nan}":                                                        {`emulator.failure_rate: .nan is not a number`},
		"{components: [{}]}":                                                          {`emulator.components[0].name: required`},
		"{components: [{name: a.b}]}":                                                 {`emulator.components[0].name: "a.b" is not a name without dots and blanks`},
		"{components: [{name: a}, {name: a}]}":                                        {`emulator.components[1].name: "a" is not unique`},
		setting("{min: 1, max: 2}"):                                                   {`emulator.components[0].settings[0].name: required`},
		setting("{name: a b, min: 1, max: 2}"):                                        {`settings[0].name: "a b" is not a name without blanks`},
		setting("{name: a, values: [x]}, {name: a, min: 1}"):                          {`settings[1].name: "a" is not unique`, `settings[1]: max: a number is required, not nothing`},
		setting("{name: a, type: slider}"):                                            {`settings[0].type: "slider" is not range or enum`},
		setting("{name: a, type: enum}"):                                              {`settings[0]: values: at least one is required`},
		setting("{name: a, min: 5, max: 1}"):                                          {`settings[0]: min cannot be greater than max (5 > 1)`},
		setting("{name: a, min: 1, max: 10, step: 4}"):                                {`settings[0]: min/max difference is not step aligned`},
		setting("{name: a, min: 1, max: 9, value: high}"):                             {`settings[0].value: a: a number is required, not "high"`},
		setting("{name: a, min: 1, max: 9, value: 1.5}"):                              {`settings[0].value: a: a whole number is required, not 1.5`},
		setting("{name: a, values: [x], value: y}"):                                   {`settings[0].value: a: "y" is not accepted: use one of ["x"]`},
		setting("{name: cpu, min: 0, max: 2}"):                                        {`settings[0]: min: 0.0 is not accepted: use a number greater than 0`},
		setting("{name: cpu, values: [1]}"):                                           {`settings[0]: type: "enum" is not accepted: use range`},
		setting("{name: replicas, min: 1, max: 2.5}"):                                 {`settings[0]: max: an integer is required, not 2.5`},
		setting("{name: mem, min: 0, max: 2}"):                                        {`settings[0]: min must be greater than zero`},
		setting("{name: a, min: 1, max: 2, effect: {factors: {x: 1}}}"):               {`effect.factors: only an enum has them: a range has best and weight`},
		setting("{name: a, min: 1, max: 2, effect: {best: .inf, weight: -1}}"):        {`effect.best: +Inf is not a finite number`, `effect.weight: -1 is not zero or a positive number`},
		setting("{name: a, min: 1, max: 2, effect: {weight: 1}}"):                     {`effect.best: required`},
		setting("{name: a, values: [x], effect: {best: 1}}"):                          {`effect: only a range has best and weight: an enum has factors`},
		setting("{name: a, values: [x], effect: {factors: {y: 0}, prices: {x: -1}}}"): {`effect.factors: "y" is not one of the values`, `effect.factors: 0 is not a positive number`, `effect.prices: -1 is not zero or a positive number`},
		"{metrics: [{source: cost}]}":                                                 {`emulator.metrics[0].name: required`},
		"{metrics: [{name: a b, source: cost}]}":                                      {`emulator.metrics[0].name: "a b" is not a name without blanks`},
		"{metrics: [{name: x}]}":                                                      {`emulator.metrics[0].source: required, since no figure has the name of the metric: ` + figures},
		"{metrics: [{name: x, source: y}]}":                                           {`emulator.metrics[0].source: "y" is not ` + figures},
		"{metrics: [{name: cost}, {name: cost}]}":                                     {`emulator.metrics[1].name: "cost" is not unique`},
		"{metrics: [{name: throughput, unit: ms}]}":                                   {`emulator.metrics[0].unit: "ms" is not a unit of throughput: rpm or rps`},
		"{metrics: [{name: cost, unit: ms}]}":                                         {`emulator.metrics[0].unit: "ms" is not a unit of cost: none`},
		"{metrics: [{name: x, source: random, unit: miles}]}":                         {`emulator.metrics[0].unit: unknown unit "miles"`},
		"{metrics: [{name: cost, min: 1}]}":                                           {`emulator.metrics[0]: only a random metric has min and max`},
		"{metrics: [{name: x, source: random, min: 5, max: 1}]}":                      {`emulator.metrics[0]: min is more than max (5 > 1)`},
		"{metrics: [{name: x, source: random, min: .nan}]}":                           {`emulator.metrics[0].min: .nan is not a number`},
		"{readings: vector}":                                                          {`emulator.readings: "vector" is not`},
		"{sample_interval: 0}":                                                        {`emulator.sample_interval: "0" is not a positive duration`},
		"{response: {load: 0, core_rate: -1, contention: 1, working_set: -1, queue_limit: 1001, error_floor: 101, cpu_price: -1, mem_price: -1, noise: 2}}": {
			`emulator.response.load: 0 is not a positive number of requests per second`,
			`emulator.response.core_rate: -1 is not a positive number of requests per second`,
			`emulator.response.contention: 1 is not a number from 0 to less than 1`,
			`emulator.response.working_set: -1 is not zero or a positive number of GiB`,
			`emulator.response.queue_limit: 1001 is not a number from 0 to 1000`,
			`emulator.response.error_floor: 101 is not a percentage from 0 to 100`,
			`emulator.response.cpu_price: -1 is not zero or a positive number`,
			`emulator.response.mem_price: -1 is not zero or a positive number`,
			`emulator.response.noise: 2 is not a number from 0 to 1`,
		},
		"{response: {load: .inf}}": {`emulator.response.load: +Inf is not a positive number`},
		"{sed: 1}":                 {`emulator.sed: unknown key; did you mean "seed"?`},
	}
	for text, says := range tests {
		t.Run(text, func(t *testing.T) {
			_, err := decode(text)
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			for _, s := range says {
				assert.ErrorContains(t, err, s)
			}
			for _, p := range problems {
				assert.NotZero(t, p.Line, p)
			}
		})
	}
}

func TestTooManyComponents(t *testing.T) {
	c := defaults()
	c.Components = make([]emulator.Component, 101)
	assert.ErrorContains(t, c.Validate(), "components: 101 are too many: at most 100 are accepted")
}

// A program that forgets the defaults learns of it.
func TestNewWithoutDefaults(t *testing.T) {
	_, err := emulator.New(emulator.Config{}, connector.Env{})
	assert.ErrorContains(t, err, `readings: "" is not scalar or series (a program calls SetDefaults first)`)
	assert.ErrorContains(t, err, "response.load: 0 is not a positive number of requests per second")
}

// FuzzSpan holds every form of a duration to what it promises: what is read can
// be written and reads back the same, and nothing is negative or upside down.
func FuzzSpan(f *testing.F) {
	for _, seed := range []string{
		"control", "Control", `"control"`, "0", "30", "1.5", "-1", "30s", "1h 30m", "10mm", "1e3", "1e400", ".nan", "null", "~", "true",
		"{min: 30s, max: 599s}", "{min: 5}", "{max: 5}", "{min: 9, max: 1}", "{min: -1, max: 1}", "{min: , max: 1}", "{min: 1, max: 2, x: 3}",
		"{1: 2}", "[1s, 2s]", "[]", "{}", "", "!!str 5", "&a {min: 1, max: 1}", "9223372036854775807ns", "300y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decode("{measure_duration: " + text + "}")
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		written, err := c.MeasureDuration.MarshalYAML()
		require.NoError(t, err)
		m := config.Model{Kinds: []config.Kind{emulator.Definition.Kind()}}
		docs, err := config.Parse("servo.yaml", []byte("emulator: {measure_duration: "+text+"}\n"))
		require.NoError(t, err)
		if len(docs) != 1 || len(docs[0].Stanzas()) != 1 {
			return // the text has ended the mapping
		}
		printed, err := m.Print(docs, config.PrintOptions{Keys: []string{"emulator"}, Defaults: true})
		require.NoError(t, err)
		docs, err = config.Parse("servo.yaml", printed)
		require.NoError(t, err, "%s", printed)
		stanza, _ := docs[0].Stanza("emulator")
		again, err := config.Decode[emulator.Config](stanza)
		require.NoError(t, err, "%v", written)
		require.Equal(t, c.MeasureDuration, again.MeasureDuration)
		require.NotContains(t, c.MeasureDuration.String(), "-")
	})
}
