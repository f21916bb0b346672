package schema

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	apiyaml "sigs.k8s.io/yaml"
)

// TestRandomDocumentsAreReadAsTheAPIDoes compares the reading of documents with the parser of kubectl and API servers:
// mappings and lists with anchors, aliases, merge keys, tags, comments, directives and every line break.
func TestRandomDocumentsAreReadAsTheAPIDoes(t *testing.T) {
	g := documentGenerator{rand.New(rand.NewPCG(1, 2)), 0}
	compared := 0
	for range 10_000 {
		g.anchors = 0
		if compareDocument(t, g.document()) {
			compared++
		}
	}
	if compared < 1_500 {
		t.Errorf("only %d documents are YAML; the test proves too little", compared)
	}
}

// TestMergeKeys: kubectl and API servers set the fields of a merge key where it is.
func TestMergeKeys(t *testing.T) {
	for document, want := range map[string]string{
		"{<<: {a: 1}, a: 2}":                  "map[a:2]",
		"{a: 2, <<: {a: 1}}":                  "map[a:1] a",
		"{a: 1, <<: {a: 1}}":                  "map[a:1]",
		"{<<: {a: 1}, <<: {a: 2}}":            "map[a:2]",
		"{<<: [{a: 1}, {a: 2, b: 3}], c: 4}":  "map[a:1 b:3 c:4]",
		"{b: 0, <<: [{a: 1}, {a: 2, b: 3}]}":  "map[a:1 b:3] b",
		"{a: 1, <<: {a: 2}, a: 3}":            "map[a:3] a",
		"{'<<': {a: 1}}":                      "map[<<:map[a:1]]",
		"{!!merge x: {a: 1}}":                 "map[x:map[a:1]]",
		"{m: &m {a: 1}, o: {a: 2, <<: *m}}":   "map[m:map[a:1] o:map[a:1]] o.a",
		"{m: &m {a: 1}, o: {<<: *m, <<: *m}}": "map[m:map[a:1] o:map[a:1]]",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(document), &n); err != nil {
			t.Fatal(err)
		}
		got := ""
		r := Reader{Replaced: func(_ *yaml.Node, path, name string) { got += " " + Join(path, name) }}
		got = fmt.Sprint(r.Read(n.Content[0], nil)) + got
		if got != want || len(r.Violations) > 0 {
			t.Errorf("%s: got %s and %v, want %s", document, got, r.Violations, want)
		}
		compareDocument(t, document)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add("a: &x {b: 1, c: [on, 010]}\nd:\n  <<: *x\n  b: 2\n")
	f.Add("a: {b: 1, !own [0]}")
	f.Add("%YAML 1.1\n---\n? !!str 1\n: |\n  a\n  b\n")
	f.Fuzz(func(t *testing.T, document string) {
		if len(document) < 1<<12 {
			compareDocument(t, document)
		}
	})
}

// compareDocument reads a document in both ways. It returns false if the document is not YAML for one of them.
func compareDocument(t *testing.T, document string) bool {
	t.Helper()
	var n yaml.Node
	encoded, err := apiyaml.YAMLToJSON([]byte(document))
	if bareTag.MatchString(document) || yaml.Unmarshal([]byte(document), &n) != nil || len(n.Content) != 1 {
		return false
	}
	var reader Reader
	got := reader.Read(n.Content[0], nil)
	if err != nil {
		if len(reader.Violations) == 0 {
			t.Errorf("%q: got %#v, but the parser of the API rejects it: %v", document, got, err)
		}
		return false
	}
	if len(reader.Violations) > 0 {
		// The parser of the API takes the last one, but API servers reject it.
		twice := slices.ContainsFunc(reader.Violations, func(v *Error) bool { return strings.Contains(v.Message, "set twice") })
		if why := reader.Violations[0].Message; !twice {
			t.Errorf("%q: got %q, but the parser of the API reads %s", document, why, encoded)
		}
		return false
	}
	var want any
	if err := decodeJSON(encoded, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-API +got):\n%s", document, diff)
	}
	return true
}

type documentGenerator struct {
	*rand.Rand
	anchors int
}

func (g *documentGenerator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *documentGenerator) document() string {
	lineBreak := g.one("\n", "\n", "\r\n", "\r")
	text := g.one("", "", "\ufeff", "---\n", "%YAML 1.1\n---\n", "# comment\n", "%TAG ! tag:x,2000:\n---\n")
	for i := range 1 + g.IntN(4) {
		switch g.IntN(4) {
		case 0:
			text += fmt.Sprintf("k%d:%s\n  - %s\n  - %s\n", i, g.one("", " # c", "  "), g.flow(1), g.flow(1))
		case 1:
			text += fmt.Sprintf("k%d: %s\n  a\n\n   b #c\n  c\n", i, g.one("|", ">", "|-", ">-", "|+", ">2", "|1"))
		default:
			text += fmt.Sprintf("%s: %s%s\n", g.key(i), g.flow(0), g.one("", " # c", " ", "\t"))
		}
	}
	return strings.ReplaceAll(text, "\n", lineBreak)
}

// key is a name that no other entry has, or a merge key.
func (g *documentGenerator) key(i int) string {
	return g.one(fmt.Sprintf("k%d", i), fmt.Sprintf("'k%d'", i), fmt.Sprintf("? k%d\n", i), "<<", fmt.Sprint(i), fmt.Sprintf("!!str k%d", i))
}

func (g *documentGenerator) flow(depth int) string {
	properties := ""
	if g.IntN(4) == 0 {
		g.anchors++
		properties = fmt.Sprintf("&x%d ", g.anchors)
	}
	if g.IntN(8) == 0 {
		properties += g.one("!!str ", "!!int ", "!!map ", "!!seq ", "!own ", "!!binary ", "!!timestamp ")
	}
	scalar := g.one(scalarTexts...)
	if infinite := strings.ToLower(scalar); strings.HasSuffix(infinite, ".inf") || infinite == ".nan" {
		scalar = "text" // no value of JSON: always a mistake, also where something replaces it
	}
	if depth > 3 {
		return properties + scalar
	}
	switch g.IntN(6) {
	case 0, 1:
		text := properties + "{a: " + g.flow(depth+1)
		for _, key := range []string{g.one("<<", "b", "on", "'<<'", "1"), g.one("a", "c", "c", "<<")} {
			value := g.flow(depth + 1)
			if key == "<<" {
				value = g.one("{a: 1, b: 2}", "[{a: 1}, {a: 2, c: 3}]", "*x1", "[*x1, {d: 4}]", value)
			}
			text += ", " + key + ": " + value
		}
		return text + "}"
	case 2:
		return properties + "[" + g.flow(depth+1) + ", " + g.flow(depth+1) + g.one("", ",") + "]"
	case 3:
		if g.anchors > 0 {
			return fmt.Sprintf("*x%d", 1+g.IntN(g.anchors))
		}
	}
	return properties + g.one(scalar, scalar, "'"+scalar+"'", `"`+scalar+`"`)
}
