package pubsub

import (
	"fmt"
	"strings"
)

const maxName = 253

// validName is the rule for the names of channels, without the trimming.
func validName(name string) bool {
	if len(name) < 2 || len(name) > maxName || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// channelName trims a name and checks it.
func channelName(name string) (string, error) {
	trimmed := strings.TrimSpace(name)
	if !validName(trimmed) {
		return "", fmt.Errorf("invalid channel name %q: give 2 to %d letters, digits, dots, hyphens and underscores, with a letter or digit at both ends", shortened(name), maxName)
	}
	return trimmed, nil
}

// shortened keeps hostile input out of messages.
func shortened(text string) string {
	if len(text) > maxName {
		return text[:maxName] + "…"
	}
	return text
}
