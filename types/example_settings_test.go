package types_test

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func ExampleCPURange() {
	least, _ := types.ParseCPU("250m")
	cpu := types.CPURange(least, 4*types.Core, types.DefaultCPUStep).With(types.Float(1.5))
	data, _ := json.Marshal(cpu)
	fmt.Println(cpu)
	fmt.Println(string(data))
	fmt.Println(types.CPURange(0, types.Core, types.Core).Validate())
	// Output:
	// cpu (range 250m-4, 125m)
	// {"type":"range","pinned":false,"unit":"cores","value":1.5,"min":0.25,"max":4.0,"step":0.125}
	// min: 0.0 is not accepted: use a number greater than 0
}

func ExampleMemoryRange() {
	memory := types.MemoryRange(256*types.MiB, types.GiB, 512*types.MiB)
	fmt.Println(memory)
	for _, warning := range memory.Warnings() {
		fmt.Println(warning)
	}
	// Output:
	// mem (range 256.0Mi-1.0Gi, 512.0Mi)
	// min/max difference is not step aligned: 768.0Mi is not a multiple of 512.0Mi (consider min 512.0Mi, max 768.0Mi or 1.25Gi)
}

func ExampleParseMemory() {
	for _, text := range []string{"1.5", "1.5Gi", "3G", "4", "1m"} {
		m, err := types.ParseMemory(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(text, "is", m, "for a person and", m.Quantity(), "in a manifest")
	}
	// Output:
	// 1.5 is 1.5Gi for a person and 1536Mi in a manifest
	// 1.5Gi is 1.5Gi for a person and 1536Mi in a manifest
	// 3G is 2929687.5Ki for a person and 3000000000 in a manifest
	// 4 is 4B for a person and 4 in a manifest
	// invalid memory "1m": m means thousandths of a byte: use M or Mi
}

func ExampleReplicaRange() {
	replicas := types.ReplicaRange(1, 8)
	assigned, err := replicas.Assign(types.Float(2)) // commands carry floats
	fmt.Println(assigned.Value, err)
	// Output: 2 <nil>
}

func ExampleInstanceTypes() {
	_, err := types.InstanceTypes("m5.large", "m5.xlarge").Assign(types.Text("m4.large"))
	fmt.Println(err)
	// Output: inst_type: "m4.large" is not accepted: use one of ["m5.large", "m5.xlarge"]
}

func ExampleEnvironmentSetting() {
	var env []types.EnvironmentSetting
	err := yaml.Unmarshal([]byte(`
- {name: gc_percent, literal: GOGC, type: range, min: 50, max: 400, step: 50, value_type: int}
- {name: LOG_LEVEL, type: enum, values: [info, error], value: info}
`), &env)
	fmt.Println(err)
	gc, err := env[0].Assign(types.Float(150))
	fmt.Println(gc.Variable()+"="+gc.Value.String(), err)
	_, err = env[1].Assign(types.Text("debug"))
	fmt.Println(err)
	// Output:
	// <nil>
	// GOGC=150 <nil>
	// LOG_LEVEL: "debug" is not accepted: use one of ["info", "error"]
}

func ExampleSetting_Assign() {
	workers := types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(4))
	workers.Pinned = true
	_, err := workers.Assign(types.Int(6))
	fmt.Println(err)

	found, odd := workers.Observed(types.Int(6)) // reality is described as it is
	fmt.Println(found.Value, odd != nil)
	// Output:
	// workers: value of pinned settings cannot be changed: assigned value 6 is not equal to existing value 4
	// 6 true
}

func ExampleNumericType_Cast() {
	fmt.Println(types.IntType.Cast(types.Text("3.7")))
	fmt.Println(types.FloatType.Cast(types.Int(3)))
	// Output:
	// 3 <nil>
	// 3.0 <nil>
}
