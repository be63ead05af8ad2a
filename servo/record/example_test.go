package record_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/record"
)

// A connector writes down what it decides. The servo and the command come from
// the context.
func ExampleLog_Add() {
	log := record.New(os.Stdout, record.Options{Run: "r1", Secrets: []string{"hunter2"}})
	ctx := event.WithCommand(event.WithServo(context.Background(), "web"), "m-1")
	log.Add(ctx, record.Entry{
		Time:   time.Date(2026, 3, 4, 12, 30, 15, 0, time.UTC), // now, if left out
		Kind:   record.Decision,
		Source: "prometheus",
		Why:    "not enough data: 3 of 30 samples",
		In:     map[string]any{"query": "p95", "password": "x", "url": "http://h/?k=hunter2"},
	})
	// Output:
	// {"v":1,"seq":1,"time":"2026-03-04T12:30:15Z","servo":"web","run":"r1","kind":"decision","cmd_uid":"m-1","source":"prometheus","why":"not enough data: 3 of 30 samples","in":{"password":"**********","query":"p95","url":"http://h/?k=**********"}}
}

// A record goes on in the file of the last run; the file rotates.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "record.jsonl")
	for _, run := range []string{"first", "second"} {
		file, err := record.Open(record.FileOptions{Path: path})
		if err != nil {
			fmt.Println(err)
			return
		}
		log := record.New(file, record.Options{Servo: "web", Run: run})
		log.Add(context.Background(), record.Entry{Kind: record.State, Subject: "servo", From: "new", To: "started"})
		if err := file.Close(); err != nil {
			fmt.Println(err)
			return
		}
	}
	file, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	for e, err := range record.Read(file) {
		fmt.Println(e.Run, e.Seq, e.Subject, e.From, e.To, err)
	}
	// Output:
	// first 1 servo new started <nil>
	// second 1 servo new started <nil>
}

// A line that is no line of a record does not hide the others.
func ExampleRead() {
	data := `{"v":1,"seq":1,"time":"2026-03-04T12:30:15Z","kind":"command","verb":"MEASURE"}
what is this
{"v":1,"seq":2,"time":"2026-03-04T12:31:15Z","kind":"outcome","verb":"MEASURE","took":60}
{"v":1,"seq":3,"time":"2026-03-`
	for e, err := range record.Read(strings.NewReader(data)) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(e.Seq, e.Kind, e.Verb, e.Took)
	}
	// Output:
	// 1 command MEASURE 0s
	// reading the record: line 2: not a JSON object: invalid character 'w' looking for beginning of value
	// 2 outcome MEASURE 1m0s
}
