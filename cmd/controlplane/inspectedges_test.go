package main

import (
	"strings"
	"testing"
)

// edgesHere has edges to a Service and to another host, and two clients: one that proves nothing, and a pod of the workload web.
func edgesHere(t *testing.T) string {
	t.Helper()
	const at = `"reported":"2026-01-02T03:04:05Z"`
	const client = `"agent":"gRPC Go","namespace":"shop","since":"2026-01-02T03:04:05Z","types":[]`
	return adminAt(t, map[string][]string{
		"/api/edges": {`[{"source":{"namespace":"shop","workload":"unproved","unproved":true},"destination":{"service":"cart","namespace":"shop","port":80},"subset":"v1",` + at + `},` +
			`{"source":{"namespace":"shop","workload":"web"},"destination":{"service":"api.example.com","namespace":"","port":443},` + at + `}]`},
		"/api/clients":   {`[{"node":"n1","peer":"10.0.0.1:5",` + client + `},{"node":"n2","peer":"10.0.0.2:5","identity":"pod/shop/web-5d4f-x2x7k",` + client + `}]`},
		"/api/objects":   {`[{"kind":"Service","namespace":"shop","name":"cart"}]`},
		"/api/resources": {`[{"type":"Listener","name":"cart.shop.svc.corp.local:80","version":"1","origins":[]}]`},
	})
}

// TestInspectEdgesByName gives the ends of edges in every form in which people write them.
func TestInspectEdgesByName(t *testing.T) {
	address := edgesHere(t)
	for args, want := range map[string]string{
		"--to cart": "shop/cart:80", "--to cart:80": "shop/cart:80", "--to shop/cart": "shop/cart:80", "--to shop/cart:80": "shop/cart:80",
		"--to cart.shop": "shop/cart:80", "--to cart.shop:80": "shop/cart:80", "cart.shop:80": "shop/cart:80", "--to cart.shop.svc": "shop/cart:80",
		"--to cart.shop.svc.cluster.local": "shop/cart:80", "--to cart.shop.svc.corp.local": "shop/cart:80", "--to cart.shop.svc.corp.local:80": "shop/cart:80",
		"--to outbound|80|v1|cart.shop.svc.corp.local": "shop/cart:80", "--to api.example.com": "api.example.com:443", "--to api.example.com:443": "api.example.com:443",
		"--from shop/web": "api.example.com:443", "--from unproved": "shop/cart:80",
	} {
		got := command(t.Context(), "", append([]string{"inspect", "edges", "--address", address}, strings.Fields(args)...)...)
		if got.code != exitOK || strings.Count(got.stdout, "\n") != 2 || !strings.Contains(got.stdout, "  "+want+" ") {
			t.Errorf("%s: got exit code %d, %q and %q, want the edge to %s", args, got.code, got.stdout, got.err, want)
		}
	}
	for args, want := range map[string]string{
		"--to cart.shop:81": `there is no host "cart.shop:81"`, "--to shop/cart:81": `there is no host "cart.shop:81"`, "--to cart.shop.svc.corp.local:81": `there is no host "cart.shop.svc.corp.local:81"`,
		"--to cart.other": `there is no Service with the name "cart.other"`, "--to cart.shop.example.com": `there is no Service with the name "cart.shop.example.com"`,
		"--from n1":             `client "n1" proves nothing, so the calls of all such clients in its namespace are counted together: inspect edges --from shop/unproved`,
		"--from web-5d4f-x2x7k": `client "web-5d4f-x2x7k" is of a workload, and the calls of all its pods are counted together: inspect edges --from shop/web`,
		"n1":                    `inspect edges --from shop/unproved`,
		"--from shop/webs":      `there is no client with the name "shop/webs"`,
	} {
		got := command(t.Context(), "", append([]string{"inspect", "edges", "--address", address}, strings.Fields(args)...)...)
		if got.code != exitFailure || !strings.Contains(got.err, want) {
			t.Errorf("%s: got exit code %d, %q and %q, want %q", args, got.code, got.stdout, got.err, want)
		}
	}
}
