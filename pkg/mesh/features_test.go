package mesh

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryFeatureHasItsRow counts the constants in features.go. TestFeatureTableIsInOrder checks that row i has
// bit i. Both together prove that no two constants have the same bit.
func TestEveryFeatureHasItsRow(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "features.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Feature") {
			declared = append(declared, spec.Names[0].Name)
		}
		return true
	})
	if len(declared) != len(featureTable) {
		t.Errorf("featureTable has %d rows, want one for each of %v", len(featureTable), declared)
	}
}

// TestFeatureTableIsInOrder checks the order that Features.row relies on.
func TestFeatureTableIsInOrder(t *testing.T) {
	for i, row := range featureTable {
		if row.feature != 1<<i {
			t.Errorf("row %d is for the feature %b", i, row.feature)
		}
		if (row.fallback == "") != (row.feature < FeatureLeastRequest && row.feature != FeatureWeightedClusters) {
			t.Errorf("row %d: want a fallback if and only if a Problem reports the missing feature", i)
		}
		if row.grfc == "" || row.missing == (releaseRanges{}) {
			t.Errorf("row %d is incomplete", i)
		}
	}
}

func TestFeaturesMissingIn(t *testing.T) {
	const unknown = FeatureRingSize | FeatureUnmatchedVirtualHost | FeatureTLS | FeatureSystemRoots
	tests := map[string]struct {
		kind        ClientKind
		version     string
		has, hasNot Features
	}{
		"current go":        {GRPCGo, "1.85.0", FeatureContentType | FeatureSystemRoots | FeatureSNI, ^(FeatureContentType | FeatureSystemRoots | FeatureSNI)},
		"go to come":        {GRPCGo, "1.90.0-dev", FeatureContentType, FeatureTLS | EncodingFeatures},
		"go before headers": {GRPCGo, "1.55.1", FeatureStringMatch | FeatureRingHashPolicy | FeaturePickFirst, FeatureOutlierDetection | FeatureRingHash | FeatureRingSize},
		"go with headers":   {GRPCGo, "1.56.0", FeatureLeastRequest, EncodingFeatures | FeaturePickFirst},
		"go of 2024":        {GRPCGo, "1.64.0", FeatureLeastRequest, EncodingFeatures},
		"go before rings":   {GRPCGo, "1.40.0", FeatureRingHash | FeatureStringMatch, FeatureRingHashPolicy},
		"go of no version":  {GRPCGo, "", FeatureStringMatch | FeatureOutlierDetection, FeatureRingHashPolicy | FeatureRingSize | FeaturePriority},
		"current java":      {GRPCJava, "1.85.1", FeatureUnreportedLimits, EncodingFeatures&^FeatureUnreportedLimits | FeatureCircuitBreaking | FeatureLeastRequest | FeatureTLS | FeatureSystemRoots},
		"old java":          {GRPCJava, "1.46.0", FeatureStringMatch | FeatureRingHashPolicy | FeatureOutlierDetection | FeatureSystemRoots, FeatureRingHash | FeatureTLS},
		"current python":    {GRPCCore, "C-core 58.0.0 Python 1.85.1", FeatureLeastRequest | FeatureRoutelessVirtualHost, EncodingFeatures | FeatureCircuitBreaking | FeatureTLS | FeatureUnmatchedVirtualHost | FeatureSystemRoots | FeatureSNI},
		"python of debian":  {GRPCCore, "C-core 29.0.0 Python 1.51.1", FeatureStringMatch | FeaturePartialVirtualHost | FeatureRingHash | FeatureWeightedRoundRobin, FeatureOutlierDetection | FeatureRingHashPolicy},
		"c++ of debian":     {GRPCCore, "C-core 29.0.0", FeatureStringMatch | FeaturePartialVirtualHost, FeatureOutlierDetection | FeatureRingHashPolicy},
		"current node":      {GRPCNode, "1.14.1", FeatureRingSize | FeatureLeastRequest | FeaturePickFirst | FeatureUnmatchedVirtualHost, FeatureTLS | FeatureStringMatch | FeatureRingHashPolicy | FeatureRingHash},
		"node that ends":    {GRPCNode, "1.13.0", FeatureTLS | FeatureWeightSum, FeatureInlineRoutes | EncodingFeatures&^FeatureRingSize},
		"old node":          {GRPCNode, "1.8.0", FeatureStringMatch | FeatureRingHash | FeatureTLS | FeatureInlineRoutes, FeatureRingHashPolicy},
		"rust":              {GRPCRust, "0.1.0", FeaturePriority | FeatureLeastRequestPolicy | FeatureCircuitBreaking | FeatureFaultInjection, FeatureStringMatch | FeatureLeastRequest},
		"frameworks in go":  {GoClient, "0.1.0", FeatureTLS | FeatureSystemRoots | FeatureWeightedRoundRobin | FeatureContentType | FeatureSNI, EncodingFeatures | FeatureRingHash | FeatureOutlierDetection | FeatureCircuitBreaking | FeatureLeastRequest | FeaturePickFirst | FeatureFaultInjection | FeatureInlineRoutes | FeatureWeightSum},
		"http in go":        {GoHTTPClient, "0.1.0", FeatureTLS | FeatureSystemRoots, EncodingFeatures | FeatureRingHash | FeatureOutlierDetection | FeatureCircuitBreaking | FeatureLeastRequest | FeatureFaultInjection},
		"frameworks in java": {
			JavaClient, "0.1.0", FeatureRingHashPolicy | FeatureLeastRequestPolicy | FeatureTLS | FeatureSystemRoots | FeaturePickFirst | FeatureOutlierDetection | FeatureWeightedRoundRobin | FeatureContentType,
			FeatureStringMatch | FeatureRingSize | FeatureRingHash | FeatureCircuitBreaking | FeatureLeastRequest | FeatureFaultInjection | FeatureInlineRoutes | FeatureWeightSum,
		},
		"armeria": {Armeria, "1.35.0", FeatureWeightedClusters | FeatureRoutelessVirtualHost | FeatureTLS, FeatureStringMatch | FeaturePriority | FeatureEmptyAssignment},
		"unknown": {UnknownClient, "1.85.0", unknown, ^unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := FeaturesMissingIn(test.kind, test.version)
			if !got.Has(test.has) || got&test.hasNot != 0 {
				t.Errorf("got %b, want all of %b and none of %b", got, test.has, test.hasNot)
			}
		})
	}
}

// TestFeatureVariables: a variable enables a feature only in releases that lack it otherwise, and any other name none.
func TestFeatureVariables(t *testing.T) {
	names := map[string]Features{}
	for name, feature := range FeatureVariables() {
		names[name] = feature
		if FeatureOf(name) != feature || !slices.Equal(feature.Variables(), []string{name}) {
			t.Errorf("%s: got the feature %b and the variables %q", name, FeatureOf(name), feature.Variables())
		}
		for kind := range clientKindCount {
			for minor := range 200 {
				version := fmt.Sprintf("1.%d.0", minor)
				if missing := FeaturesMissingIn(kind, version); FeaturesByVariable(kind, version)&^missing != 0 {
					t.Errorf("%s %s has the features %b, with or without a variable", kind, version, FeaturesByVariable(kind, version)&^missing)
				}
			}
		}
	}
	want := map[string]Features{"GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS": FeatureSystemRoots, "GRPC_EXPERIMENTAL_XDS_SNI": FeatureSNI}
	if diff := cmp.Diff(want, names); diff != "" || FeatureOf("GRPC_EXPERIMENTAL_XDS_RBAC") != 0 {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestClientKindsWithout(t *testing.T) {
	for feature, want := range map[Features]ClientKinds{
		FeatureLeastRequest:     MakeClientKinds(GRPCCore, GRPCNode),
		FeatureCircuitBreaking:  MakeClientKinds(GRPCRust),
		FeatureUnreportedLimits: MakeClientKinds(GRPCJava),
		FeatureOutlierDetection: MakeClientKinds(GRPCRust),
		FeaturePickFirst:        MakeClientKinds(GRPCNode, GRPCRust),
		FeatureRingSize:         MakeClientKinds(GRPCNode, GRPCRust),
		FeatureContentType:      MakeClientKinds(GRPCGo),
		FeatureStringMatch:      0,
		FeatureSNI:              MakeClientKinds(GRPCGo, GRPCNode, GRPCRust),
		FeatureSystemRoots:      MakeClientKinds(GRPCGo, GRPCNode, GRPCRust),
	} {
		if got := ClientKindsWithout(feature); got != want {
			t.Errorf("%b: got %s, want %s", feature, got, want)
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

// TestMissingFeatureSets compares the sets with the sets of every version from 1.0 to 1.199.
func TestMissingFeatureSets(t *testing.T) {
	got, want := map[ClientKind]map[Features]bool{}, map[ClientKind]map[Features]bool{}
	for kind := range clientKindCount {
		got[kind], want[kind] = map[Features]bool{}, map[Features]bool{FeaturesMissingIn(kind, ""): true}
		for minor := range 200 {
			want[kind][FeaturesMissingIn(kind, fmt.Sprintf("1.%d.0", minor))] = true
		}
	}
	for kind, features := range MissingFeatureSets() {
		got[kind][features] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAnnotationsPage compares the page with the table: which clients, in which versions, ignore a balancing policy.
func TestAnnotationsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/ANNOTATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	for value, feature := range map[string]Features{
		"least_request": FeatureLeastRequest, "pick_first": FeaturePickFirst, "client_side_weighted_round_robin": FeatureWeightedRoundRobin,
	} {
		_, line, _ := strings.Cut(string(page), "\n| `"+value+"` |")
		line, _, _ = strings.Cut(line, "\n")
		for _, row := range featureTable {
			if row.feature != feature {
				continue
			}
			for kind, missing := range row.missing {
				want := ClientKind(kind).Language()
				if missing != (releaseRange{}) && missing != always {
					want = fmt.Sprintf("%s before %d.%d", want, missing.until.Major, missing.until.Minor)
				}
				if missing != (releaseRange{}) && want != "" && !strings.Contains(line, want) {
					t.Errorf("%s: got %q, want in it %q", value, line, want)
				}
			}
		}
	}
}
