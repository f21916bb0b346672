package history_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestRollback compares what rollback prints for objects that were created, changed and deleted since.
func TestRollback(t *testing.T) {
	ref := func(kind, namespace, name string) *mesh.Ref {
		return &mesh.Ref{Kind: kind, Namespace: namespace, Name: name}
	}
	found := &history.Comparison{From: "g-2", To: "g-1", Changes: []history.Change{
		{Object: ref("VirtualService", "shop", "cart"), Before: "a\n", After: "rule\n"},
		{Object: ref("DestinationRule", "shop", "cart"), Before: "a\n", After: "policy\n"},
		{Object: ref("GRPCRoute", "shop", "new"), Before: "a\n"},
		{Object: ref("Service", "shop", "new"), Before: "a\n"},
		{Object: ref("Service", "shop", "file"), Before: "a\n", File: "new.yaml"},
		{
			Object: ref("Namespace", "", "shop"), Before: "metadata: {labels: {mizzen.dev/inject: enabled, mizzen.dev/identity: spiffe}}",
			After: "metadata: {labels: {mizzen.dev/inject: disabled}, annotations: {mizzen.dev/x: 'a b'}}",
		},
		{Object: ref("Namespace", "", "new"), Before: "metadata: {labels: {mizzen.dev/inject: enabled}}"},
	}}
	plan := found.Rollback()
	if diff := cmp.Diff([]string{"policy\n", "rule\n"}, plan.Objects); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	want := []string{
		"Service shop/new was created since: kubectl delete services/new --namespace shop",
		"Service shop/file was created since: delete it from new.yaml",
		"kubectl label --overwrite namespaces/shop mizzen.dev/inject=disabled mizzen.dev/identity-",
		"kubectl annotate --overwrite namespaces/shop 'mizzen.dev/x=a b'",
		"kubectl label --overwrite namespaces/new mizzen.dev/inject-",
		"GRPCRoute shop/new was created since: kubectl delete grpcroutes.gateway.networking.k8s.io/new --namespace shop",
	}
	if diff := cmp.Diff(want, plan.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	text := plan.YAML()
	for i, line := range strings.Split(text, "\n") {
		if i < 7 && !strings.HasPrefix(line, "# ") {
			t.Errorf("line %d is not a comment: %s", i, line)
		}
	}
	if !strings.HasSuffix(text, "---\npolicy\n---\nrule\n") {
		t.Errorf("got:\n%s", text)
	}
}
