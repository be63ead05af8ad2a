package logfile_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/servo/logging/logfile"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "logs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file, err := logfile.Open(logfile.Options{Path: filepath.Join(dir, "servo.log"), MaxSize: 20, MaxBackups: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	logger := slog.New(logging.NewTextHandler(file, nil))
	logger.Info("adjusted", "replicas", 3)
	data, err := os.ReadFile(filepath.Join(dir, "servo.log"))
	_, message, _ := strings.Cut(strings.TrimSpace(string(data)), " - ")
	fmt.Println(message, err)
	// Output: adjusted replicas=3 <nil>
}
