package ads

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// TestNameTable plays the start of kitex-contrib/xds v0.4.2 with Kitex 0.14.1, as it was recorded. The process waits for an answer to each of
// the first two requests, without a limit of time. What it cannot use is told to operators.
func TestNameTable(t *testing.T) {
	r := start(t, 0)
	r.store.Publish(world(1))
	node := &corev3.Node{Id: "sidecar~10.0.0.9~a.demo~demo.svc.cluster.local"} // it is in every request
	stream := r.openAs(t, "kitex/v0.14.1")
	send(t, stream, &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: nameTableType, ResourceNames: []string{""}})
	answer := receive(t, stream)
	if all := answer.GetResources(); answer.GetTypeUrl() != nameTableType || len(all) != 1 || all[0].GetTypeUrl() != nameTableType || len(all[0].GetValue()) != 0 {
		t.Fatalf("got %v, want one empty name table: without a resource the client goes on waiting", answer)
	}
	send(t, stream, &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: nameTableType, ResourceNames: []string{""}, VersionInfo: answer.GetVersionInfo(), ResponseNonce: answer.GetNonce()})
	const listeners = "type.googleapis.com/envoy.config.listener.v3.Listener"
	send(t, stream, &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: listeners, ResourceNames: []string{"virtualInbound"}})
	if got := receive(t, stream); got.GetTypeUrl() != listeners || len(got.GetResources()) != 1 {
		t.Fatalf("got %v, want a Listener of that name", got)
	}
	state := r.store.Clients()[0]
	if note := state.Types[0].Note; len(state.Types) != 1 || !strings.Contains(note, "docs/clients/kitex.md") {
		t.Errorf("got %+v, want a note for operators about Listeners", state)
	}
	// Other clients are not answered: no other one waits for it, and some refuse the type.
	other := r.openAs(t, "grpc-go/1.85.0")
	send(t, other, &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "b"}, TypeUrl: nameTableType, ResourceNames: []string{""}})
	send(t, other, request(nil, echoCluster))
	if got := receive(t, other); got.GetTypeUrl() == nameTableType {
		t.Error("a client that did not wait for it got a name table")
	}
}
