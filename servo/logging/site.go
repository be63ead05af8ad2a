package logging

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// sites remembers the text of each place in the code that logs, of which a
// program has only so many.
type sites struct{ byPC sync.Map }

func (s *sites) text(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	if known, ok := s.byPC.Load(pc); ok {
		if text, ok := known.(string); ok {
			return text
		}
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	text := ""
	if frame.Function != "" {
		text = place(frame.Function, frame.Line)
	}
	s.byPC.Store(pc, text)
	return text
}

var unpunctuated = strings.NewReplacer("(*", "", "(", "", ")", "", "[...]", "")

// place turns "example.com/app/web.(*Server).Serve.func1" and a line into
// "web:Server.Serve.func1:42".
func place(function string, line int) string {
	name := function[strings.LastIndexByte(function, '/')+1:]
	module, name, found := strings.Cut(name, ".")
	if !found {
		module, name = "", module
	}
	name = unpunctuated.Replace(name)
	return module + ":" + name + ":" + strconv.Itoa(line)
}
