//go:build unix

package process_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes the test binary several programs: besides the tests, the
// application they run, its children, and a servo to be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_PROGRAM") {
	case "app":
		app()
	case "child":
		linger()
	case "burner":
		burn(30 * time.Millisecond)
	case "servo":
		doomedServo()
	default:
		goleak.VerifyTestMain(m)
	}
}

// info is what the application tells about itself.
type info struct {
	PID      int
	Args     []string
	Workers  string
	Extra    string
	File     string
	Children []int
	CPU      float64 // seconds, with children that have ended
}

func leavePID() {
	if dir := os.Getenv("APP_PIDS"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), nil, 0o600)
	}
}

// linger stays until it is killed.
func linger() {
	signal.Ignore(syscall.SIGTERM)
	leavePID()
	time.Sleep(10 * time.Minute)
}

func burn(d time.Duration) {
	for x, began := 0, time.Now(); time.Since(began) < d; x++ {
		_ = x * x
	}
}

func again(program string) *exec.Cmd {
	cmd := exec.Command(os.Args[0]) //nolint:noctx // lives as long as it likes
	cmd.Env = append(os.Environ(), "TEST_PROGRAM="+program)
	return cmd
}

// app is an HTTP server that behaves as its settings say.
func app() {
	leavePID()
	var mu sync.Mutex
	state := info{PID: os.Getpid(), Args: os.Args[1:], Workers: os.Getenv("APP_WORKERS"), Extra: os.Getenv("APP_EXTRA")}
	began, behaviour := time.Now(), os.Getenv("APP_BEHAVIOUR")

	load := func() {
		path := os.Getenv("APP_FILE")
		if path == "" {
			return
		}
		data, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(data), "workers = 13") {
			fmt.Println("bad configuration file")
			os.Exit(4)
		}
		mu.Lock()
		state.File = string(data)
		mu.Unlock()
		fmt.Println("configuration loaded")
	}
	load()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			load()
		}
	}()

	if os.Getenv("APP_CHILDREN") != "" {
		for _, own := range []bool{false, true} {
			cmd := again("child")
			cmd.Stdout = os.Stdout // holds the pipe of the servo open
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: own}
			if err := cmd.Start(); err != nil {
				panic(err)
			}
			for { // it ignores signals from here on
				if _, err := os.Stat(filepath.Join(os.Getenv("APP_PIDS"), strconv.Itoa(cmd.Process.Pid))); err == nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			state.Children = append(state.Children, cmd.Process.Pid)
		}
	}
	var ballast []byte
	switch behaviour {
	case "dies":
		for i := range 100 {
			fmt.Println("line", i)
		}
		fmt.Fprintln(os.Stderr, "panic: not enough memory for the cache")
		os.Exit(3)
	case "dies-later":
		time.AfterFunc(150*time.Millisecond, func() {
			fmt.Println("giving up")
			os.Exit(5)
		})
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "burns":
		go burn(time.Minute)
	case "burns-in-children":
		go func() {
			for range 10_000 {
				_ = again("burner").Run()
			}
		}()
	case "allocates":
		ballast = make([]byte, 64<<20)
		for i := 0; i < len(ballast); i += 4096 {
			ballast[i] = 1
		}
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		up := time.Since(began)
		if behaviour == "never" || behaviour == "slow" && up < 300*time.Millisecond || behaviour == "fades" && up > 300*time.Millisecond {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		state.CPU = cpuSeconds(syscall.RUSAGE_SELF) + cpuSeconds(syscall.RUSAGE_CHILDREN)
		_ = json.NewEncoder(w).Encode(state)
	})
	if address := os.Getenv("APP_ADDRESS"); address != "" {
		fmt.Println(http.ListenAndServe(address, nil))
		os.Exit(1)
	}
	fmt.Println("no address")
	_, _ = io.Copy(io.Discard, os.Stdin)
	time.Sleep(10 * time.Minute)
	runtime.KeepAlive(ballast)
}

func cpuSeconds(who int) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
