package types_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func TestParseVersion(t *testing.T) {
	for _, text := range []string{
		"0.0.0", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta", "1.1.2+meta-valid", "1.0.0-alpha.1", "1.0.0-alpha0.valid",
		"1.0.0-0A.is.legal", "1.0.0-rc.1+build.1", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "18446744073709551615.0.0", "1.0.0---RC-SNAPSHOT.12.9.1--.12", "1.0.0+001", "1.0.0-0",
	} {
		v, err := types.ParseVersion(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, v.String())
	}
	for _, text := range []string{
		"", "1", "1.2", "1.2.3.4", "v1.2.3", "01.1.1", "1.01.1", "1.1.01", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3+a..b", "1.2.3+a+b", "1.2.3-é",
		" 1.2.3", "1.2.3 ", "-1.2.3", "+1.2.3", "1.2.-3", "1.2.x", "18446744073709551616.0.0", "1.2.3-a_b", "1_0.0.0", strings.Repeat("1", 300),
	} {
		_, err := types.ParseVersion(text)
		require.ErrorContains(t, err, "invalid version ", text)
	}
	var v types.Version
	require.NoError(t, json.Unmarshal([]byte(`"1.2.3-rc.1+b"`), &v))
	assert.Equal(t, types.Version{Major: 1, Minor: 2, Patch: 3, Pre: "rc.1", Build: "b"}, v)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	assert.Equal(t, `"1.2.3-rc.1+b"`, string(data))
	require.Error(t, json.Unmarshal([]byte(`"1"`), &v))
	assert.Equal(t, uint64(1), v.Major)
}

func TestVersionPrecedence(t *testing.T) {
	ordered := []string{
		"0.0.1", "0.1.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999999", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.1.0", "2.1.1", "10.0.0",
	}
	versions := make([]types.Version, len(ordered))
	for i, text := range ordered {
		v, err := types.ParseVersion(text)
		require.NoError(t, err)
		versions[i] = v
	}
	for i, a := range versions {
		for j, b := range versions {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			assert.Equal(t, want, a.Compare(b), "%s and %s", a, b)
		}
	}
	a, b := versions[13], versions[13]
	b.Build = "other"
	assert.Zero(t, a.Compare(b), "build metadata does not count")
	shuffled := slices.Clone(versions)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, types.Version.Compare)
	assert.Equal(t, versions, shuffled)
}

func TestMetadata(t *testing.T) {
	for _, text := range []string{"MIT", "Apache 2.0", "Proprietary"} {
		l, err := types.ParseLicense(text)
		require.NoError(t, err)
		assert.Equal(t, text, string(l))
	}
	for _, text := range []string{"Experimental", "Stable", "Robust"} {
		m, err := types.ParseMaturity(text)
		require.NoError(t, err)
		assert.Equal(t, text, string(m))
	}
	for _, text := range []string{"passthrough", "intersect", "fill"} {
		p, err := types.ParseNormalizationPolicy(text)
		require.NoError(t, err)
		assert.Equal(t, text, string(p))
	}
	_, err := types.ParseLicense("mit")
	require.EqualError(t, err, `no license identified by "mit": use "MIT", "Apache 2.0" or "Proprietary"`)
	_, err = types.ParseMaturity("x")
	require.EqualError(t, err, `no maturity level identified by "x": use "Experimental", "Stable" or "Robust"`)
	_, err = types.ParseNormalizationPolicy("")
	require.ErrorContains(t, err, `no normalization policy identified by ""`)

	var read struct {
		License  types.License
		Maturity types.Maturity
		Policy   types.NormalizationPolicy
	}
	require.NoError(t, json.Unmarshal([]byte(`{"license":"MIT","maturity":"Robust","policy":"fill"}`), &read))
	assert.Equal(t, types.MIT, read.License)
	assert.Equal(t, types.Robust, read.Maturity)
	assert.Equal(t, types.Fill, read.Policy)
	for _, bad := range []string{`{"license":"stable"}`, `{"maturity":"stable"}`, `{"policy":"Fill"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &read), bad)
	}
	assert.Equal(t, types.MIT, read.License)
}
