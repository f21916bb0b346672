package main

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestJoinKinds has kinds and names as words of their own.
func TestJoinKinds(t *testing.T) {
	for text, want := range map[string]string{
		"VirtualService shop/cart": "VirtualService/shop/cart", "vs cart svc data/rds": "vs/cart svc/data/rds", "shop/cart": "shop/cart", "vs/cart shop/cart": "vs/cart shop/cart",
		"Service": "Service", "vs dr": "vs dr", "endpointslices cart-x7k2p": "endpointslices/cart-x7k2p", "NoSuchHost cart": "NoSuchHost cart", "": "",
	} {
		if got := strings.Join(joinKinds(strings.Fields(text)), " "); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

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
