package presubmit

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialect lists the patterns that docs/STYLE.md rules out, with their cures. A space in a pattern matches any white
// space, so that a pattern is found across wrapped lines. Code is not prose: blocks and spans of Markdown, and Go
// strings without a space, are skipped. A Go line that quotes the text of another program ends with the comment "//
// quoted: PROGRAM".
var dialect = []struct {
	name, pattern, cure string
	except              string // a match that also matches this pattern is fine
	goOnly              bool
}{
	{name: "P1", pattern: `\bwho(so)?ever\b`, cure: "name the actor: a client, an author, an operator"},
	{name: "P1", pattern: `\bwho (asks?|wants?|is|has|had|holds?|comes?|connects?|returns?|says?|delegates?|dials?|needs?|gets?)\b`, cure: "name the actor: a client that …, authors that …"},
	{name: "P1", pattern: `\bfor who\b`, cure: "name the actor"},
	{name: "P2", pattern: `\b(holds?|held) (for|nothing|everywhere|beside|besides|under|too|with)\b`, cure: "applies to, is in effect, matches no calls"},
	{name: "P2", pattern: `\b(stands?|stood|standing) (for|in|on|at|there|twice|beside|behind|still)\b`, cure: "is, is in, means, refers to"},
	{name: "P2", pattern: `\b(says?|said|saying) (of|not|nothing|so|how|otherwise)\b`, cure: "states, does not set, reports, reads"},
	{name: "P2", pattern: `\b(speaks?|spoken) (of|for)\b`, cure: "refers to, names, applies to"},
	{name: "P2", pattern: `\b(hears?|heard|told|knows?|known) of\b`, cure: "is notified of, receives, knows about"},
	{name: "P2", pattern: `\bnothing of\b`, cure: "nothing about, or negate the verb"},
	{name: "P2", pattern: `\b(is|are) meant\b`, cure: "name the intent or the actor: is intended, the author means"},
	{name: "P2", pattern: `\b(can|cannot|could|may|not) (not )?be had\b`, cure: "is not available, cannot be acquired"},
	{name: "P3", pattern: `, for (it|its|they|their|clients|gRPC|that|there|nothing|otherwise|this|these|those|what)\b`, cure: "because, since, or two sentences"},
	{name: "P4", pattern: `\b(is|are|was|were|not|with|than|as|from|by|to) (that|those) of\b`, cure: "repeat the noun"},
	{name: "P4", pattern: `\bof (its|their|our|your|his|one's) own\b`, cure: "its own X, a separate X"},
	{name: "P5", pattern: `\b(no|some|every|any)body\b`, cure: "no client, any client, all clients, an operator"},
	{name: "P5", pattern: `\b(no one|someone|everyone|anyone)\b`, cure: "no client, any client, all clients, an operator"},
	{name: "P6", pattern: `(?-i:\bOf) (an?|the|this|that|these|those|another|each|what)\b`, cure: "a bullet for each case: In X: …"},
	{name: "P8", pattern: `\b(there )?(is|are|was|were) none\b`, cure: "there is no X, is not set", except: `^there `},
	{name: "P8", pattern: `\b(there )?(is|was) no [a-z]+`, cure: "is not a X, or: there is no X", except: `^there |\bno (longer|more)$`},
	{name: "P8", pattern: `\b(knows?|makes|takes|gives|sees|names|needs|asks|comes|goes) not\b`, cure: "does not …"},
	{name: "P9", pattern: `\b(held|holds?|holding) back\b`, cure: "withheld, withholds, delays"},
	{name: "P9", pattern: `\b(news|wish|wishes|wished|stirs?|at hand|vantage)\b`, cure: "the term of docs/STYLE.md's glossary: a change, a setting, …"},
	{name: "P10", pattern: `;[^.;\n]*;[^.;\n]*`, cure: "three sentences: what is wrong, what happens, what to do", goOnly: true},
	{name: "dialect", pattern: `\bbesides\b`, cure: "also, in addition to, as well as"},
	{name: "dialect", pattern: `\bbut for\b`, cure: "except"},
	{name: "dialect", pattern: `\b(for want of|without end|for ever|as ever)\b`, cure: "without, indefinitely, forever, as before"},
	{name: "dialect", pattern: `\bgrpc (does|do) what it says\b`, cure: "all fields are supported by gRPC clients"},
}

// british maps UK spellings to the US spellings that Kubernetes, Envoy and gRPC write. A key that ends with a hyphen
// is the stem of all words that begin with it. "cancelled" is not in the list: it is the name of a gRPC status in
// xDS, which authors write.
var british = map[string]string{
	"amongst": "among", "analyse-": "analyze", "armour-": "armor", "artefact-": "artifact", "authoris-": "authoriz", "behaviour-": "behavior",
	"cancelling": "canceling", "capitalis-": "capitaliz", "categoris-": "categoriz", "centre-": "center",
	"colour-": "color", "customis-": "customiz", "defence-": "defense", "dialled": "dialed", "dialling": "dialing", "emphasis(e|ed|ing)": "emphasize",
	"favour-": "favor", "finalis-": "finaliz", "flavour-": "flavor", "fulfil": "fulfill", "generalis-": "generaliz", "grey-": "gray", "harbour-": "harbor",
	"honour-": "honor", "initialis-": "initializ", "judgement-": "judgment", "labelled": "labeled", "labelling": "labeling", "learnt": "learned",
	"levelled": "leveled", "licence-": "license", "marshalled": "marshaled", "marshalling": "marshaling", "materialis-": "materializ",
	"minimis-": "minimiz", "misspelt": "misspelled", "modelled": "modeled", "modelling": "modeling", "neighbour-": "neighbor", "normalis-": "normaliz",
	"offence-": "offense", "optimis(e|ed|ing|ation)": "optimize", "organis(e|ed|ing|ation)": "organize", "prioritis-": "prioritiz", "programme": "program",
	"randomis-": "randomiz", "realis(e|ed|ing|ation)": "realize", "recognis-": "recogniz", "rumour-": "rumor", "serialis-": "serializ",
	"signalled": "signaled", "signalling": "signaling", "spelt": "spelled", "standardis-": "standardiz", "summaris-": "summariz",
	"synchronis-": "synchroniz", "travelled": "traveled", "travelling": "traveling", "unmarshalled": "unmarshaled", "utilis-": "utiliz",
	"vapour-": "vapor", "whilst": "while",
}

// rule is one pattern that must not appear in a text.
type rule struct {
	name, cure string
	is, except *regexp.Regexp
	goOnly     bool
}

var rules = compile()

func compile() []rule {
	var all []rule
	for _, d := range dialect {
		r := rule{name: d.name, cure: d.cure, goOnly: d.goOnly, is: spaced(d.pattern)}
		if d.except != "" {
			r.except = spaced(d.except)
		}
		all = append(all, r)
	}
	for uk, us := range british {
		pattern := `\b` + uk + `\b`
		if stem, ok := strings.CutSuffix(uk, "-"); ok {
			pattern = `\b` + stem + `\w*`
		}
		all = append(all, rule{name: "US spelling", cure: us, is: spaced(pattern)})
	}
	return all
}

// spaced compiles a pattern whose spaces match any white space, in upper and lower case.
func spaced(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.ReplaceAll(pattern, " ", `\s+`))
}

// breach is one place in a text that breaks a rule.
type breach struct {
	offset int
	text   string
}

func breaches(text string, inGo bool) []breach {
	var found []breach
	for _, r := range rules {
		if r.goOnly && !inGo {
			continue
		}
		for _, at := range r.is.FindAllStringIndex(text, -1) {
			match := text[at[0]:at[1]]
			if r.except != nil && r.except.MatchString(match) {
				continue
			}
			found = append(found, breach{at[0], fmt.Sprintf("%s: %q in %q; write: %s", r.name, words(match), around(text, at), r.cure)})
		}
	}
	slices.SortStableFunc(found, func(a, b breach) int { return a.offset - b.offset })
	return found
}

// around returns a match with what is next to it.
func around(text string, at []int) string {
	const margin = 40
	return words(strings.ToValidUTF8(text[max(0, at[0]-margin):min(len(text), at[1]+margin)], ""))
}

// at formats a breach with the file and line that it is in.
func at(path, text string, b breach) string {
	return fmt.Sprintf("%s:%d: %s", path, 1+strings.Count(text[:b.offset], "\n"), b.text)
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestLanguage checks the prose of all Markdown, and the texts of the programs, with the rules of docs/STYLE.md.
func TestLanguage(t *testing.T) {
	docs := documents(t)
	for _, path := range slices.Sorted(maps.Keys(docs)) {
		prose := proseOf(docs[path])
		for _, b := range breaches(prose, false) {
			t.Error(at(path, prose, b))
		}
	}
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, "test/") {
			continue
		}
		quoted := quotedLines(s)
		for _, l := range literals(s.file) {
			line := s.fset.Position(l.pos).Line
			if quoted[line] {
				continue
			}
			for _, b := range breaches(l.text, true) {
				t.Errorf("%s:%d: %s", s.path, line+strings.Count(l.text[:b.offset], "\n"), b.text)
			}
		}
	}
}

// TestLanguageFinds shows that each rule finds its pattern, also across lines, and that the rules accept plain English.
func TestLanguageFinds(t *testing.T) {
	for name, text := range map[string]string{
		"P1":          "Whoever reads it. It is sent to who asks for it.",
		"P2":          "The setting holds\nfor all ports. A name that stands for nothing. It says nothing of retries and speaks of hosts.",
		"P3":          "It is dropped, for clients refuse it.",
		"P4":          "The weight is that of the pod. It has a file of its own.",
		"P5":          "It is sent to nobody.",
		"P6":          "Of a destination: its calls fail.",
		"P8":          "It is no host. The list is none. It says not how.",
		"P9":          "The resource is held back.",
		"dialect":     "All but for the first, and besides.",
		"US spelling": "The behaviour is the same.",
	} {
		found := breaches(text, false)
		if len(found) == 0 || !strings.HasPrefix(found[0].text, name+": ") {
			t.Errorf("%s is not found in %q: %v", name, text, found)
		}
	}
	const message = "no delay; not delayed; set one"
	if len(breaches(message, true)) != 1 || len(breaches(message, false)) != 0 {
		t.Errorf("P10 must be found in %q, and only in Go", message)
	}
	for _, fine := range []string{
		"There is no webhook.", "It is no longer served.", "If there are none, it fails.", "All of them, for example the first.",
		"A 404 for a whole kind.", "It applies to all ports, and waits for clients.", "A label. Of 20 endpoints, 5 are used.",
	} {
		if found := breaches(fine, true); len(found) > 0 {
			t.Errorf("%q is plain English, but: %v", fine, found)
		}
	}
}

// TestProse shows which parts of a document are prose, and which texts of a Go file are.
func TestProse(t *testing.T) {
	const document = "A `whoever` and\n\n```text\nnobody\n```\n\n    nobody\n\n- [text](nobody.md) somebody\n"
	prose := proseOf(document)
	found := breaches(prose, false)
	if len(found) != 1 || !strings.HasPrefix(prose[found[0].offset:], "somebody") || len(prose) != len(document) {
		t.Errorf("somebody must be the only breach: %v in %q", found, prose)
	}
	const program = "package p\n\nvar a = \"one \" + (\"text\" +\n\t\" of three\")\nvar b = \"word\"\nvar c = f(\"a b\", x+\"c d\")\nvar d = \"a quote\" // quoted: gRPC\n"
	s := source{fset: token.NewFileSet()}
	var err error
	if s.file, err = parser.ParseFile(s.fset, "p.go", program, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range literals(s.file) {
		if !quotedLines(s)[s.fset.Position(l.pos).Line] {
			got = append(got, l.text)
		}
	}
	if want := []string{"one text of three", "a b", "c d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// notProse matches code in Markdown, the targets of links, comments and addresses.
var notProse = regexp.MustCompile("(?ms)^ *```.*?^ *```$|``.+?``|`[^`]*`|\\]\\([^)]*\\)|<!--.*?-->|https?://[^ )|]+")

// proseOf returns a document in which everything except prose is replaced by underscores. Lines keep their numbers.
func proseOf(text string) string {
	lines := strings.Split(notProse.ReplaceAllStringFunc(text, blank), "\n")
	code := true // whether an indented line is code: it follows an empty line, or code
	for i, line := range lines {
		switch {
		case strings.TrimSpace(line) == "":
			code = true
		case code && strings.HasPrefix(line, "    "):
			lines[i] = blank(line)
		default:
			code = false
		}
	}
	return strings.Join(lines, "\n")
}

// blank replaces each byte of a text, except line ends, so that offsets and line numbers stay the same.
func blank(text string) string {
	blanked := bytes.Repeat([]byte("_"), len(text))
	for i := range text {
		if text[i] == '\n' {
			blanked[i] = '\n'
		}
	}
	return string(blanked)
}

// literal is one text of a Go file.
type literal struct {
	pos  token.Pos
	text string
}

// literals returns the texts of a file that contain a space. Texts that are added up are one text.
func literals(file *ast.File) []literal {
	var all []literal
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := textOf(e)
		if ok && strings.Contains(text, " ") {
			all = append(all, literal{e.Pos(), text})
		}
		return !ok
	})
	return all
}

// textOf returns the text of a literal, or of a sum of literals.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := textOf(e.X)
		y, okY := textOf(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	case *ast.ParenExpr:
		return textOf(e.X)
	default:
		return "", false
	}
}

// quotedLines returns the lines that end with a comment "quoted: …".
func quotedLines(s source) map[int]bool {
	lines := map[int]bool{}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "// quoted: ") {
				lines[s.fset.Position(c.Pos()).Line] = true
			}
		}
	}
	return lines
}
