package servotest

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// The variables of the environment that [Test] heeds.
const (
	EnvSeed  = "SERVOTEST_SEED"  // run this seed alone
	EnvSeeds = "SERVOTEST_SEEDS" // run so many seeds
	EnvTrace = "SERVOTEST_TRACE" // with any value: log the trace of seeds that fail or run alone
)

// mostFailures is after how many failing seeds a test gives up.
const mostFailures = 5

// Test simulates so many seeds, from 0 on and on all cores, and fails for each
// one that breaks an invariant, with a line that repeats it; after five it gives
// up. [EnvSeed], [EnvSeeds] and [EnvTrace] change what is run. Each gives the
// options of a seed, with applications made anew, and may be called from several
// goroutines; Options.Seed is set for it. Nil means the zero Options.
func Test(t *testing.T, seeds int, each func(seed uint64) Options) {
	t.Helper()
	first := uint64(0)
	if text := os.Getenv(EnvSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", EnvSeed, err)
		}
		first, seeds = seed, 1
	} else if text := os.Getenv(EnvSeeds); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s: %q: a number of at least 1 is required", EnvSeeds, text)
		}
		seeds = n
	}
	place := caller()
	var next, failures atomic.Int64
	for worker := range min(runtime.GOMAXPROCS(0), seeds) {
		t.Run(strconv.Itoa(worker), func(t *testing.T) {
			t.Parallel()
			for failures.Load() < mostFailures {
				n := next.Add(1) - 1
				if n >= int64(seeds) {
					return
				}
				seed := first + uint64(n)
				o := Options{}
				if each != nil {
					o = each(seed)
				}
				o.Seed = seed
				if report := Run(t, o); !report.tell(t, place, seeds == 1) {
					failures.Add(1)
				}
			}
		})
	}
}

// tell fails the test if an invariant was broken.
func (r Report) tell(t *testing.T, place string, alone bool) bool {
	t.Helper()
	fine := len(r.Violations) == 0
	if os.Getenv(EnvTrace) != "" && (!fine || alone) {
		var text strings.Builder
		_ = r.WriteTrace(&text) // never fails
		t.Log("trace of seed ", r.Seed, ":\n", text.String())
	}
	if alone {
		t.Logf("seed %d: hash %s, %d lives, %d crashes, %d answers, %s", r.Seed, r.Hash, r.Lives, r.Crashes, r.Answers, r.Elapsed)
	}
	for _, v := range r.Violations {
		t.Errorf("seed %d breaks %s\nrepeat it: %s=%d %s=1 %s", r.Seed, v, EnvSeed, r.Seed, EnvTrace, place)
	}
	return fine
}

// caller returns the command that runs the test that has called Test.
func caller() string {
	pc, _, _, ok := runtime.Caller(2)
	if f := runtime.FuncForPC(pc); ok && f != nil {
		dot := strings.LastIndex(f.Name(), ".")
		pkg := strings.TrimSuffix(f.Name()[:dot], "_test")
		return fmt.Sprintf("go test %s -run '^%s$'", pkg, f.Name()[dot+1:])
	}
	return "go test"
}
