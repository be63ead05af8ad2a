package optimizer

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxSecrets is how many secrets a client remembers. Tokens change now and
// then, and an answer on its way may still hold the one before.
const maxSecrets = 64

// redactor blots secrets out of what a peer sent back, in the forms in which
// they can appear in a body or an address.
type redactor struct {
	mu      sync.Mutex
	secrets []string
	// forms are those of all secrets, the longest first. A strings.Replacer
	// would take 6 KiB for each client.
	forms atomic.Pointer[[]string]
}

// add makes the secrets known, from now on. Empty ones are none.
func (r *redactor) add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.secrets)
	for _, s := range secrets {
		if s != "" && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	if len(r.secrets) == before {
		return
	}
	r.secrets = r.secrets[max(0, len(r.secrets)-maxSecrets):]
	var forms []string
	for _, s := range r.secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			forms = append(forms, form)
			for _, html := range []bool{true, false} {
				quoted := inJSON(form, html)
				forms = append(forms, quoted, strings.ReplaceAll(quoted, "/", `\/`))
			}
		}
	}
	// At one place the first form that fits is taken: it has to be the longest.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	forms = slices.Compact(forms)
	r.forms.Store(&forms)
}

// inJSON is a text as it stands inside of the quotes of JSON, with or without
// the escapes that HTML needs.
func inJSON(text string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	_ = e.Encode(text) // text can always be written
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

// text returns s without secrets. The beginning of one at the end, where an
// answer broke off, is one as well when it is long enough to be no accident.
func (r *redactor) text(s string) string {
	forms := r.forms.Load()
	if forms == nil || s == "" {
		return s
	}
	for _, form := range *forms {
		s = strings.ReplaceAll(s, form, redacted)
	}
	const accident = 4
	longest := accident - 1
	for _, form := range *forms {
		for n := min(len(form)-1, len(s)); n > longest; n-- {
			if strings.HasSuffix(s, form[:n]) {
				longest = n
			}
		}
	}
	if longest >= accident {
		return s[:len(s)-longest] + redacted
	}
	return s
}
