package servo

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

const module = "github.com/servokit/servokit"

// version is that of this module in the program, "0.0.0" when it is not built
// from a release.
var version = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && strings.HasPrefix(m.Version, "v") {
				return m.Version[1:]
			}
		}
	}
	return "0.0.0"
})

// ownFacts are the facts that every servo tells with its greeting: version,
// platform, and the namespace that a Kubernetes manifest gives it in
// POD_NAMESPACE.
func ownFacts() map[string]string {
	facts := map[string]string{
		"servox.version":  version(),
		"servox.platform": runtime.GOOS + "/" + runtime.GOARCH + "-" + runtime.Version(),
	}
	if namespace := os.Getenv("POD_NAMESPACE"); namespace != "" {
		facts["servox.namespace"] = namespace
	}
	return facts
}
