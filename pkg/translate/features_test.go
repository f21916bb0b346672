package translate

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestFeaturesAgreeWithGaps holds the versions that people read against those that decide what clients are sent.
func TestFeaturesAgreeWithGaps(t *testing.T) {
	gaps := map[string]mesh.Gaps{
		"A29": mesh.GapTLS, "A32": mesh.GapLimit, "A33": mesh.GapFault, "A42": mesh.GapRing, "A48": mesh.GapLeastRequest, "A50": mesh.GapOutlier, "A63": mesh.GapStringMatch,
	}
	otherwise := map[string]string{
		"A32 Java":   "it counts only where load is reported, which the table says in words",
		"A42 C-core": "it has rings since 1.40, but 1.51 crashes on one",
	}
	for _, f := range features {
		gap, ok := gaps[f.grfc]
		if !ok {
			continue
		}
		delete(gaps, f.grfc)
		for i, l := range languages {
			if otherwise[f.grfc+" "+l.Language()] != "" {
				continue
			}
			var stated mesh.Release
			if n, _ := fmt.Sscanf(f.since[i], "%d.%d", &stated.Major, &stated.Minor); n != 2 {
				stated = mesh.Release{} // never
			}
			if got := firstWithout(gap, l); got != stated {
				t.Errorf("%s in %s: the table says %q, and clients are taken to have it from %q", f.grfc, l.Language(), stated, got)
			}
		}
	}
	for grfc := range gaps {
		t.Errorf("%s is in no row", grfc)
	}
}

// firstWithout is the first release without a gap; the zero one if there is none.
func firstWithout(gap mesh.Gaps, agent mesh.Agent) mesh.Release {
	for major := range uint16(2) {
		for minor := uint16(1); minor < 200; minor++ {
			r := mesh.Release{Major: major, Minor: minor}
			if !mesh.GapsOf(agent, r.String()+".0").Has(gap) {
				return r
			}
		}
	}
	return mesh.Release{}
}
