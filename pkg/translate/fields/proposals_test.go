package fields

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestProposalsAgreeWithFeatures holds the versions that people read against those that decide what clients are sent.
func TestProposalsAgreeWithFeatures(t *testing.T) {
	gaps := map[string]mesh.Features{
		"A29": mesh.FeatureTLS, "A32": mesh.FeatureCircuitBreaking, "A33": mesh.FeatureFaultInjection, "A42": mesh.FeatureRingHash, "A48": mesh.FeatureLeastRequest, "A50": mesh.FeatureOutlierDetection, "A63": mesh.FeatureStringMatch,
	}
	otherwise := map[string]string{
		"A32 Java":   "it counts only where load is reported, which the table says in words",
		"A42 C-core": "it has rings since 1.40, but 1.51 crashes on one",
	}
	for _, f := range proposals {
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

// firstWithout is the first release without a missing feature; the zero one if there is none.
func firstWithout(gap mesh.Features, agent mesh.ClientKind) mesh.Release {
	for major := range uint16(2) {
		for minor := uint16(1); minor < 200; minor++ {
			r := mesh.Release{Major: major, Minor: minor}
			if !mesh.FeaturesMissingIn(agent, r.String()+".0").Has(gap) {
				return r
			}
		}
	}
	return mesh.Release{}
}
