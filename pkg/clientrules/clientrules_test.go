package clientrules_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// test is a resource and the initials of the client kinds that reject it: Go, Java, C-core, Node, Rust.
type test struct {
	message proto.Message
	by      string
}

const (
	all     = "GJCNR"
	notRust = "GJCN"
)

var initials = map[mesh.ClientKind]string{
	mesh.GRPCGo: "G", mesh.GRPCJava: "J", mesh.GRPCCore: "C", mesh.GRPCNode: "N", mesh.GRPCRust: "R",
}

// audience has clients of all kinds, with one certificate provider.
func audience() clientrules.Audience {
	a := clientrules.ClientsOf(mesh.FamilyGRPC)
	a.Providers = []string{"default"}
	return a
}

func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, c test) {
		findings := clientrules.Check(name(c.message), c.message, audience())
		got := rejecting(findings)
		if got != c.by {
			t.Errorf("rejected by %q, want %q: %v", got, c.by, findings)
		}
		if rejected := has(findings, mesh.UnknownClient); rejected != (c.by != "") {
			t.Errorf("rejected by an unknown client: %t, want it to reject what any client rejects", rejected)
		}
		// A client kind alone gives the same result as all together.
		for kind, initial := range initials {
			a := audience()
			a.Kinds = mesh.MakeClientKinds(kind)
			if alone := len(clientrules.Check(name(c.message), c.message, a)) > 0; alone != strings.Contains(c.by, initial) {
				t.Errorf("rejected by %s alone: %t", kind, alone)
			}
		}
	})
}

// TestGoAgrees compares the rules for gRPC Go with a real grpc-go client.
func TestGoAgrees(t *testing.T) {
	each(t, func(t *testing.T, c test) {
		t.Parallel()
		why := rejection(t, c.message)
		if got, want := why != "", strings.Contains(c.by, "G"); got != want {
			t.Errorf("the client rejects it: %t, want %t: %s", got, want, why)
		}
	})
}

// TestNamesMustAgree checks a resource whose name differs from the subscription.
func TestNamesMustAgree(t *testing.T) {
	for _, c := range []string{"", "other"} {
		if findings := clientrules.Check(c, cluster(nothing), clientrules.ClientsOf(mesh.FamilyGRPC)); rejecting(findings) != all {
			t.Errorf("%q: got %v", c, findings)
		}
	}
}

func each(t *testing.T, run func(t *testing.T, c test)) {
	t.Helper()
	for kind, cases := range map[string]map[string]test{
		"listener": listenerCases(), "route": routeCases(), "match": matchCases(), "cluster": clusterCases(), "balancing": balancingCases(),
		"transport": transportCases(), "endpoint": endpointCases(),
	} {
		for title, c := range cases {
			t.Run(kind+"/"+title, func(t *testing.T) { run(t, c) })
		}
	}
}

// rejecting returns the initials of the client kinds that reject the resource.
func rejecting(findings []clientrules.Finding) string {
	got := ""
	for _, kind := range []mesh.ClientKind{mesh.GRPCGo, mesh.GRPCJava, mesh.GRPCCore, mesh.GRPCNode, mesh.GRPCRust} {
		if has(findings, kind) {
			got += initials[kind]
		}
	}
	return got
}

func has(findings []clientrules.Finding, kind mesh.ClientKind) bool {
	for _, f := range findings {
		if f.Kinds.Has(kind) {
			return true
		}
	}
	return false
}

func name(m proto.Message) string {
	switch m := m.(type) {
	case interface{ GetClusterName() string }:
		return m.GetClusterName()
	case interface{ GetName() string }:
		return m.GetName()
	}
	return ""
}

func nothing[M proto.Message](M) {}
