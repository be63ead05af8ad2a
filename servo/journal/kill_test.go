package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
)

// childPath names the variable that makes the test binary a process which
// appends to the journal at this path until it is killed.
const childPath = "SERVOKIT_TEST_JOURNAL"

// step returns the entries of the child in order: adjustments of one setting,
// which count up.
func step(i int) journal.Entry {
	n := i / 2
	if i%2 == 0 {
		return intent(strconv.Itoa(n), list("cpu", n), list("cpu", n+1))
	}
	return entry(journal.Commit, strconv.Itoa(n), list("cpu", n+1))
}

// steps tells how many of the entries lead to a state.
func steps(s journal.State) int {
	n := 0
	if len(s.Committed) > 0 {
		v, _ := s.Committed[0].Value.Int64()
		n = 2 * int(v)
	}
	if s.Open != nil {
		n++
	}
	return n
}

func child(path string) {
	ctx := context.Background()
	f, err := journal.Open(journal.Options{Path: path, MaxSize: 2048})
	if err != nil {
		panic(err)
	}
	state, err := f.Load(ctx)
	if err != nil {
		panic(err)
	}
	for i := steps(state); ; i++ {
		if err := f.Append(ctx, step(i)); err != nil {
			panic(err)
		}
		fmt.Println(i + 1)
	}
}

func TestKilledProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	exe, err := os.Executable()
	require.NoError(t, err)
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), childPath+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acked := 0
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan(), "the process appends")
		timer := time.AfterFunc(time.Duration(random.IntN(20_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		for ok := true; ok; ok = lines.Scan() {
			acked, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
		}
		timer.Stop()
		_ = cmd.Wait() // killed

		f, state := open(t, journal.Options{Path: path, MaxSize: 2048})
		got := steps(state)
		assert.Contains(t, []int{acked, acked + 1}, got, "round %d", round)
		var want journal.State
		for i := range got {
			want = reduce(t, want, step(i))
		}
		assert.Equal(t, want, state)
		assert.False(t, f.Report().Lost())
		require.NoError(t, f.Close())
	}
}
