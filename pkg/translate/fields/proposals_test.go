package fields

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestProposalsAgreeWithFeatures compares the versions in docs/FIELDS.md with the versions in mesh's table of
// features, which decides the resources of clients.
func TestProposalsAgreeWithFeatures(t *testing.T) {
	features := map[string]mesh.Features{
		"A29": mesh.FeatureTLS, "A32": mesh.FeatureCircuitBreaking, "A33": mesh.FeatureFaultInjection, "A42": mesh.FeatureRingHash,
		"A48": mesh.FeatureLeastRequest, "A50": mesh.FeatureOutlierDetection, "A63": mesh.FeatureStringMatch,
	}
	exceptions := map[string]string{
		"A32 Java":   "it counts calls only with load reporting, which the table states in words",
		"A42 C-core": "it supports ring hash since 1.40, but 1.51 crashes with it",
	}
	for _, p := range proposals {
		feature, ok := features[p.grfc]
		if !ok {
			continue
		}
		delete(features, p.grfc)
		for i, l := range languages {
			if exceptions[p.grfc+" "+l.Language()] != "" {
				continue
			}
			var stated mesh.Release
			if n, _ := fmt.Sscanf(p.since[i], "%d.%d", &stated.Major, &stated.Minor); n != 2 {
				stated = mesh.Release{} // never
			}
			if got := firstWith(feature, l); got != stated {
				t.Errorf("%s in %s: the page has version %q, the table of features %q", p.grfc, l.Language(), stated, got)
			}
		}
	}
	for grfc := range features {
		t.Errorf("no row has %s", grfc)
	}
}

// firstWith returns the first release that has the feature, or the zero Release.
func firstWith(feature mesh.Features, kind mesh.ClientKind) mesh.Release {
	for major := range uint16(2) {
		for minor := uint16(1); minor < 200; minor++ {
			r := mesh.Release{Major: major, Minor: minor}
			if !mesh.FeaturesMissingIn(kind, r.String()+".0").Has(feature) {
				return r
			}
		}
	}
	return mesh.Release{}
}
