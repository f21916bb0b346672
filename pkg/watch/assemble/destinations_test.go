package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const serves = ", ports: [{name: grpc, number: 80}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]"

// TestCallsOfNamespaces: of two namespaces that declare a host, each is told of its own calls. The one without endpoints is named.
func TestCallsOfNamespaces(t *testing.T) {
	const host = "hosts: [api.example.com]"
	const empty = host + ", ports: [{name: grpc, number: 80}], resolution: STATIC, workloadSelector: {labels: {app: none}}"
	calls := func(namespace string) string {
		return "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: " + namespace + "}\nspec: {ports: [{name: grpc, port: 80}]}\n" +
			watchtest.VirtualService(namespace+"/v", "01", "hosts: [echo], http: [{route: [{destination: {host: api.example.com}}]}]")
	}
	text := entry("first/e", "01", empty) + entry("second/e", "02", host+serves) + calls("first") + calls("second")
	w := apply(t, newTestAssembler(), text)
	var told []string
	for _, p := range w.Problems {
		if p.Code == mesh.CodeNoEndpoints {
			told = append(told, p.Object.String())
			if !strings.Contains(p.Message, "ServiceEntry first/e") && p.Object.Kind == "VirtualService" {
				t.Errorf("the message names another object: %s", p)
			}
		}
	}
	if want := []string{"ServiceEntry first/e", "VirtualService first/v"}; !slices.Equal(told, want) {
		t.Errorf("told of missing endpoints: %q, want %q", told, want)
	}
}

// TestBelowWildcardOfNamespace: a destination below a wildcard that several namespaces declare is that of the VirtualService's.
func TestBelowWildcardOfNamespace(t *testing.T) {
	const caller = "hosts: [x.example.org], http: [{route: [{destination: {host: api.example.com}}]}]"
	a := newTestAssembler()
	w := apply(t, a, entry("first/e", "01", "hosts: ['*.example.com']"+serves)+entry("second/e", "02", "hosts: ['*.example.com']"+serves)+
		watchtest.VirtualService("first/v", "01", caller)+watchtest.VirtualService("second/v", "01", caller)+watchtest.VirtualService("third/v", "01", caller))
	for namespace, want := range map[string]string{"first": "first", "second": "second", "third": "first"} {
		for _, c := range watchtest.Get(w.VirtualServices, "x.example.org").Candidates {
			if c.VirtualService.Ref.Namespace == namespace {
				if d := c.VirtualService.Destinations["api.example.com"]; d.Service == nil || d.Service.Ref.Namespace != want || d.Service.Host != "api.example.com" {
					t.Errorf("namespace %s calls %+v, want the ServiceEntry of %s", namespace, d.Service, want)
				}
			}
		}
	}
}

// TestForget: destinations and wildcards that come and go leave nothing.
func TestForget(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, entry("keep", "01", "hosts: ['*.example.com']"+serves))
	for i := range 50 {
		wildcard := fmt.Sprintf("*.w%d.example.net", i)
		apply(t, a, entry("e", "01", "hosts: ['"+wildcard+"']"+serves)+
			watchtest.VirtualService("v", "01", fmt.Sprintf("hosts: [x.example.org], http: [{route: [{destination: {host: n%d.example.com}, weight: 30}, {destination: {host: a%s}, weight: 30}, {destination: {host: missing%d.example.org}, weight: 40}]}]", i, wildcard[1:], i)))
	}
	if len(a.rules.names) != 2 || len(a.rules.below) != 2 || len(a.rules.below["*.example.com"]) != 1 || len(a.rules.unmet) != 1 {
		t.Errorf("after 50 changes: got names %d, wildcards %d with %v, unmet %v, want those of the last", len(a.rules.names), len(a.rules.below), a.rules.below, a.rules.unmet)
	}
	for _, key := range []object.Key{{Kind: object.KindVirtualService, Namespace: "demo", Name: "v"}, {Kind: object.KindServiceEntry, Namespace: "demo", Name: "e"}} {
		a.remove(key)
		a.World()
	}
	if len(a.rules.names)+len(a.rules.below)+len(a.rules.unmet) != 0 {
		t.Errorf("after all are gone: names %v, below %v, unmet %v are left", a.rules.names, a.rules.below, a.rules.unmet)
	}
}
