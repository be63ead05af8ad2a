package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/internal/redact"
)

func TestSetting(t *testing.T) {
	r := redact.New(redact.Options{})
	const m = redact.Mask
	for name, test := range map[string]struct{ text, want string }{
		"plain":                    {"http://example.com:80/a?b=c#d", ""},
		"prose":                    {"The key to the token is here: ask?", ""},
		"a frame":                  {"#**********\n# hello\n#**********\n", ""},
		"user and password":        {"http://u:hunter2@h/p", "http://" + m + "@h/p"},
		"a token as user":          {"https://hunter2@h/p", "https://" + m + "@h/p"},
		"a password with a slash":  {"http://u:hun%2Fter2@h", "http://" + m + "@h"},
		"two addresses":            {"http://hunter2@a,https://u:hunter2@b", "http://" + m + "@a,https://" + m + "@b"},
		"token in a query":         {"http://h/?a=b&token=hunter2&c=d", "http://h/?a=b&token=" + m + "&c=d"},
		"api_key in a query":       {"http://h/?api_key=hunter2", "http://h/?api_key=" + m},
		"key in a query":           {"/search?key=hunter2", "/search?key=" + m},
		"signature in a query":     {"https://h/?X-Amz-Signature=hunter2&sig=hunter2", "https://h/?X-Amz-Signature=" + m + "&sig=" + m},
		"authorization":            {"GET http://h/\nAuthorization: Basic hunter2\nAccept: */*\n", "GET http://h/\nAuthorization: " + m + "\nAccept: */*\n"},
		"digest":                   {"Authorization: Digest username=\"u\", response=\"hunter2\"", "Authorization: " + m},
		"a header of another name": {"X-Custom-Token: hunter2\r\nApi-Key: hunter2", "X-Custom-Token: " + m + "\nApi-Key: " + m},
		"JSON":                     {`{"header":{"Authorization":["hunter2"],"A":["b"]}}`, `{"header":{"Authorization":` + m + `,"A":["b"]}}`},
		"a flag":                   {"--password=hunter2", "--password=" + m},
		"bearer":                   {"Bearer hunter2", "Bearer " + m},
		"connection string":        {"host=h password=hunter2 user=u", "host=h password=" + m + " user=u"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == "" {
				test.want = test.text
			}
			got := r.Setting(test.text)
			assert.Equal(t, test.want, got)
			assert.Equal(t, got, r.Setting(got), "again it changes nothing")
			assert.Equal(t, test.want != test.text, r.Masked(got))
			assert.False(t, r.Masked(test.text))
		})
	}
	assert.True(t, r.Masked(m))
	assert.False(t, r.Masked("/"+m+"/"))
}

// FuzzSetting looks for secrets that stay and for texts that grow without end.
func FuzzSetting(f *testing.F) {
	r := redact.New(redact.Options{})
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		text := before + "\nAuthorization: hunter2" + strings.Map(word, secret) + "\n" + after
		got := r.Setting(text)
		require.NotContains(t, got, "hunter2")
		require.LessOrEqual(t, strings.Count(r.Setting(got), redact.Mask), len(text))
		_ = r.Text(text)
		_ = r.Masked(text)
	})
}

func word(r rune) rune {
	if r > ' ' && r < 0x7f {
		return r
	}
	return -1
}
