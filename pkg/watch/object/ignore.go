package object

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ParseSilenced reads the value of mesh.AnnotationIgnore, such as "NoSuchHost=in another cluster; Ignored=no Node here".
// It returns the codes, sorted, and what is wrong with the other entries.
func ParseSilenced(text string) (codes []mesh.Code, mistakes []string) {
	var known []string
	for _, doc := range mesh.Codes() {
		known = append(known, string(doc.Code))
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";") {
		name, reason, _ := strings.Cut(entry, "=")
		name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
		switch {
		case name == "":
			mistakes = append(mistakes, "An entry has no code. It is ignored. Write CODE=REASON; CODE=REASON")
		case !slices.Contains(known, name):
			wayOut := "docs/PROBLEMS.md lists the codes."
			if meant := mesh.Nearest(name, known); meant != "" {
				wayOut = fmt.Sprintf("Did you mean %q?", meant)
			}
			mistakes = append(mistakes, fmt.Sprintf("There is no code %q. The entry is ignored. %s", name, wayOut))
		case reason == "":
			mistakes = append(mistakes, fmt.Sprintf("%s has no reason. The entry is ignored. Write %s=REASON", name, name))
		default:
			codes = append(codes, mesh.Code(name))
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes), mistakes
}
