package fields

import (
	"fmt"
	"os"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// runs are what was run last.
func runs(t *testing.T) []Run {
	t.Helper()
	data, err := os.ReadFile("../../../test/interop/history.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadRuns(data)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d versions were run (%v)", len(all), err)
	}
	return all
}

// decided are the features that decide what clients are sent, or told, by what they are called where they are run.
var decided = map[string]mesh.Features{
	"A29": mesh.FeatureTLS, "A32": mesh.FeatureCircuitBreaking, "A33": mesh.FeatureFaultInjection, "A42": mesh.FeatureRingHash, "A48": mesh.FeatureLeastRequest,
	"A50": mesh.FeatureOutlierDetection, "A58": mesh.FeatureWeightedRoundRobin, "A62": mesh.FeaturePickFirst, "A63": mesh.FeatureStringMatch,
	"partial virtual hosts": mesh.FeaturePartialVirtualHost, "content-type": mesh.FeatureContentType,
}

// otherwise are the cells in which what people read is not what decides, and why.
var otherwise = map[string]string{
	"A32 Java": "it counts only where load is reported, which the table says in words",
}

// TestProposalsAgreeWithFeatures holds the versions that people read against those that decide what clients are sent.
func TestProposalsAgreeWithFeatures(t *testing.T) {
	found := map[string]bool{}
	for _, f := range proposals {
		feature, ok := decided[f.run]
		if !ok || f.grfc == "A39" {
			continue
		}
		found[f.run] = true
		for i, l := range languages {
			if otherwise[f.run+" "+l.Language()] != "" {
				continue
			}
			var stated mesh.Release
			if n, _ := fmt.Sscanf(f.since[i], "%d.%d", &stated.Major, &stated.Minor); n != 2 {
				stated = mesh.Release{} // never
			}
			first := firstWithout(feature, l)
			// What no version lacks is not in the table of features.
			if first != stated && first != (mesh.Release{Major: 0, Minor: 1}) {
				t.Errorf("%s in %s: the table says %q, and clients are taken to have it from %q", f.run, l.Language(), stated, first)
			}
		}
	}
	for run := range decided {
		if !found[run] {
			t.Errorf("%s is in no row", run)
		}
	}
}

// TestRunsAgreeWithFeatures has no version taken to have a feature that it was not seen to have, nor the other way round.
func TestRunsAgreeWithFeatures(t *testing.T) {
	for _, r := range runs(t) {
		for name, has := range r.Features {
			kind := mesh.ClientKindOf(r.Agent)
			feature, ok := decided[name]
			if !ok {
				continue
			}
			if taken := !mesh.FeaturesMissingIn(kind, r.release().String()+".0").Has(feature); taken != has {
				t.Errorf("%s in %s: it was seen to have it: %t; it is taken to have it: %t", name, r.Agent, has, taken)
			}
		}
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
