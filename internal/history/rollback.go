package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Rollback is how to get from one generation to another.
type Rollback struct {
	// From and To are the IDs of the generations.
	From, To string
	// Objects are the objects to apply, as YAML, in the order in which they must be applied.
	Objects []string
	// Notes are what else is to be done, one line each: commands, and where objects in files are.
	Notes []string
}

// Rollback returns how to get from From to To of a comparison of objects.
func (c *Comparison) Rollback() Rollback {
	out := Rollback{From: c.From, To: c.To}
	changes := slices.Clone(c.Changes)
	// What rules name is applied before them: the order of the kinds.
	mesh.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(kindRank(a.Object.Kind), kindRank(b.Object.Kind)) })
	for i := range changes {
		change := &changes[i]
		row := object.Kind(change.Object.Kind).Row()
		switch {
		case row != nil && row.OnlyMeshKeys:
			out.Notes = append(out.Notes, keyCommands(change)...)
		case change.After != "":
			out.Objects = append(out.Objects, change.After)
		case change.File != "":
			out.Notes = append(out.Notes, fmt.Sprintf("%s was created since: delete it from %s", change.Object, change.File))
		default:
			out.Notes = append(out.Notes, fmt.Sprintf("%s was created since: kubectl delete %s", change.Object, resourceArgument(change.Object)))
		}
	}
	return out
}

// YAML returns the objects as one text, with the notes as comments.
func (r Rollback) YAML() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# The objects of generation %s that differ in the current generation %s: %d.\n", r.To, r.From, len(r.Objects))
	for _, note := range r.Notes {
		out.WriteString("# " + strings.Map(printable, note) + "\n")
	}
	for _, o := range r.Objects {
		out.WriteString("---\n" + o)
	}
	return out.String()
}

// printable keeps a text on its line.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// kindRank is the place of a kind among all kinds. The row of a kind is behind those of the kinds that its objects name.
func kindRank(kind string) int {
	return slices.IndexFunc(object.Kinds, func(row *object.KindRow) bool { return string(row.Kind) == kind })
}

// resourceArgument names an object for kubectl, in a command for a shell.
func resourceArgument(ref *mesh.Ref) string {
	name := strings.ToLower(ref.Kind)
	if row := object.Kind(ref.Kind).Row(); row != nil {
		name = strings.TrimSuffix(row.Resource.Resource+"."+row.Resource.Group, ".")
	}
	name = quoted(name + "/" + ref.Name)
	if ref.Namespace != "" {
		name += " --namespace " + quoted(ref.Namespace)
	}
	return name
}

// keyCommands are the commands that set the labels and annotations of an object as they were.
func keyCommands(c *Change) []string {
	before, after := keysOf(c.Before), keysOf(c.After)
	var out []string
	for _, kind := range []string{"label", "annotate"} {
		var set []string
		for _, key := range slices.Sorted(maps.Keys(after[kind])) {
			if value := after[kind][key]; before[kind][key] != value {
				set = append(set, quoted(key+"="+value))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(before[kind])) {
			if _, stays := after[kind][key]; !stays {
				set = append(set, quoted(key+"-"))
			}
		}
		switch {
		case len(set) == 0:
		case c.File != "":
			out = append(out, fmt.Sprintf("%s had other keys: %s in %s: %s", c.Object, kind, c.File, strings.Join(set, " ")))
		default:
			out = append(out, fmt.Sprintf("kubectl %s --overwrite %s %s", kind, resourceArgument(c.Object), strings.Join(set, " ")))
		}
	}
	return out
}

// keysOf returns the labels and annotations of an object, by the commands of kubectl that set them.
func keysOf(text string) map[string]map[string]string {
	var o struct {
		Metadata struct {
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	_ = yaml.Unmarshal([]byte(text), &o) // It was made by this package.
	return map[string]map[string]string{"label": o.Metadata.Labels, "annotate": o.Metadata.Annotations}
}

// quoted quotes a word for a shell.
func quoted(word string) string {
	if !strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./=:,%@+", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
