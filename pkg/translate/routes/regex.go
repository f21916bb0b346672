package routes

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode"
)

// Each client compiles expressions with its own version of RE2, and some versions are years old. If an expression
// has newer syntax, gRPC's C-core rejects the whole RouteConfiguration, and processes with gRPC for Node crash.

// maxRanges limits the character ranges of an expression after its repetitions are expanded. gRPC for Node has 16
// MiB for all expressions, and C-core has a limit for each. \pL has 600 ranges.
const maxRanges = 10_000

// newSyntax finds syntax that only newer versions of RE2 support: (?<name>…), and some names of classes. It also
// matches escaped and quoted text, so that this text is skipped.
var newSyntax = regexp.MustCompile(`(?s)\\Q.*?(?:\\E|$)|\\[pP]\{\^?(\w+)\}|\\.|(\(\?<)`)

// newClasses are categories and scripts that were added after Unicode 13.
var newClasses = []string{
	"Cn", "LC", "Cypro_Minoan", "Kawi", "Nag_Mundari", "Old_Uyghur", "Tangsa", "Toto", "Vithkuqi",
}

// portableRegex returns an error if a client may not compile an expression that compiles here.
func portableRegex(expression string) error {
	for _, found := range newSyntax.FindAllStringSubmatch(expression, -1) {
		switch class, group := found[1], found[2]; {
		case group != "":
			return errors.New("some clients do not know (?<name>…); all know (?P<name>…)")
		case class != "" && !knownClass(class):
			return fmt.Errorf("some clients do not know the class %s", found[0])
		}
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return err
	}
	ranges := 0
	for _, i := range program.Inst {
		ranges += max(len(i.Rune)/2, 1)
	}
	if ranges > maxRanges {
		return fmt.Errorf("it has %d character ranges, repetitions included, and clients support %d", ranges, maxRanges)
	}
	return nil
}

// knownClass reports whether all versions of RE2 know a class. It is case-sensitive, as old versions are.
func knownClass(name string) bool {
	_, category := unicode.Categories[name]
	_, script := unicode.Scripts[name]
	return (category || script || name == "Any") && !slices.Contains(newClasses, name)
}
