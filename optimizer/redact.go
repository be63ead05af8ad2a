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
	known := len(r.secrets)
	for _, s := range secrets {
		if s != "" && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	if len(r.secrets) == known {
		return
	}
	r.secrets = r.secrets[max(0, len(r.secrets)-maxSecrets):]
	var forms []string
	for _, s := range r.secrets {
		quoted, _ := json.Marshal(s) // text can always be written
		forms = append(forms, s, string(quoted[1:len(quoted)-1]), strings.ReplaceAll(s, "/", `\/`), url.QueryEscape(s), url.PathEscape(s))
	}
	// At one place the first form that fits is taken: it has to be the longest.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	forms = slices.Compact(forms)
	r.forms.Store(&forms)
}

func (r *redactor) text(s string) string {
	forms := r.forms.Load()
	if forms == nil {
		return s
	}
	for _, form := range *forms {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}
