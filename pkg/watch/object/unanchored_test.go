package object

import (
	"regexp"
	"testing"
)

func TestUnanchored(t *testing.T) {
	for expression, test := range map[string]struct {
		matches, others []string
		fails           bool
	}{
		"a.B":              {matches: []string{"a.B"}, others: []string{"a.Bc", ""}},
		"^a$":              {matches: []string{"a"}, others: []string{"ab", "ba", "aa", ""}},
		`\Aa\z`:            {matches: []string{"a"}, others: []string{"ab", ""}},
		"^^a$$":            {matches: []string{"a"}, others: []string{"", "aa"}},
		"^a|b$":            {matches: []string{"a", "b"}, others: []string{"ab", ""}},
		"(^a|^b)c$":        {matches: []string{"ac", "bc"}, others: []string{"abc", "c"}},
		"(?i)^get.*$":      {matches: []string{"Get", "GETTER"}, others: []string{"forget"}},
		"(?m)^a$":          {matches: []string{"a"}, others: []string{"b"}},
		"^$":               {matches: []string{""}, others: []string{"a"}},
		"^a?$":             {matches: []string{"a", ""}, others: []string{"aa"}},
		`^[a-z.]+\$\^$`:    {matches: []string{"a.b$^"}, others: []string{"a.b"}},
		"a^b":              {fails: true},
		"(^a)+":            {fails: true},
		"a$b":              {fails: true},
		"^(a|b$)c":         {fails: true},
		"(":                {},
		`^\bGet\w{2,3}\b$`: {matches: []string{"GetIt"}, others: []string{"Get"}},
	} {
		got, ok := unanchored(expression)
		if ok == test.fails {
			t.Errorf("%s: got %q, %v", expression, got, ok)
		}
		for _, text := range test.matches {
			if !regexp.MustCompile("^/(?:" + got + ")/$").MatchString("/" + text + "/") {
				t.Errorf("%s: %s does not match %q", expression, got, text)
			}
		}
		for _, text := range test.others {
			if regexp.MustCompile("^/(?:" + got + ")/$").MatchString("/" + text + "/") {
				t.Errorf("%s: %s matches %q", expression, got, text)
			}
		}
	}
}
