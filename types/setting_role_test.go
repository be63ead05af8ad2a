package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func mem(text string) types.Memory {
	m, err := types.ParseMemory(text)
	if err != nil {
		panic(err)
	}
	return m
}

func TestPredefinedSettings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		setting types.Setting
		wire    string
		text    string
	}{
		{
			"CPU", types.CPURange(types.Core/4, 4*types.Core, types.DefaultCPUStep),
			`{"type":"range","pinned":false,"unit":"cores","min":0.25,"max":4.0,"step":0.125}`, "cpu (range 250m-4, 125m)",
		},
		{
			"memory", types.MemoryRange(mem("256Mi"), mem("4Gi"), mem("128Mi")),
			`{"type":"range","pinned":false,"unit":"GiB","min":0.25,"max":4.0,"step":0.125}`, "mem (range 256.0Mi-4.0Gi, 128.0Mi)",
		},
		{"replicas", types.ReplicaRange(0, 8), `{"type":"range","pinned":false,"min":0,"max":8,"step":1}`, "replicas (range 0-8, 1)"},
		{"one number of replicas", types.ReplicaRange(2, 2), `{"type":"range","pinned":false,"min":2,"max":2,"step":0}`, "replicas (range 2-2, 0)"},
		{
			"instance type", types.InstanceTypes("m5.large", "m5.xlarge"),
			`{"type":"enum","pinned":false,"unit":"ec2","values":["m5.large","m5.xlarge"]}`, `inst_type (enum ["m5.large", "m5.xlarge"])`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, tt.setting.Validate())
			assert.Empty(t, tt.setting.Warnings())
			data, err := json.Marshal(tt.setting)
			require.NoError(t, err)
			assert.Equal(t, tt.wire, string(data))
			assert.Equal(t, tt.text, tt.setting.String())

			back := types.Setting{Name: tt.setting.Name, Role: tt.setting.Role}
			require.NoError(t, json.Unmarshal(data, &back))
			assert.Equal(t, tt.setting, back)
		})
	}
}

func TestPredefinedSettingsRefuse(t *testing.T) {
	change := func(s types.Setting, f func(*types.Setting)) types.Setting {
		f(&s)
		return s
	}
	cpu, replicas, kind := types.CPURange(types.Core, 2*types.Core, types.Core), types.ReplicaRange(1, 4), types.InstanceTypes("a")
	for _, tt := range []struct {
		name    string
		setting types.Setting
		want    []string
	}{
		{"cpu minimum of zero", types.CPURange(0, types.Core, types.Core), []string{"min: 0.0 is not accepted: use a number greater than 0"}},
		{"another name", change(cpu, func(s *types.Setting) { s.Name = "CPU" }), []string{`name: "CPU" is not accepted: use cpu`}},
		{
			"another type", change(types.MemoryRange(1, 2, 1), func(s *types.Setting) { s.Kind, s.Values = types.EnumKind, []types.Value{types.Int(1)} }),
			[]string{`type: "enum" is not accepted: use range`},
		},
		{"fractions of replicas", change(replicas, func(s *types.Setting) { s.Max, s.Value = types.Float(4), types.Float(2) }), []string{
			"max: an integer is required, not 4.0", "value: an integer is required, not 2.0",
		}},
		{"unit of an instance type", change(kind, func(s *types.Setting) { s.Unit = "gce" }), []string{`unit: "gce" is not accepted: use ec2`}},
		{"instance types that are none", types.InstanceTypes(), []string{"values: at least one is required"}},
		{"instance type as a range", change(kind, func(s *types.Setting) {
			s.Kind, s.Min, s.Max, s.Step = types.RangeKind, types.Int(1), types.Int(2), types.Int(1)
		}), []string{
			`type: "range" is not accepted: use enum`,
		}},
		{"unknown role", types.Setting{Name: "x", Role: "x", Kind: types.RangeKind, Min: types.Int(1), Max: types.Int(2), Step: types.Int(1)}, []string{"role: unknown: use cpu, mem, replicas or inst_type"}},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, problems(tt.setting.Validate())) })
	}
}

func TestPredefinedSettingsWarn(t *testing.T) {
	for _, tt := range []struct {
		name    string
		setting types.Setting
		want    []string
	}{
		{"memory minimum of zero", types.MemoryRange(0, types.GiB, types.GiB), []string{"min must be greater than zero"}},
		{"bytes meant to be GiB", types.MemoryRange(1, 4, 1), []string{
			"min is less than 1 MiB: 1B (a whole number without a unit is bytes: write 4.0 or 4Gi for four GiB)",
			"max is less than 1 MiB: 4B (a whole number without a unit is bytes: write 4.0 or 4Gi for four GiB)",
			"step is less than 1 MiB: 1B (a whole number without a unit is bytes: write 4.0 or 4Gi for four GiB)",
		}},
		{"memory in a unit of its own", func() types.Setting {
			s := types.MemoryRange(1, 4, 1)
			s.Unit = "GB"
			return s
		}(), nil},
		{"cpu suggestions are positive", types.CPURange(types.Core, 2*types.Core, types.Core*3), []string{
			"min/max difference is not step aligned: 1 is not a multiple of 3 (consider max 4 or 7)",
		}},
		{"memory suggestions are for people", types.MemoryRange(mem("256Mi"), mem("1Gi"), mem("512Mi")), []string{
			"min/max difference is not step aligned: 768.0Mi is not a multiple of 512.0Mi (consider min 512.0Mi, max 768.0Mi or 1.25Gi)",
		}},
		{"replicas suggestions are not negative", types.Setting{
			Name: "replicas", Role: types.ReplicasRole, Kind: types.RangeKind, Min: types.Int(1), Max: types.Int(3), Step: types.Int(3),
		}, []string{"min/max difference is not step aligned: 2 is not a multiple of 3 (consider min 0, max 4 or 7)"}},
		{"value outside in words of people", types.CPURange(types.Core, 4*types.Core, types.Core).With(types.Float(0.1)), []string{
			"invalid value: 100m is outside of the range 1-4",
		}},
		{"swapped bounds in words of people", types.MemoryRange(types.GiB, types.MiB, 0), []string{"min cannot be greater than max (1.0Gi > 1.0Mi)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, tt.setting.Validate())
			assert.Equal(t, tt.want, tt.setting.Warnings())
		})
	}
}

func TestHuman(t *testing.T) {
	cpu, memory := types.CPURange(1, 2, 1), types.MemoryRange(1, 2, 1)
	unitless := memory
	unitless.Unit = ""
	for _, tt := range []struct {
		setting types.Setting
		value   types.Value
		want    string
	}{
		{cpu, types.Float(0.25), "250m"},
		{cpu, types.Int(2), "2"},
		{cpu, types.Float(-1.5), "-1.5"},
		{cpu, types.Float(0), "0"},
		{cpu, types.Float(1.5e-12), "1.5e-12"},
		{cpu, types.Text("x"), "x"},
		{cpu, types.Value{}, ""},
		{memory, types.Float(1.5), "1.5Gi"},
		{memory, types.Float(0.1), "102.4Mi"},
		{memory, types.Float(-0.5), "-512.0Mi"},
		{memory, types.Float(1e-12), "0.001B"},
		{unitless, types.Int(2), "2.0Gi"},
		{types.Range("x", types.Int(1), types.Int(2), types.Int(1)), types.Float(2), "2.0"},
		{types.Setting{Kind: types.RangeKind, Unit: "cores"}, types.Float(0.5), "500m"},
		{types.InstanceTypes("a"), types.Text("a"), "a"},
	} {
		assert.Equal(t, tt.want, tt.setting.Human(tt.value))
	}
}

func TestSettingAssign(t *testing.T) {
	workers := types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(5))
	kind := types.Enum("kind", types.Int(1), types.Text("1")).With(types.Int(1))
	pinned := func(s types.Setting) types.Setting { s.Pinned = true; return s }
	for _, tt := range []struct {
		name    string
		setting types.Setting
		value   types.Value
		want    types.Value
		err     string
	}{
		{"not pinned", workers, types.Float(6), types.Int(6), ""},
		{"pinned, the same", pinned(workers), types.Float(5), types.Int(5), ""},
		{"pinned, another", pinned(workers), types.Int(6), types.Int(5), "workers: value of pinned settings cannot be changed: assigned value 6 is not equal to existing value 5"},
		{"pinned, number and string differ", pinned(kind), types.Text("1"), types.Int(1), `kind: value of pinned settings cannot be changed: assigned value "1" is not equal to existing value 1`},
		{"pinned, nothing yet", pinned(workers.With(types.Value{})), types.Int(6), types.Int(6), ""},
		{"pinned, nothing differs", pinned(workers), types.Value{}, types.Int(5), "workers: a number is required, not nothing"},
		{"pinned, another type", pinned(workers), types.Text("5"), types.Int(5), `workers: a number is required, not "5"`},
		{"wrong type", workers, types.Float(2.5), types.Int(5), "workers: a whole number is required, not 2.5"},
		{"outside", workers, types.Int(99), types.Int(99), ""},
		{"cpu is a float", types.CPURange(types.Core, types.Core, 0), types.Int(1), types.Float(1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.setting.Assign(tt.value)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, tt.err)
			}
			assert.Equal(t, tt.want, got.Value)
		})
	}
}

func TestSettingObserved(t *testing.T) {
	workers := types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(5))
	workers.Pinned = true
	for _, tt := range []struct {
		name  string
		value types.Value
		want  types.Value
		err   string
	}{
		{"as expected", types.Float(5), types.Int(5), ""},
		{"pinned and different", types.Float(6), types.Int(6), "value of pinned settings cannot be changed"},
		{"wrong type", types.Text("many"), types.Text("many"), `a number is required, not "many"`},
		{"unknown", types.Value{}, types.Value{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := workers.Observed(tt.value)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
			assert.Equal(t, tt.want, got.Value)
			assert.Equal(t, types.Int(5), workers.Value, "the original is left alone")
		})
	}
}
