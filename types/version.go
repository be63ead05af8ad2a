package types

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// longestVersion bounds the time that parsing and comparing can take.
const longestVersion = 256

// Version is a version by the rules of Semantic Versioning 2.0. The zero
// Version is 0.0.0. Order versions with [Version.Compare], for example in
// [slices.SortFunc].
type Version struct {
	Major, Minor, Patch uint64
	// Pre is the pre-release part, such as "rc.1". A version with one comes
	// before the same version without.
	Pre string
	// Build is metadata, which does not count in the order.
	Build string
}

// ParseVersion reads "major.minor.patch", with an optional "-pre" and "+build".
// Leading zeros, missing parts, a leading v and anything else that Semantic
// Versioning does not allow are errors that quote the text.
func ParseVersion(text string) (Version, error) {
	invalid := func(why string) (Version, error) {
		return Version{}, fmt.Errorf("invalid version %q: %s", shorten(text), why)
	}
	if len(text) > longestVersion {
		return invalid(fmt.Sprintf("longer than %d bytes", longestVersion))
	}
	var v Version
	rest, build, hasBuild := strings.Cut(text, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	v.Pre, v.Build = pre, build
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return invalid("use major.minor.patch")
	}
	for i, into := range []*uint64{&v.Major, &v.Minor, &v.Patch} {
		n, err := strconv.ParseUint(parts[i], 10, 64)
		if err != nil || !digitsOnly(parts[i]) || len(parts[i]) > 1 && parts[i][0] == '0' {
			return invalid(fmt.Sprintf("%q is no number without leading zeros", shorten(parts[i])))
		}
		*into = n
	}
	if hasPre {
		for _, id := range strings.Split(pre, ".") {
			if !identifier(id) || digitsOnly(id) && len(id) > 1 && id[0] == '0' {
				return invalid(fmt.Sprintf("%q is no pre-release identifier", shorten(id)))
			}
		}
	}
	if hasBuild {
		for _, id := range strings.Split(build, ".") {
			if !identifier(id) {
				return invalid(fmt.Sprintf("%q is no build identifier", shorten(id)))
			}
		}
	}
	return v, nil
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func identifier(s string) bool {
	return s != "" && leading(s, func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-'
	}) == len(s)
}

// Compare returns -1 when v comes before o, 1 when it comes after, and 0 when
// neither does. Build metadata does not count.
func (v Version) Compare(o Version) int {
	if c := cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch)); c != 0 {
		return c
	}
	switch {
	case v.Pre == o.Pre:
		return 0
	case v.Pre == "":
		return 1
	case o.Pre == "":
		return -1
	}
	a, b := strings.Split(v.Pre, "."), strings.Split(o.Pre, ".")
	for i := range min(len(a), len(b)) {
		if c := compareIdentifiers(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareIdentifiers orders numbers by amount, and before words.
func compareIdentifiers(a, b string) int {
	aNumber, bNumber := digitsOnly(a), digitsOnly(b)
	switch {
	case aNumber && bNumber: // without leading zeros the longer one is larger
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case aNumber:
		return -1
	case bNumber:
		return 1
	}
	return cmp.Compare(a, b)
}

// String returns the text that [ParseVersion] reads.
func (v Version) String() string {
	text := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if v.Pre != "" {
		text += "-" + v.Pre
	}
	if v.Build != "" {
		text += "+" + v.Build
	}
	return text
}

// MarshalText writes the text form.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the text form; see [ParseVersion].
func (v *Version) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
