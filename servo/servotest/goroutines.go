package servotest

import (
	"bytes"
	"regexp"
	"runtime"
	"strings"
	"testing/synctest"
)

var bubble = regexp.MustCompile(`^goroutine \d+ \[[^\]]*(synctest bubble \d+)`)

// leftover returns the stacks of the goroutines in this bubble beside the one
// that asks, "" when there is none. Idle is the number of all goroutines before
// any could be left, which saves a look when it has come down to that.
func leftover(idle int) string {
	synctest.Wait()
	if runtime.NumGoroutine() <= idle {
		return ""
	}
	text := make([]byte, 64<<10)
	for {
		n := runtime.Stack(text, true)
		if n < len(text) {
			text = text[:n]
			break
		}
		text = make([]byte, 2*len(text))
	}
	var own string
	var left []string
	for i, stack := range bytes.Split(text, []byte("\n\n")) {
		match := bubble.FindSubmatch(stack)
		switch {
		case match == nil:
		case i == 0: // the one that asks
			own = string(match[1])
		case string(match[1]) == own && !bytes.Contains(stack, []byte("\ninternal/synctest.Run(")) &&
			!bytes.Contains(stack, []byte("\ntesting/synctest.testingSynctestTest(")): // these wait for the one that asks
			left = append(left, string(stack))
		}
	}
	return strings.Join(left, "\n\n")
}
