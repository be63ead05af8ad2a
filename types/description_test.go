package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

// shop is a description in an order that no sorting would give.
func shop() types.Description {
	cpu := types.Range("cpu", types.Float(0.125), types.Float(4), types.Float(0.125)).With(types.Float(1))
	cpu.Unit = "cores"
	instance := types.Enum("inst_type", types.Text("m5.large"), types.Text("m5.xlarge")).With(types.Text("m5.large"))
	instance.Unit, instance.Pinned = "ec2", true
	return types.Description{
		Components: []types.Component{
			{Name: "web", Settings: []types.Setting{
				types.Range("replicas", types.Int(0), types.Int(8), types.Int(1)).With(types.Int(2)),
				cpu,
				instance,
			}},
			{Name: "db", Settings: []types.Setting{types.Enum("level", types.Int(1), types.Float(2), types.Text("3"))}},
			{Name: "cache"},
		},
		Metrics: []types.Metric{
			{Name: "throughput", Unit: types.RequestsPerMinute},
			{Name: "error_rate", Unit: types.Percentage},
			{Name: "count"},
		},
	}
}

func TestDescriptionJSON(t *testing.T) {
	data := golden(t, "description", shop())
	var back types.Description
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, shop(), back)
}

func TestDescriptionEmptyJSON(t *testing.T) {
	golden(t, "description_empty", types.Description{})
	for _, text := range []string{
		`{}`, `null`, `{"application":null,"measurement":{}}`, `{"application":{"components":null},"measurement":{"metrics":{}},"other":1}`,
	} {
		var back types.Description
		require.NoError(t, json.Unmarshal([]byte(text), &back), text)
		assert.Equal(t, types.Description{}, back, text)
	}
}

// Two components or metrics of one name must not become two keys of one object.
func TestDescriptionJSONHasEachNameOnce(t *testing.T) {
	n := func(name string, value int64) types.Setting {
		return types.Range(name, types.Int(0), types.Int(9), types.Int(1)).With(types.Int(value))
	}
	data, err := json.Marshal(types.Description{
		Components: []types.Component{
			{Name: "web", Settings: []types.Setting{n("a", 1), n("b", 1), n("a", 2)}},
			{Name: "db"},
			{Name: "web", Settings: []types.Setting{n("b", 3), n("c", 3)}},
		},
		Metrics: []types.Metric{{Name: "x", Unit: "ms"}, {Name: "y"}, {Name: "x", Unit: "%"}},
	})
	require.NoError(t, err)
	assert.Equal(t, `{"application":{"components":{`+
		`"web":{"settings":{"a":{"type":"range","pinned":false,"value":2,"min":0,"max":9,"step":1},`+
		`"b":{"type":"range","pinned":false,"value":3,"min":0,"max":9,"step":1},`+
		`"c":{"type":"range","pinned":false,"value":3,"min":0,"max":9,"step":1}}},`+
		`"db":{"settings":{}}}},`+
		`"measurement":{"metrics":{"x":{"unit":"%"},"y":{"unit":""}}}}`, string(data))
}

func TestDescriptionJSONRepeatedKeys(t *testing.T) {
	var d types.Description
	require.NoError(t, json.Unmarshal([]byte(`{"application":{"components":{"a":{"settings":{"x":{"type":"enum"}}},"b":{},"a":{"settings":{"y":{"type":"enum"},"z":{},"y":{"type":"range"}}}}}}`), &d))
	assert.Equal(t, []types.Component{
		{Name: "a", Settings: []types.Setting{{Name: "y", Kind: types.RangeKind}, {Name: "z"}}},
		{Name: "b"},
	}, d.Components)
}

func TestDescriptionJSONErrorsListEverything(t *testing.T) {
	before := shop()
	err := json.Unmarshal([]byte(`{
		"application":{"components":{
			"web":{"settings":{"cpu":{"min":true},"ok":{"type":"enum","values":["a"]},"mem":7}},
			"db":[1],
			"cache":{"settings":"none"}}},
		"measurement":{"metrics":{"m":5,"n":{"unit":1},"o":null}}}`), &before)
	assert.Equal(t, []string{
		"application.components.web.settings.cpu: a setting value must be a number or a string, not true",
		"application.components.web.settings.mem: an object is required, not 7",
		"application.components.db: an object is required, not [1]",
		`application.components.cache.settings: an object is required, not "none"`,
		"measurement.metrics.m: an object is required, not 5",
		"measurement.metrics.n: unit: a string is required, not number",
	}, problems(err))
	assert.Equal(t, shop(), before, "an error leaves the description alone")

	assert.ErrorContains(t, json.Unmarshal([]byte(`[]`), &before), "an object is required, not []")
	assert.EqualError(t, json.Unmarshal([]byte(`{"application":{"components":3},"measurement":{"metrics":"x"}}`), &before),
		"application.components: an object is required, not 3\nmeasurement.metrics: an object is required, not \"x\"")
}

func TestComponentJSON(t *testing.T) {
	web := shop().Components[0]
	data, err := json.Marshal(web)
	require.NoError(t, err)
	back := types.Component{Name: "web", Settings: []types.Setting{{Name: "before"}}}
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, web, back)
	assert.Equal(t, []string{"settings.x: an object is required, not 1", "settings.y: an object is required, not 2"},
		problems(json.Unmarshal([]byte(`{"settings":{"x":1,"y":2}}`), &back)))
	assert.Equal(t, web, back)
}

func TestDescriptionLookup(t *testing.T) {
	d := shop()
	c, ok := d.Component("db")
	assert.True(t, ok)
	assert.Equal(t, "db", c.Name)
	_, ok = d.Component("nope")
	assert.False(t, ok)
	m, ok := d.Metric("error_rate")
	assert.True(t, ok)
	assert.Equal(t, types.Percentage, m.Unit)
	_, ok = d.Metric("nope")
	assert.False(t, ok)

	d.Components = append(d.Components, types.Component{Name: "dots", Settings: []types.Setting{{Name: "a.b"}}})
	for selector, want := range map[string]bool{
		"web.cpu": true, "dots.a.b": true, "web": false, "web.": false, ".cpu": false, "web.nope": false, "nope.cpu": false, "": false, "webcpu": false,
	} {
		s, ok := d.Setting(selector)
		assert.Equal(t, want, ok, selector)
		assert.Equal(t, want, s.Name != "", selector)
	}
}

func TestMergeDescriptions(t *testing.T) {
	first := types.Description{
		Components: []types.Component{{Name: "web", Settings: []types.Setting{{Name: "cpu"}, {Name: "mem"}}}},
		Metrics:    []types.Metric{{Name: "latency", Unit: types.Milliseconds}},
	}
	second := types.Description{
		Components: []types.Component{{Name: "db"}, {Name: "web", Settings: []types.Setting{{Name: "replicas"}, {Name: "cpu", Pinned: true}}}},
		Metrics:    []types.Metric{{Name: "errors"}, {Name: "latency", Unit: types.Percentage}},
	}
	merged := types.MergeDescriptions(first, types.Description{}, second)
	assert.Equal(t, types.Description{
		Components: []types.Component{
			{Name: "web", Settings: []types.Setting{{Name: "cpu", Pinned: true}, {Name: "mem"}, {Name: "replicas"}}},
			{Name: "db"},
		},
		Metrics: []types.Metric{{Name: "latency", Unit: types.Percentage}, {Name: "errors"}},
	}, merged)
	merged.Components[0].Settings[0].Name = "changed"
	assert.Equal(t, "cpu", first.Components[0].Settings[0].Name, "the inputs are not touched")
	assert.Equal(t, types.Description{}, types.MergeDescriptions())
}

// The settings of a connector may have room behind them that is not ours.
func TestMergeDescriptionsDoesNotWriteBehindItsInput(t *testing.T) {
	backing := []types.Setting{{Name: "cpu"}, {Name: "mine"}}
	types.MergeDescriptions(
		types.Description{Components: []types.Component{{Name: "web", Settings: backing[:1]}}},
		types.Description{Components: []types.Component{{Name: "web", Settings: []types.Setting{{Name: "mem"}}}}},
	)
	assert.Equal(t, "mine", backing[1].Name)
}
