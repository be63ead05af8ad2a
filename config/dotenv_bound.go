package config

import (
	"bytes"
	"regexp"
)

// maxDotenvExpanded bounds what the variables of a .env file may expand to. The
// library expands without a bound, and A=$A$A on forty lines is a terabyte.
const maxDotenvExpanded = 4 << 20

var (
	dotenvName      = regexp.MustCompile(`^[\t\n\v\f\r \x85\xA0]*(?:export[ \t]+)?([A-Za-z0-9_.]*)[^=:\n]*[=:][ \t]*`)
	dotenvReference = regexp.MustCompile(`\$\(?\{?([A-Z0-9_]+)`)
)

// expandsTooFar tells whether the values of a .env file would become larger
// than maxDotenvExpanded. It counts references that are escaped or in single
// quotes too, so it errs on the side of refusing.
func expandsTooFar(data []byte) bool {
	sizes := map[string]int{}
	total := 0
	for len(data) > 0 {
		line := data
		if end := bytes.IndexByte(data, '\n'); end >= 0 {
			line = data[:end+1]
		}
		name := dotenvName.FindSubmatchIndex(line)
		if name == nil || bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			data = data[len(line):]
			continue
		}
		statement := line
		if quote := data[min(name[1], len(data)-1)]; quote == '"' || quote == '\'' {
			statement = data[:name[1]+1+closing(data[name[1]+1:], quote)]
		}
		size := len(statement)
		for _, ref := range dotenvReference.FindAllSubmatch(statement, -1) {
			size += sizes[string(ref[1])]
		}
		sizes[string(line[name[2]:name[3]])] = size
		if total += size; total > maxDotenvExpanded {
			return true
		}
		data = data[max(len(statement), 1):]
	}
	return false
}

// closing returns where a quoted value ends: after its closing quote, or at the
// end of what there is.
func closing(data []byte, quote byte) int {
	for i, b := range data {
		if b == quote && (i == 0 || data[i-1] != '\\') {
			return i + 1
		}
	}
	return len(data)
}
