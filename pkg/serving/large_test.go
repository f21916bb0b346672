package serving_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// grpcLimit is what gRPC clients take in one message, by default in every language.
const grpcLimit = 4 << 20

// bigPolicy denies very many accounts.
func bigPolicy(name string, accounts int) string {
	var all []string
	for i := range accounts {
		all = append(all, fmt.Sprintf("cluster.local/ns/shop/sa/%s%d", strings.Repeat("x", 60), i))
	}
	return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name + ", namespace: shop}\n" +
		"spec: {action: DENY, rules: [{from: [{source: {principals: [" + strings.Join(all, ",") + "]}}]}]}\n"
}

// TestLargeResponses has a server with many ports, for each of which it is sent the same large rules. No response may be
// larger than what gRPC takes: the stream would end, and the next one, too. What is left out follows.
func TestLargeResponses(t *testing.T) {
	const ports = 9
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, []string{bigPolicy("big", 10_000)}))
	var names []string
	for port := range ports {
		names = append(names, fmt.Sprintf("inbound|%d||", 50001+port))
	}
	session := store.Open(ofPod("cart-0"), nil)
	defer session.Close()
	request := &serving.Request{Type: snapshot.RouteType, Names: append([]string{}, names...)}
	got, version := map[string]int{}, ""
	session.Request(request)
	for r := session.Next(); r != nil; r = session.Next() {
		size := 0
		for _, v := range r.Resources {
			size += len(v.Wire())
			got[v.Name]++
		}
		if size > grpcLimit {
			t.Errorf("a response has %d bytes", size)
		}
		version = r.Version
		session.Request(&serving.Request{Type: snapshot.RouteType, Names: append([]string{}, names...), Nonce: r.Nonce, Version: r.Version})
	}
	for _, name := range names {
		if got[name] != 1 {
			t.Errorf("%s was sent %d times, want once", name, got[name])
		}
	}
	again := store.Open(ofPod("cart-0"), nil)
	defer again.Close()
	again.Request(&serving.Request{Type: snapshot.RouteType, Names: names, Version: version})
	if r := again.Next(); r != nil {
		t.Errorf("a server that returns with all of it is sent %d resources", len(r.Resources))
	}
}
