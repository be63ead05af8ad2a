package types

import (
	"errors"
	"fmt"
	"math/big"
)

// Role names a setting that an optimizer knows: it has a fixed name, a unit and
// rules of its own, and enters the cost of an application.
type Role string

// The roles of a [Setting]. The text of a role is the name of the setting.
const (
	CPURole          Role = "cpu"
	MemoryRole       Role = "mem"
	ReplicasRole     Role = "replicas"
	InstanceTypeRole Role = "inst_type"
)

// CPURange returns the setting of the processor share of each replica, in
// floating cores; the minimum must be above zero. [DefaultCPUStep] is the usual
// step.
func CPURange(least, most, step CPU) Setting {
	s := Range(string(CPURole), Float(least.Cores()), Float(most.Cores()), Float(step.Cores()))
	s.Unit, s.Role = string(Cores), CPURole
	return s
}

// MemoryRange returns the setting of the memory of each replica, in floating
// GiB. Bounds below 1 MiB warn: they are bytes that were meant to be GiB.
func MemoryRange(least, most, step Memory) Setting {
	s := Range(string(MemoryRole), Float(least.GiB()), Float(most.GiB()), Float(step.GiB()))
	s.Unit, s.Role = string(Gibibytes), MemoryRole
	return s
}

// ReplicaRange returns the setting of the number of replicas, whole numbers in
// steps of one.
func ReplicaRange(least, most int64) Setting {
	step := Int(1)
	if least == most {
		step = Int(0)
	}
	s := Range(string(ReplicasRole), Int(least), Int(most), step)
	s.Role = ReplicasRole
	return s
}

// InstanceTypes returns the setting of the type of machine.
func InstanceTypes(names ...string) Setting {
	values := make([]Value, len(names))
	for i, name := range names {
		values[i] = Text(name)
	}
	s := Enum(string(InstanceTypeRole), values...)
	s.Unit, s.Role = ec2, InstanceTypeRole
	return s
}

// ec2 is the only unit an instance type has.
const ec2 = "ec2"

// roleErrors lists what breaks the rules of the role.
func (s Setting) roleErrors() []error {
	if s.Role == "" {
		return nil
	}
	var errs []error
	if s.Name != string(s.Role) {
		errs = append(errs, fmt.Errorf("name: %q is not accepted: use %s", s.Name, s.Role))
	}
	kind := RangeKind
	if s.Role == InstanceTypeRole {
		kind = EnumKind
	}
	if s.Kind != kind {
		errs = append(errs, fmt.Errorf("type: %q is not accepted: use %s", string(s.Kind), string(kind)))
	}
	switch s.Role {
	case CPURole:
		if v, ok := s.Min.Float64(); ok && v <= 0 {
			errs = append(errs, fmt.Errorf("min: %s is not accepted: use a number greater than 0", s.Min))
		}
	case ReplicasRole:
		for _, field := range []struct {
			name  string
			value Value
		}{{"min", s.Min}, {"max", s.Max}, {"step", s.Step}, {"value", s.Value}} {
			if field.value.kind == FloatKind {
				errs = append(errs, fmt.Errorf("%s: an integer is required, not %s", field.name, field.value))
			}
		}
	case InstanceTypeRole:
		if s.Unit != ec2 {
			errs = append(errs, fmt.Errorf("unit: %q is not accepted: use %s", s.Unit, ec2))
		}
	case MemoryRole:
	default:
		errs = append(errs, errors.New("role: unknown: use cpu, mem, replicas or inst_type"))
	}
	return errs
}

// roleWarnings lists what is odd about the bounds of a role.
func (s Setting) roleWarnings() []string {
	if s.Role != MemoryRole {
		return nil
	}
	var warnings []string
	if decimal(s.Min).Sign() <= 0 {
		warnings = append(warnings, "min must be greater than zero")
	}
	if s.Unit != string(Gibibytes) && s.Unit != "" {
		return warnings
	}
	for _, bound := range []struct {
		name  string
		value Value
	}{{"min", s.Min}, {"max", s.Max}, {"step", s.Step}} {
		v := decimal(bound.value)
		if v.Sign() > 0 && v.Cmp(scale(2, -10)) < 0 {
			warnings = append(warnings, fmt.Sprintf("%s is less than 1 MiB: %s (a whole number without a unit is bytes: write 4.0 or 4Gi for four GiB)", bound.name, s.Human(bound.value)))
		}
	}
	return warnings
}

// allowsMin tells whether a minimum makes sense for the role.
func (s Setting) allowsMin(r *big.Rat) bool {
	switch s.Role {
	case CPURole, MemoryRole:
		return r.Sign() > 0
	case ReplicasRole:
		return r.Sign() >= 0
	default:
		return true
	}
}
