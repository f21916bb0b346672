package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// needsService are codes whose Problems depend on the Service, or on what is behind it.
var needsService = []mesh.Code{
	mesh.CodeNoSuchHost, mesh.CodeNoSuchPort, mesh.CodeNoSuchSubset, mesh.CodeNoCertificate, mesh.CodeConflict, mesh.CodeAlias, mesh.CodeNoEndpoints, mesh.CodeEmptySubset,
}

// onlyBound are Problems that compare a rule with the ports of its Service, or with the settings of its destinations.
var onlyBound = []string{
	"Unreachable VirtualService demo/echo spec.tcp", "Approximated VirtualService demo/echo spec.http[1].route",
	"Approximated DestinationRule demo/stock spec.trafficPolicy.loadBalancer.consistentHash",
}

// TestRulesAreCheckedWithoutServices checks the rules of every golden with their Services and without them. Every
// Problem that does not depend on the Service is found either way.
func TestRulesAreCheckedWithoutServices(t *testing.T) {
	paths, err := filepath.Glob("../../pkg/translate/testdata/*/*.in.yaml")
	if err != nil || len(paths) < 50 {
		t.Fatalf("found %d goldens: %v", len(paths), err)
	}
	compared := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			if strings.Contains(document, "kind: VirtualService") || strings.Contains(document, "kind: DestinationRule") {
				rules = append(rules, document)
			}
		}
		with, without := problemsOf(t, string(text)), problemsOf(t, strings.Join(rules, "\n---\n"))
		for _, p := range with {
			compared++
			if !slices.Contains(without, p) && !slices.Contains(onlyBound, p) {
				t.Errorf("%s: without the Services %s is not found; found %q", path, p, without)
			}
		}
	}
	if compared < 100 {
		t.Errorf("compared only %d Problems; the test proves too little", compared)
	}
}

// problemsOf returns the code, object and field of the Problems of rules that do not depend on Services.
func problemsOf(t *testing.T, text string) []string {
	t.Helper()
	got := command(t.Context(), text, "check", "-f", "-", "-o", "json")
	var problems []mesh.Problem
	if err := json.Unmarshal([]byte(got.stdout), &problems); err != nil {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	var out []string
	for _, p := range problems {
		if (p.Object.Kind == "VirtualService" || p.Object.Kind == "DestinationRule") && !slices.Contains(needsService, p.Code) {
			out = append(out, string(p.Code)+" "+p.Object.String()+" "+p.Field)
		}
	}
	return out
}
