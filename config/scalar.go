package config

import (
	"math"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decodeScalar sets a text, number or boolean.
func (d *decoder) decodeScalar(n *yaml.Node, v reflect.Value, path string) {
	node := resolve(n)
	scalar := node.Kind == yaml.ScalarNode
	var want string
	ok := false
	switch v.Kind() {
	case reflect.String:
		want = "text"
		if ok = scalar; ok {
			v.SetString(text(node))
		}
	case reflect.Bool:
		want = "true or false"
		var b bool
		if b, ok = boolean(node); ok {
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		want = "an integer"
		if number, isNumber := number(node); isNumber && isInteger(number) {
			if ok = setInteger(v, number); !ok {
				d.mismatch(n, v.Type(), path, "in the range of "+v.Type().Kind().String())
				return
			}
		}
	case reflect.Float32, reflect.Float64:
		want = "a number"
		var f float64
		if f, ok = float(node); ok {
			v.SetFloat(f)
		}
	default:
		want = "possible here: this key cannot be configured"
	}
	if ok {
		return
	}
	if scalar && node.ShortTag() == "!!str" && node.Style != 0 && v.Kind() != reflect.String && unquotes(node, v.Type()) {
		want += "; remove the quotes"
	}
	d.mismatch(n, v.Type(), path, want)
}

// unquotes reports whether the text of n would do for t without its quotes.
func unquotes(n *yaml.Node, t reflect.Type) bool {
	plain := *n
	plain.Style, plain.Tag = 0, ""
	trial := &decoder{positions: map[string]position{}}
	trial.decodeScalar(&plain, reflect.New(t).Elem(), "")
	return len(trial.problems) == 0
}

func text(n *yaml.Node) string {
	if n.ShortTag() == "!!binary" {
		var s string
		if n.Decode(&s) == nil {
			return s
		}
	}
	return n.Value
}

// boolean also reads the words YAML 1.1 had for it, as long as they are bare.
func boolean(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return false, false
	}
	switch strings.ToLower(n.Value) {
	case "true", "yes", "on", "y":
		return true, true
	case "false", "no", "off", "n":
		return false, true
	}
	return false, false
}

// number returns the int, int64, uint64 or float64 that a node holds.
func number(n *yaml.Node) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && n.ShortTag() != "!!float" {
		return nil, false
	}
	var value any
	if n.Decode(&value) != nil {
		return nil, false
	}
	switch value.(type) {
	case int, int64, uint64, float64:
		return value, true
	}
	return nil, false
}

func isInteger(number any) bool {
	f, ok := number.(float64)
	return !ok || f == math.Trunc(f) && !math.IsInf(f, 0)
}

// setInteger reports whether the number fits into v.
func setInteger(v reflect.Value, number any) bool {
	x := reflect.ValueOf(number)
	if f, ok := number.(float64); ok {
		// Every whole float in this range is an exact int64.
		if f < -(1<<63) || f >= 1<<63 {
			return false
		}
		x = reflect.ValueOf(int64(f))
	}
	if v.CanInt() {
		if x.CanUint() && x.Uint() > math.MaxInt64 || x.CanInt() && v.OverflowInt(x.Int()) {
			return false
		}
		v.Set(x.Convert(v.Type()))
		return true
	}
	if x.CanInt() && (x.Int() < 0 || v.OverflowUint(uint64(x.Int()))) ||
		x.CanUint() && v.OverflowUint(x.Uint()) {
		return false
	}
	v.Set(x.Convert(v.Type()))
	return true
}

// float rejects NaN: it would pass every comparison a Validate method makes.
func float(n *yaml.Node) (float64, bool) {
	value, ok := number(n)
	if !ok {
		return 0, false
	}
	f := reflect.ValueOf(value).Convert(reflect.TypeFor[float64]()).Float()
	return f, !math.IsNaN(f)
}
