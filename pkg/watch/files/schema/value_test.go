package schema

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	apiyaml "sigs.k8s.io/yaml"
)

// scalarTexts are texts that YAML 1.1 and 1.2 read differently, or that are close to one.
var scalarTexts = []string{
	"y", "Y", "n", "N", "yes", "Yes", "YES", "yEs", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "true", "True", "TRUE", "tRUE", "false", "False", "FALSE",
	"~", "null", "Null", "NULL", "nULL", "", "<<", "=", "0", "-0", "+1", "010", "0o10", "0755", "08", "09", "0x1F", "0X1f", "0b11", "-0b11", "0b2", "1_000", "1__0", "_1", "1_",
	"1:30", "190:20:30", "1.0", "1.10", "1.", ".5", "-.5", "+.5", "1e3", "1E3", "1e+3", "1e", "0.1e400", "1e400", ".inf", "-.inf", "+.INF", ".nan", "NaN", "Infinity",
	"2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "12:30:45", "1.2.3", "10.0.0.1", "10.0.0.0/8", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809",
	"a", "text", "true story", "1 2", "0x", "0xg", "--", "+", ".", "..", "...", "1-2", "v1", "nope", "offline", "yesterday",
}

// TestScalarsAreReadAsTheAPIDoes compares the reading of scalars with the parser of kubectl and API servers, in each
// style, with each tag, as values, items and keys.
func TestScalarsAreReadAsTheAPIDoes(t *testing.T) {
	compared := 0
	for _, text := range scalarTexts {
		for _, style := range []string{text, `"` + text + `"`, "'" + text + "'", "|-\n  " + text, "!!str " + text, "!!str '" + text + "'", "!!bool " + text, "!!int '" + text + "'", "!!float " + text, "!!null " + text, "!own " + text} {
			for _, document := range []string{"a: " + style, "- " + style, "{a: [" + style + "]}", "? " + style + "\n: 1"} {
				if compareScalar(t, document) {
					compared++
				}
			}
		}
	}
	if compared < 1500 {
		t.Errorf("only %d documents are YAML; the test proves too little", compared)
	}
}

// TestRandomScalarsAreReadAsTheAPIDoes does the same with random texts of the letters that matter.
func TestRandomScalarsAreReadAsTheAPIDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const letters = "0011279+-._eExXobBynofstrueTFalYN~:"
	for range 5_000 {
		var text strings.Builder
		for range 1 + r.IntN(6) {
			text.WriteByte(letters[r.IntN(len(letters))])
		}
		compareScalar(t, "a: "+text.String())
		compareScalar(t, text.String()+": 1")
	}
}

func FuzzScalar(f *testing.F) {
	for _, text := range scalarTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { compareScalar(t, "a: "+text) })
}

// compareScalar reads a document in both ways. It returns false if the document is not YAML for both, is empty, or has
// something other than one mapping or list of scalars.
func compareScalar(t *testing.T, document string) bool {
	t.Helper()
	if bareTag.MatchString(document) || strings.Contains(document, "[-]") {
		return false // the two parsers differ in the tag "!", and in a lone dash
	}
	var n yaml.Node
	if yaml.Unmarshal([]byte(document), &n) != nil || len(n.Content) != 1 || !isSimple(n.Content[0], 0) {
		return false
	}
	var reader Reader
	got := reader.Read(n.Content[0], nil)
	encoded, err := apiyaml.YAMLToJSON([]byte(document))
	if err != nil {
		if len(reader.Violations) == 0 {
			t.Errorf("%q: got %#v, but the parser of the API rejects it: %v", document, got, err)
		}
		return true
	}
	var want any
	if err := decodeJSON(encoded, &want); err != nil {
		t.Fatal(err)
	}
	if len(reader.Violations) > 0 {
		t.Errorf("%q: got %q, but the parser of the API reads %s", document, reader.Violations[0].Message, encoded)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-API +got):\n%s", document, diff)
	}
	return true
}

var bareTag = regexp.MustCompile(`!(\W|$)`)

// isSimple reports whether a node has only scalars, lists and mappings, without anchors, merge keys and repeated keys.
func isSimple(n *yaml.Node, depth int) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || depth > 3 || n.Kind == yaml.MappingNode && len(n.Content) > 2 || n.ShortTag() == "!!merge" || n.ShortTag() == "!!binary" || n.ShortTag() == "!!timestamp" && n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	if depth == 0 && n.Kind == yaml.ScalarNode || n.Kind != yaml.ScalarNode && n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	for _, c := range n.Content {
		if !isSimple(c, depth+1) {
			return false
		}
	}
	return true
}
