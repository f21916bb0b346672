package clientrules_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// test is a resource and the kinds of clients that refuse it, each by its initial: Go, Java, C-core, Node, Rust.
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

// reader is clients of all kinds, which have one certificate provider.
func reader() clientrules.Audience {
	r := clientrules.AllClients()
	r.Providers = []string{"default"}
	return r
}

func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, c test) {
		findings := clientrules.Check(name(c.message), c.message, reader())
		got := refusers(findings)
		if got != c.by {
			t.Errorf("refused by %q, want %q: %v", got, c.by, findings)
		}
		if refused := has(findings, mesh.UnknownClient); refused != (c.by != "") {
			t.Errorf("refused by a client that is not known: %t, want it to refuse what any does", refused)
		}
		// Each alone comes to the same as all together.
		for kind, initial := range initials {
			r := reader()
			r.Kinds = mesh.MakeClientKinds(kind)
			if alone := len(clientrules.Check(name(c.message), c.message, r)) > 0; alone != strings.Contains(c.by, initial) {
				t.Errorf("refused by %s alone: %t", kind, alone)
			}
		}
	})
}

// TestGoAgrees has a real client of gRPC for Go say what it refuses.
func TestGoAgrees(t *testing.T) {
	each(t, func(t *testing.T, c test) {
		t.Parallel()
		why := refusal(t, c.message)
		if got, want := why != "", strings.Contains(c.by, "G"); got != want {
			t.Errorf("the client refuses: %t, want %t: %s", got, want, why)
		}
	})
}

// TestNamesMustAgree: a client takes a resource of another name for none of its own.
func TestNamesMustAgree(t *testing.T) {
	for _, c := range []string{"", "other"} {
		if findings := clientrules.Check(c, cluster(nothing), clientrules.AllClients()); refusers(findings) != all {
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

func refusers(findings []clientrules.Finding) string {
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
