package routes

import (
	"strings"
	"testing"
)

func TestPortableRegex(t *testing.T) {
	tests := map[string]string{
		`/a\.B/.*`: "", `(?P<n>a)`: "", `\(?<`: "", `\\p{x}`: "", `\Q(?<\E`: "", `(?i:a|b)`: "", `.{1000}`: "", `[[:word:]]`: "",
		`\pL\p{Lu}\p{^Greek}\P{Any}`: "", `\pL{10}`: "",
		`a(?<n>b)`:         "(?P<name>…)",
		`\\(?<n>b)`:        "(?P<name>…)",
		`\p{Letter}`:       `the class \p{Letter}`,
		`[a\P{^ASCII}]`:    `the class \P{^ASCII}`,
		`\p{lu}`:           `the class \p{lu}`,
		`\p{Kawi}`:         `the class \p{Kawi}`,
		`\p{LC}`:           `the class \p{LC}`,
		`\pL{100}`:         "and clients support",
		`([\pL\pN]{5}){9}`: "and clients support",
	}
	for expression, want := range tests {
		t.Run(expression, func(t *testing.T) {
			err := portableRegex(expression)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
