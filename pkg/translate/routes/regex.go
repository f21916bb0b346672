package routes

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode"
)

// Clients compile expressions with RE2s of their own, of which some are years old. What they do not know makes
// gRPC's C-core refuse the whole table of routes, and ends processes that run gRPC for Node.

// maxRanges bounds the ranges of characters that an expression compares with, repetitions written out. gRPC for
// Node has 16 MiB for all of its expressions, and C-core some for each; \pL has 600 ranges.
const maxRanges = 10_000

// newer finds what only newer RE2s know: (?<name>…), and classes by their names. What is escaped or quoted is
// passed over.
var newer = regexp.MustCompile(`(?s)\\Q.*?(?:\\E|$)|\\[pP]\{\^?(\w+)\}|\\.|(\(\?<)`)

// newerClasses are categories and scripts that came after Unicode 13.
var newerClasses = []string{
	"Cn", "LC", "Cypro_Minoan", "Kawi", "Nag_Mundari", "Old_Uyghur", "Tangsa", "Toto", "Vithkuqi",
}

// portableRegex says why some client may not compile an expression that compiles here.
func portableRegex(expression string) error {
	for _, found := range newer.FindAllStringSubmatch(expression, -1) {
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

// knownClass is strict about upper and lower case, as old RE2s are.
func knownClass(name string) bool {
	_, category := unicode.Categories[name]
	_, script := unicode.Scripts[name]
	return (category || script || name == "Any") && !slices.Contains(newerClasses, name)
}
