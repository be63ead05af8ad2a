package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// longestNumber bounds the digits of outside input that become a number.
const longestNumber = 64

// CPU is an amount of processor time per second, in billionths of a core. Use
// it in configuration; [CPU.Cores] is the number that an optimizer works with.
//
// In JSON and YAML a CPU reads a bare number as cores and a string as
// [ParseCPU] does, and always writes the text form.
type CPU int64

// Core is one whole core.
const Core CPU = 1e9

// DefaultCPUStep is the step of a CPU setting that gives none: an eighth of a
// core.
const DefaultCPUStep = Core / 8

// Memory is an amount of memory in bytes. Use it in configuration;
// [Memory.GiB] is the number that an optimizer works with.
//
// In JSON and YAML a Memory reads an integer as bytes, a number with a fraction
// as GiB and a string as [ParseMemory] does, and always writes the text form.
type Memory int64

// The units of Memory.
const (
	KiB Memory = 1 << 10
	MiB Memory = 1 << 20
	GiB Memory = 1 << 30
)

type quantityUnit struct {
	suffix string
	scale  *big.Rat
}

func scale(base, exponent int64) *big.Rat {
	n := new(big.Int).Exp(big.NewInt(base), big.NewInt(max(exponent, -exponent)), nil)
	if exponent < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), n)
	}
	return new(big.Rat).SetInt(n)
}

// From large to small, as texts choose them.
var (
	cpuUnits = []quantityUnit{{"", scale(10, 9)}, {"m", scale(10, 6)}, {"u", scale(10, 3)}, {"n", scale(10, 0)}}
	// cpuMultiples are read and never written: nobody has a thousand cores.
	cpuMultiples = []quantityUnit{{"k", scale(10, 12)}, {"M", scale(10, 15)}}
	memoryUnits  = []quantityUnit{
		{"Ei", scale(2, 60)}, {"Pi", scale(2, 50)}, {"Ti", scale(2, 40)}, {"Gi", scale(2, 30)}, {"Mi", scale(2, 20)}, {"Ki", scale(2, 10)},
	}
	memoryDecimals = []quantityUnit{
		{"E", scale(10, 18)}, {"P", scale(10, 15)}, {"T", scale(10, 12)}, {"G", scale(10, 9)}, {"M", scale(10, 6)}, {"k", scale(10, 3)},
	}
)

// ParseCPU reads text such as "250m", "1.5" or "4": cores, or with a suffix
// thousandths (m), millionths (u) or billionths (n) of a core, or k or M for
// multiples. What is finer than a billionth of a core is rounded up. A negative
// amount, an exponent, an unknown suffix and an amount beyond 64 bits are
// errors that quote the text.
func ParseCPU(text string) (CPU, error) {
	number, suffix, err := splitQuantity(text)
	if err != nil {
		return 0, fmt.Errorf("invalid CPU %q: %w", shorten(text), err)
	}
	for _, unit := range append(cpuMultiples[:2:2], cpuUnits...) {
		if unit.suffix == suffix {
			n, err := ceiling(number.Mul(number, unit.scale))
			if err != nil {
				return 0, fmt.Errorf("invalid CPU %q: %w", shorten(text), err)
			}
			return CPU(n), nil
		}
	}
	return 0, fmt.Errorf("invalid CPU %q: unknown unit %q: use m (thousandths of a core), u, n, k, M or none", shorten(text), shorten(suffix))
}

// CPUOf returns the CPU of a number of cores, such as the value of an
// adjustment, rounded up to billionths. A negative number, one that is not
// finite and one beyond 64 bits are errors.
func CPUOf(cores float64) (CPU, error) {
	n, err := amount(cores, cpuUnits[0].scale)
	if err != nil {
		return 0, fmt.Errorf("%g cores: %w", cores, err)
	}
	return CPU(n), nil
}

// Cores returns the number of cores.
func (c CPU) Cores() float64 { return float64(c) / float64(Core) }

// String returns the text for a person, in the largest unit that has a whole
// part: "4", "2.5", "250m", "100u". [ParseCPU] reads it back to the same value.
func (c CPU) String() string { return cpuText(new(big.Rat).SetInt64(int64(c))) }

// Quantity returns the text for a manifest, without a fraction: "1500m" for one
// and a half cores.
func (c CPU) Quantity() string {
	return quantityText(int64(c), cpuUnits)
}

// ParseMemory reads text such as "1.5Gi", "128 MiB", "3G" or "1048576". Without
// a unit a whole number is bytes and a number with a fraction is GiB. Units are
// k, M, G, T, P and E (powers of 1000) and Ki, Mi, Gi, Ti, Pi and Ei (powers of
// 1024), in any case, with or without a B, after an optional blank. A lone "m" is refused,
// because it is a thousandth elsewhere. Fractions of a byte are rounded up.
// Negative amounts, exponents, unknown units and amounts beyond 64 bits are
// errors that quote the text.
func ParseMemory(text string) (Memory, error) {
	number, suffix, err := splitQuantity(text)
	if err != nil {
		return 0, fmt.Errorf("invalid memory %q: %w", shorten(text), err)
	}
	factor := big.NewRat(1, 1)
	switch unit := strings.ToLower(strings.TrimPrefix(suffix, " ")); {
	case strings.TrimPrefix(suffix, " ") == "m":
		return 0, fmt.Errorf("invalid memory %q: m means thousandths of a byte: use M or Mi", shorten(text))
	case unit == "" && strings.Contains(text, "."):
		factor = scale(2, 30)
	case unit == "" || unit == "b":
	default:
		factor = nil
		for _, u := range append(memoryUnits[:6:6], memoryDecimals...) {
			if strings.EqualFold(strings.TrimSuffix(unit, "b"), u.suffix) {
				factor = u.scale
			}
		}
		if factor == nil {
			return 0, fmt.Errorf("invalid memory %q: unknown unit %q: use Ki, Mi, Gi, Ti, Pi, Ei, k, M, G, T, P, E or none", shorten(text), shorten(suffix))
		}
	}
	n, err := ceiling(number.Mul(number, factor))
	if err != nil {
		return 0, fmt.Errorf("invalid memory %q: %w", shorten(text), err)
	}
	return Memory(n), nil
}

// MemoryOf returns the Memory of a number of GiB, such as the value of an
// adjustment, rounded up to bytes. A negative number, one that is not finite
// and one beyond 64 bits are errors.
func MemoryOf(gib float64) (Memory, error) {
	n, err := amount(gib, scale(2, 30))
	if err != nil {
		return 0, fmt.Errorf("%g GiB: %w", gib, err)
	}
	return Memory(n), nil
}

// GiB returns the number of gibibytes.
func (m Memory) GiB() float64 { return float64(m) / float64(GiB) }

// String returns the text for a person, in the largest unit that shows the
// amount exactly in at most three decimals: "1.5Gi", "128.0Mi", and bytes, "12B",
// where no other does. [ParseMemory] reads it back to the same
// value.
func (m Memory) String() string { return memoryText(new(big.Rat).SetInt64(int64(m))) }

// Quantity returns the canonical text for a manifest, without a fraction:
// "1536Mi" for one and a half GiB.
func (m Memory) Quantity() string {
	return quantityText(int64(m), append(memoryUnits[:6:6], quantityUnit{"", scale(2, 0)}))
}

// splitQuantity splits text into a number that is not negative and what follows
// it.
func splitQuantity(text string) (*big.Rat, string, error) {
	if len(text) > longestNumber {
		return nil, "", fmt.Errorf("longer than %d bytes", longestNumber)
	}
	rest := strings.Trim(text, " \t")
	digits := rest[:leading(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })]
	number, ok := plainNumber(digits)
	if !ok {
		return nil, "", errors.New(`a number that is not negative is required, such as "1.5"`)
	}
	return number, rest[len(digits):], nil
}

// plainNumber reads digits with at most one point, which does not end them.
func plainNumber(digits string) (*big.Rat, bool) {
	if digits == "" || strings.Count(digits, ".") > 1 || strings.HasSuffix(digits, ".") {
		return nil, false
	}
	return new(big.Rat).SetString("0" + digits)
}

func amount(f float64, scale *big.Rat) (int64, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return 0, errors.New("a finite number that is not negative is required")
	}
	if r := exactly(f, scale); r != nil {
		return ceiling(r)
	}
	return ceiling(new(big.Rat).Mul(decimal(Float(f)), scale))
}

// exactly returns f times scale when that is a whole number, and nil otherwise.
// The quotient of a whole number of bytes has an exact binary form and none that
// is short in decimals.
func exactly(f float64, scale *big.Rat) *big.Rat {
	r := new(big.Rat).SetFloat64(f)
	if r == nil || !r.Mul(r, scale).IsInt() {
		return nil
	}
	return r
}

// ceiling rounds r, which is not negative, up.
func ceiling(r *big.Rat) (int64, error) {
	whole, remainder := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if remainder.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	if !whole.IsInt64() {
		return 0, errors.New("the amount is out of range")
	}
	return whole.Int64(), nil
}

// cpuText writes billionths of a core, which may be negative.
func cpuText(nanocores *big.Rat) string {
	sign, abs := signed(nanocores)
	for _, unit := range cpuUnits {
		if scaled := new(big.Rat).Quo(abs, unit.scale); scaled.Cmp(big.NewRat(1, 1)) >= 0 {
			text, _ := shortDecimal(scaled, 9)
			return sign + text + unit.suffix
		}
	}
	return "0"
}

// memoryText writes bytes, which may be negative and have a fraction.
func memoryText(bytes *big.Rat) string {
	sign, abs := signed(bytes)
	for _, unit := range memoryUnits {
		scaled := new(big.Rat).Quo(abs, unit.scale)
		if scaled.Cmp(big.NewRat(1, 1)) < 0 {
			continue
		}
		if text, exact := shortDecimal(scaled, 3); exact {
			if !strings.Contains(text, ".") {
				text += ".0"
			}
			return sign + text + unit.suffix
		}
	}
	text, _ := shortDecimal(abs, 3)
	if abs.Sign() == 0 {
		return "0"
	}
	return sign + text + "B"
}

func signed(r *big.Rat) (sign string, abs *big.Rat) {
	if r.Sign() < 0 {
		sign = "-"
	}
	return sign, new(big.Rat).Abs(r)
}

// shortDecimal writes r with at most so many decimals, without trailing zeros,
// and tells whether that is exact.
func shortDecimal(r *big.Rat, decimals int) (string, bool) {
	text := r.FloatString(decimals)
	back, _ := new(big.Rat).SetString(text)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text, back.Cmp(r) == 0
}

// quantityText writes n in the largest unit that needs no fraction.
func quantityText(n int64, units []quantityUnit) string {
	for _, unit := range units {
		if scaled := new(big.Rat).Quo(new(big.Rat).SetInt64(n), unit.scale); n != 0 && scaled.IsInt() {
			return scaled.Num().String() + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// set reads a decoded number or text.
func (c *CPU) set(v Value) (err error) {
	var read CPU
	switch v.kind {
	case TextKind:
		read, err = ParseCPU(v.text)
	case UnsetKind:
		return nil
	default:
		f, _ := v.Float64()
		read, err = CPUOf(f)
	}
	if err == nil {
		*c = read
	}
	return err
}

// set reads a decoded number or text.
func (m *Memory) set(v Value) (err error) {
	var read Memory
	switch v.kind {
	case TextKind:
		read, err = ParseMemory(v.text)
	case IntKind:
		if v.i < 0 {
			err = fmt.Errorf("%d bytes: a finite number that is not negative is required", v.i)
		}
		read = Memory(v.i)
	case FloatKind:
		read, err = MemoryOf(v.num)
	default:
		return nil
	}
	if err == nil {
		*m = read
	}
	return err
}

// MarshalText writes the text for a person.
func (c CPU) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads text; see [ParseCPU].
func (c *CPU) UnmarshalText(text []byte) error { return c.set(Text(string(text))) }

// UnmarshalJSON reads a number of cores or text; null leaves c alone.
func (c *CPU) UnmarshalJSON(data []byte) error {
	var v Value
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("CPU: %w", err)
	}
	return c.set(v)
}

// MarshalYAML writes the text for a person.
func (c CPU) MarshalYAML() (any, error) { return c.String(), nil }

// UnmarshalYAML reads a number of cores or text.
func (c *CPU) UnmarshalYAML(unmarshal func(any) error) error {
	var v Value
	if err := v.UnmarshalYAML(unmarshal); err != nil {
		return fmt.Errorf("CPU: %w", err)
	}
	return c.set(v)
}

// MarshalText writes the text for a person.
func (m Memory) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads text; see [ParseMemory].
func (m *Memory) UnmarshalText(text []byte) error { return m.set(Text(string(text))) }

// UnmarshalJSON reads an integer as bytes, a number with a fraction as GiB, or
// text; null leaves m alone.
func (m *Memory) UnmarshalJSON(data []byte) error {
	var v Value
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return m.set(v)
}

// MarshalYAML writes the text for a person.
func (m Memory) MarshalYAML() (any, error) { return m.String(), nil }

// UnmarshalYAML reads an integer as bytes, a number with a fraction as GiB, or
// text.
func (m *Memory) UnmarshalYAML(unmarshal func(any) error) error {
	var v Value
	if err := v.UnmarshalYAML(unmarshal); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return m.set(v)
}
