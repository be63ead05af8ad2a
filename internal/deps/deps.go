//go:build deps

// Package deps keeps modules in go.mod that packages under construction need.
package deps

import (
	_ "github.com/fsnotify/fsnotify"
	_ "github.com/invopop/jsonschema"
	_ "github.com/joho/godotenv"
	_ "github.com/santhosh-tekuri/jsonschema/v5"
	_ "golang.org/x/exp/slog"
	_ "gopkg.in/natefinch/lumberjack.v2"
)
