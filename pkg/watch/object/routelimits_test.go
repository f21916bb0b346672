package object

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestRouteLimits: a Route in a file that an API server would refuse, because it has too many rules or matches, is told.
func TestRouteLimits(t *testing.T) {
	const rule, match = "{backendRefs: [{name: echo, port: 80}]}", "{headers: [{name: x, value: a}]}"
	rules := func(n int, rule string) string {
		return "{parentRefs: [{group: '', kind: Service, name: echo}], rules: [" + strings.Join(slices.Repeat([]string{rule}, n), ", ") + "]}"
	}
	matches := func(n int) string {
		return "{matches: [" + strings.Join(slices.Repeat([]string{match}, n), ", ") + "], backendRefs: [{name: echo, port: 80}]}"
	}
	for name, test := range map[string]struct{ spec, want string }{
		"16 rules":           {rules(16, rule), ""},
		"17 rules":           {rules(17, rule), "spec.rules: There are 17 rules."},
		"64 matches":         {rules(2, matches(64)), ""},
		"65 matches":         {rules(1, matches(65)), "spec.rules[0].matches[64]: The rule has 65 matches."},
		"129 matches in all": {rules(3, matches(43)), "spec.rules[2].matches[42]: The rules have more than 128 matches"},
	} {
		for _, kind := range []Kind{KindGRPCRoute, KindHTTPRoute} {
			var told []string
			for _, p := range convertYAML(t, kind, test.spec).Problems {
				told = append(told, fmt.Sprintf("%s: %s", p.Field, p.Message))
			}
			if got := strings.Join(told, "\n"); test.want == "" && got != "" || !strings.HasPrefix(got, test.want) || len(told) > 1 {
				t.Errorf("%s, %s: got %q, want %q", kind, name, got, test.want)
			}
		}
	}
}
