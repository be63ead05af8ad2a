package servokit_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/servokit/servokit"

// configuration is what reading, describing and following a configuration
// takes: YAML, .env files, JSON Schema out and in, and changes of files. The
// second list is what these libraries need.
var configuration = []string{
	"go.yaml.in/yaml/v3", "github.com/joho/godotenv", "github.com/invopop/jsonschema",
	"github.com/santhosh-tekuri/jsonschema/v5", "github.com/fsnotify/fsnotify",

	"github.com/bahlo/generic-list-go", "github.com/buger/jsonparser", "github.com/pb33f/ordered-map/v2", "go.yaml.in/yaml/v4", "golang.org/x/sys",
}

// What the core packages may import beyond the standard library. Imports point
// inward, so a package may use those named for it and nothing else of ours.
var arrows = map[string]struct {
	ours   []string
	others []string
}{
	"types":        {},
	"event":        {},
	"event/pubsub": {ours: []string{"event"}, others: []string{"go.yaml.in/yaml/v3"}},
	"checks":       {ours: []string{"types"}, others: []string{"golang.org/x/crypto", "golang.org/x/sys"}},
	"config":       {ours: []string{"types"}, others: configuration},
	"connector": {
		ours:   []string{"types", "event", "event/pubsub", "checks", "config", "connector/repeat"},
		others: slices.Concat(configuration, []string{"golang.org/x/crypto"}),
	},
	"optimizer": {
		ours:   []string{"types"},
		others: []string{"github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp", "golang.org/x/oauth2"},
	},
	"servo": {
		ours: []string{"types", "event", "event/pubsub", "checks", "config", "connector", "connector/repeat", "optimizer", "servo/logging", "servo/journal", "servo/record"},
		others: slices.Concat(configuration, []string{
			"golang.org/x/term", // of the handlers: is this a terminal?
			"golang.org/x/crypto",
			"github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp", "golang.org/x/oauth2",
			"golang.org/x/net", "golang.org/x/text", // the variables that name proxies
		}),
	},
	"servo/journal":           {ours: []string{"types", "optimizer"}, others: []string{"golang.org/x/sys", "github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp", "golang.org/x/oauth2"}},
	"servo/logging":           {ours: []string{"event"}, others: []string{"golang.org/x/term", "golang.org/x/sys"}},
	"servo/record":            {ours: []string{"event"}},
	"servo/logging/logfile":   {others: []string{"gopkg.in/natefinch/lumberjack.v2"}},
	"servo/logging/xslog":     {others: []string{"golang.org/x/exp"}},
	"connector/emulator":      {ours: []string{"types", "event", "event/pubsub", "checks", "config", "connector", "connector/repeat"}, others: slices.Concat(configuration, []string{"golang.org/x/crypto"})},
	"connector/repeat":        {ours: []string{"event"}},
	"connector/process":       {ours: []string{"types", "event", "event/pubsub", "checks", "config", "connector", "connector/repeat"}, others: []string{"*"}},
	"connector/vegeta":        {ours: []string{"types", "event", "event/pubsub", "checks", "config", "connector", "connector/repeat"}, others: []string{"*"}},
	"optimizer/local":         {ours: []string{"types", "optimizer"}, others: []string{"*"}},
	"optimizer/optimizertest": {ours: []string{"types", "optimizer"}, others: []string{"*"}},
}

// forbidden must not be linked by importing the core, whatever the list above
// says.
var forbidden = []string{"k8s.io/", "google.golang.org/grpc", "github.com/prometheus/", "github.com/spf13/cobra", "github.com/tsenart/vegeta", "github.com/stretchr/testify", "go.uber.org/goleak"}

func TestImportsPointInward(t *testing.T) {
	for pkg, allowed := range arrows {
		t.Run(pkg, func(t *testing.T) {
			core := !strings.Contains(pkg, "/")
			for _, dep := range deps(t, "./"+pkg) {
				if ours, ok := strings.CutPrefix(dep, module+"/"); ok {
					assert.True(t, ours == pkg || slices.Contains(allowed.ours, ours) || strings.HasPrefix(ours, "internal/"), "%s imports %s", pkg, ours)
					continue
				}
				for _, prefix := range forbidden {
					if core {
						assert.False(t, strings.HasPrefix(dep, prefix), "%s links %s", pkg, dep)
					}
				}
				known := slices.ContainsFunc(allowed.others, func(prefix string) bool {
					return prefix == "*" || dep == prefix || strings.HasPrefix(dep, prefix+"/")
				})
				assert.True(t, known, "%s links %s: a new dependency of the core needs a reason", pkg, dep)
			}
		})
	}
}

// kits are for the tests of our users.
var kits = []string{module + "/optimizer/optimizertest", module + "/connector/connectortest", module + "/servo/journal/journaltest", module + "/servo/servotest"}

// Test helpers must not reach the programs of our users.
func TestTestHelpersStayOutOfPrograms(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "./...").Output()
	require.NoError(t, err)
	packages := slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool { return slices.Contains(kits, p) })
	for _, dep := range deps(t, packages...) {
		for _, prefix := range append([]string{"github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid"}, kits...) {
			assert.False(t, strings.HasPrefix(dep, prefix), "a program links %s", dep)
		}
	}
}

// The kit for connectors comes into the tests of every author, so it brings no
// more along than it must.
func TestTheConnectorKitIsLight(t *testing.T) {
	allowed := deps(t, "./connector")
	for _, dep := range deps(t, "./connector/connectortest") {
		light := slices.Contains(allowed, dep) || slices.Contains(kits, dep) ||
			strings.HasPrefix(dep, "github.com/stretchr/testify") || strings.HasPrefix(dep, "go.uber.org/goleak")
		assert.True(t, light, "connector/connectortest links %s", dep)
	}
}

// deps lists everything that packages link, without the standard library.
func deps(t *testing.T, packages ...string) []string {
	t.Helper()
	args := append([]string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}, packages...)
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	require.NoError(t, err)
	list := strings.Fields(string(out))
	require.NotEmpty(t, list)
	return list
}
