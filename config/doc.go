// Package config reads servo.yaml.
package config
