package mesh

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryGapHasItsRow counts the constants in gap.go. As the rows are of one bit each, in order, no two constants have the same bit.
func TestEveryGapHasItsRow(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "gap.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Gap") {
			declared = append(declared, spec.Names[0].Name)
		}
		return true
	})
	if len(declared) != len(gapTable) {
		t.Errorf("gapTable has %d rows, want one for each of %v", len(gapTable), declared)
	}
}

// TestGapTableIsInOrder is what Gaps.row relies on.
func TestGapTableIsInOrder(t *testing.T) {
	for i, row := range gapTable {
		if row.gap != 1<<i {
			t.Errorf("row %d is of the gap %b", i, row.gap)
		}
		if (row.instead == "") != (row.gap < GapLeastRequest) {
			t.Errorf("row %d: want it said what becomes of calls, unless what is sent changes", i)
		}
		if row.grfc == "" || row.lacking == (spans{}) {
			t.Errorf("row %d is incomplete", i)
		}
	}
}

func TestGapsOf(t *testing.T) {
	const unknown = GapStringMatch | GapRingSize | GapUnmatchedHost | GapTLS | GapSystemRoots
	tests := map[string]struct {
		agent       Agent
		version     string
		has, hasNot Gaps
	}{
		"current go":        {AgentGRPCGo, "1.85.0", GapContentType | GapSystemRoots, ^(GapContentType | GapSystemRoots)},
		"go to come":        {AgentGRPCGo, "1.90.0-dev", GapContentType, GapTLS | FormGaps},
		"go before headers": {AgentGRPCGo, "1.55.1", GapStringMatch | GapRingList | GapPickFirst, GapOutlier | GapRing | GapRingSize},
		"go with headers":   {AgentGRPCGo, "1.56.0", GapLeastRequest, FormGaps | GapPickFirst},
		"go of 2024":        {AgentGRPCGo, "1.64.0", GapLeastRequest, FormGaps},
		"go before rings":   {AgentGRPCGo, "1.40.0", GapRing | GapStringMatch, GapRingList},
		"go of no version":  {AgentGRPCGo, "", GapStringMatch | GapOutlier, GapRingList | GapRingSize | GapPriority},
		"current java":      {AgentGRPCJava, "1.85.1", GapLimit, FormGaps | GapLeastRequest | GapTLS | GapSystemRoots},
		"old java":          {AgentGRPCJava, "1.46.0", GapStringMatch | GapRingList | GapOutlier | GapSystemRoots, GapRing | GapTLS},
		"current python":    {AgentGRPCCore, "C-core 58.0.0 Python 1.85.1", GapLeastRequest | GapRoutelessHost | GapSystemRoots, FormGaps | GapLimit | GapTLS | GapUnmatchedHost},
		"python of debian":  {AgentGRPCCore, "C-core 29.0.0 Python 1.51.1", GapStringMatch | GapEmptyHost | GapRing | GapReportedWeights, GapOutlier | GapRingList},
		"c++ of debian":     {AgentGRPCCore, "C-core 29.0.0", GapStringMatch | GapEmptyHost, GapOutlier | GapRingList},
		"current node":      {AgentGRPCNode, "1.14.1", GapRingSize | GapLeastRequest | GapPickFirst | GapUnmatchedHost, GapTLS | GapStringMatch | GapRingList | GapRing},
		"old node":          {AgentGRPCNode, "1.8.0", GapStringMatch | GapRing | GapTLS, GapRingList},
		"rust":              {AgentGRPCRust, "0.1.0", GapPriority | GapLeastRequestList | GapLimit | GapFault, GapStringMatch | GapLeastRequest},
		"unknown":           {AgentUnknown, "1.85.0", unknown, ^unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := GapsOf(test.agent, test.version)
			if !got.Has(test.has) || got&test.hasNot != 0 {
				t.Errorf("got %b, want all of %b and nothing of %b", got, test.has, test.hasNot)
			}
		})
	}
}

func TestLackedBy(t *testing.T) {
	for gap, want := range map[Gaps]AgentSet{
		GapLeastRequest: Agents(AgentGRPCCore, AgentGRPCNode),
		GapLimit:        Agents(AgentGRPCJava, AgentGRPCRust),
		GapOutlier:      Agents(AgentGRPCRust),
		GapPickFirst:    Agents(AgentGRPCNode, AgentGRPCRust),
		GapRingSize:     Agents(AgentGRPCNode, AgentGRPCRust),
		GapContentType:  Agents(AgentGRPCGo),
		GapStringMatch:  0,
	} {
		if got := LackedBy(gap); got != want {
			t.Errorf("%b: got %s, want %s", gap, got, want)
		}
	}
}

func TestReleaseOf(t *testing.T) {
	for version, want := range map[string]string{
		"1.85.0": "1.85", "1.86.0-dev": "1.86", "1.85.0-SNAPSHOT": "1.85", "1.85": "1.85", "0.1.0-alpha.3": "0.1",
		"C-core 58.0.0 Python 1.85.1": "1.85", "C-core 29.0.0 Python 1.51.1": "1.51", "C-core 29.0.0 C++ 1.51.1": "1.51",
		"C-core 29.0.0": "1.51", "C-core 33.0.0": "1.55", "C-core 28.0.0": "", "C-core": "", "C-core next": "",
		"": "", "master": "", "1": "", "1.x": "", "-1.5": "", "1.99999999999": "", "999.1": "",
	} {
		if got := ReleaseOf(version).String(); got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}

// TestGapSets finds the same by trying every version.
func TestGapSets(t *testing.T) {
	got, want := map[Agent]map[Gaps]bool{}, map[Agent]map[Gaps]bool{}
	for agent := range AgentEnvoy + 1 {
		got[agent], want[agent] = map[Gaps]bool{}, map[Gaps]bool{GapsOf(agent, ""): true}
		for minor := range 200 {
			want[agent][GapsOf(agent, fmt.Sprintf("1.%d.0", minor))] = true
		}
	}
	for agent, gaps := range GapSets() {
		got[agent][gaps] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
