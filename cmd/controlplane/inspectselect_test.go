package main

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestSpells has names of objects as kubectl's users write them.
func TestSpells(t *testing.T) {
	rule := mesh.Ref{Kind: "VirtualService", Namespace: "shop", Name: "cart"}
	for text, want := range map[string]bool{
		"vs/cart": true, "vs/shop/cart": true, "vs": true, "virtualservices": true, "VirtualService/cart": true, "virtualservice.networking.istio.io/cart": true,
		"dr/cart": false, "vs/other": false, "vs/other/cart": false, "svc/cart": false, "cart": false, "shop/cart": false,
	} {
		if got := spells(text, rule); got != want {
			t.Errorf("%s: got %t, want %t", text, got, want)
		}
	}
	for _, text := range []string{"svc/cart", "service/cart", "services"} {
		if !spells(text, mesh.Ref{Kind: "Service", Namespace: "shop", Name: "cart"}) {
			t.Errorf("%s does not spell a Service", text)
		}
	}
}
