package servotest_test

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/servo/servotest"
)

var (
	defaultSeeds = 200

	seed  = flag.Int64("seed", -1, "simulate this seed alone")
	seeds = flag.Int("seeds", 0, "simulate so many seeds")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed >= 0 {
		os.Setenv(servotest.EnvSeed, strconv.FormatInt(*seed, 10))
	}
	if *seeds > 0 {
		os.Setenv(servotest.EnvSeeds, strconv.Itoa(*seeds))
	}
	goleak.VerifyTestMain(m)
}

// The servo keeps every invariant, whatever happens.
func TestSimulation(t *testing.T) { servotest.Test(t, defaultSeeds, nil) }

// A connector from elsewhere, whose application lives and dies with the servo.
func TestEmulatorInTheSimulation(t *testing.T) {
	servotest.Test(t, defaultSeeds/8, func(seed uint64) servotest.Options {
		return servotest.Options{Connectors: []servotest.Connector{{
			Name: "emulator",
			New: func(*servotest.Life) (connector.Connector, error) {
				var c emulator.Config
				c.SetDefaults()
				c.Seed = seed
				return emulator.New(c, connector.Env{Name: "emulator"})
			},
		}}}
	})
}

func TestTheSameSeedDoesTheSame(t *testing.T) {
	different := map[string]bool{}
	for seed := range uint64(20) {
		once, again := servotest.Run(t, servotest.Options{Seed: seed}), servotest.Run(t, servotest.Options{Seed: seed})
		require.Equal(t, once.Hash, again.Hash, "seed %d", seed)
		require.Equal(t, trace(t, once), trace(t, again), "seed %d", seed)
		different[once.Hash] = true
	}
	assert.Len(t, different, 20)
}

func trace(t *testing.T, r servotest.Report) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, r.WriteTrace(&text))
	return text.String()
}

// Without faults everything is answered in one life.
func TestCalm(t *testing.T) {
	for seed := range uint64(20) {
		r := servotest.Run(t, servotest.Options{Seed: seed, Calm: true, Commands: 10})
		assert.Empty(t, r.Violations)
		assert.Equal(t, 1, r.Lives)
		assert.Zero(t, r.Crashes)
		assert.Zero(t, r.Excused)
		assert.InDelta(t, 10, r.Answers, 4, "all but those to sleep")
		assert.Equal(t, r.Answers, r.Succeeded)
	}
}

// The faults do happen: a simulation in which nothing goes wrong proves nothing.
func TestEverythingHappens(t *testing.T) {
	var all strings.Builder
	crashes, excused, lives := 0, 0, 0
	for seed := range uint64(60) {
		r := servotest.Run(t, servotest.Options{Seed: seed})
		require.NoError(t, r.WriteTrace(&all))
		crashes, excused, lives = crashes+r.Crashes, excused+r.Excused, lives+r.Lives
	}
	assert.Positive(t, crashes)
	assert.Positive(t, excused)
	assert.Greater(t, lives, 100)
	for _, what := range []string{
		"crashes out of the blue", "crashes before a", "crashes at a step", "crashes behind a request", "asked to stop out of the blue",
		"(machine: true)", "(machine: false)", "resets", "loses the reply", "garbles", "cuts", "a second time", "although the servo has left",
		"with 404", "with 429", "with 500", "with 410", "fails to sync", "fails to write", "is full", "panics", "skips",
		"simulated rejection", "simulated abortion", "gives u", `"status":"cancel"`, "unexpected-event", "unexpected cmd_uid",
		"pending: result of", "open: intent of", "rollback of", "commit of",
	} {
		assert.Contains(t, all.String(), what)
	}
}
