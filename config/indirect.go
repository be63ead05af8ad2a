package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSecret bounds the file of a secret; certificates and keys fit.
const maxSecret = 64 << 10

// readSecret reads a secret that is a file of its own, such as a key of a mounted
// Kubernetes Secret. White space around it is not part of it.
func readSecret(name string) (string, error) {
	data, err := readBounded(name, maxSecret)
	if err != nil {
		return "", fmt.Errorf("reading the secret: %w", err)
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return "", fmt.Errorf("reading the secret: %s is empty", name)
	}
	if value == mask {
		return "", fmt.Errorf("reading the secret: %s holds the mask of a secret instead of the secret", name)
	}
	return value, nil
}

// decodeSecret reads a secret that stands in a file or a variable: {file: path}
// or {env: NAME}. Whatever else stands there is not shown, not even keys.
func (d *decoder) decodeSecret(n *yaml.Node, v reflect.Value, path string) {
	given := entries(resolve(n))
	if len(given) != 1 || resolve(given[0].value).Kind != yaml.ScalarNode || resolve(given[0].value).Value == "" {
		d.notASecret(n, path)
		return
	}
	key, from := resolve(given[0].key).Value, resolve(given[0].value).Value
	below := keyPath(path, key)
	var value string
	switch key {
	case "file":
		var err error
		if value, err = readSecret(from); err != nil {
			_ = d.report(given[0].value, below, err.Error())
			return
		}
	case "env":
		if value, _ = d.layers.variable(from); value == "" {
			_ = d.report(given[0].value, below, "the variable "+showText(from)+" is not set")
			return
		}
	default:
		d.notASecret(n, path)
		return
	}
	d.secrets = append(d.secrets, value)
	v.Set(reflect.ValueOf(NewSecret(value)))
}

func (d *decoder) notASecret(n *yaml.Node, path string) {
	_ = d.report(n, path, "a mapping is not text; a secret that stands elsewhere is {file: path} or {env: NAME}")
}
