package assemble

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestServiceEntries adds and removes ServiceEntries and what depends on them. The Problems are the same whatever came
// first, and none is left in the end.
func TestServiceEntries(t *testing.T) {
	key := object.Key{Kind: object.KindServiceEntry, Namespace: "demo", Name: "out"}
	entry := func(hosts ...string) object.Object {
		return object.Object{Key: key, Value: &object.ServiceEntry{Hosts: hosts}}
	}
	routes := watchtest.VirtualService("v", "01", "hosts: [api.example.com], http: [{route: [{destination: {host: api.example.com}}]}]")
	policy := watchtest.DestinationRule("d", "01", "host: api.example.com")
	read := "ServiceEntry demo/out declares api.example.com, but ServiceEntries are not read. The rule has no effect on it. Create a Service of type ExternalName with externalName \"api.example.com\", and write its name in spec.host."
	all := []string{
		"warning NoSuchHost DestinationRule demo/d spec.host: " + read,
		"warning UnknownKind ServiceEntry demo/out spec.hosts: ServiceEntries are not read, but DestinationRule demo/d and VirtualService demo/v depend on the hosts of this one. " +
			"Calls to them fail, or settings for them have no effect. Create a Service of type ExternalName with externalName \"api.example.com\", and write its name in the rules.",
	}
	check := func(a *Assembler, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, watchtest.ProblemLines(a.World())); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	}
	a, b := newTestAssembler(), newTestAssembler()
	a.set(entry("api.example.com"))
	check(a, "info UnknownKind ServiceEntry demo/out: ServiceEntries are not read. The object has no effect here, and no rule depends on it.")
	apply(t, a, routes+policy)
	check(a, all...)
	apply(t, b, routes+policy)
	b.set(entry("*.example.com"))
	b.set(entry("api.example.com"))
	check(b, all...)
	if got := watchtest.Get(b.World().VirtualServices, "api.example.com").For("demo").First().Destinations["api.example.com"].ServiceEntry.Ref; got != key.Ref() {
		t.Errorf("got %v as the ServiceEntry of the destination, want %v", got, key.Ref())
	}
	b.remove(key)
	check(b, "warning NoSuchHost DestinationRule demo/d spec.host: No Service has the host api.example.com. The rule has no effect on it. Create the Service, or correct spec.host.")
	a.remove(object.Key{Kind: object.KindVirtualService, Namespace: "demo", Name: "v"})
	a.remove(object.Key{Kind: object.KindDestinationRule, Namespace: "demo", Name: "d"})
	a.remove(key)
	check(a)
}

// TestServiceEntryOfAWildcard: an externalName has no asterisk.
func TestServiceEntryOfAWildcard(t *testing.T) {
	a := newTestAssembler()
	key := object.Key{Kind: object.KindServiceEntry, Namespace: "demo", Name: "out"}
	a.set(object.Object{Key: key, Value: &object.ServiceEntry{Hosts: []string{"*.example.com"}}})
	apply(t, a, watchtest.DestinationRule("d", "01", "host: '*.example.com'"))
	for _, p := range a.World().Problems {
		if !strings.Contains(p.Message, `externalName "example.com"`) {
			t.Errorf("got %q, want a name that a Service can have", p.Message)
		}
	}
}

// TestServiceEntryWayOut: what to create in place of a ServiceEntry depends on its host and on its endpoints. A Service that
// has the host ends the Problems.
func TestServiceEntryWayOut(t *testing.T) {
	const selectorless = "Create Service vm without a selector in namespace pay, and an EndpointSlice with its endpoints."
	const other, external = "Create a Service without a selector and an EndpointSlice with its endpoints, and write its name in ", "Create a Service of type ExternalName with externalName "
	for host, want := range map[string]struct{ dns, static string }{
		"vm.pay.svc.cluster.local":      {selectorless, selectorless},
		"vm-0.vm.pay.svc.cluster.local": {other, other},
		"*.pay.svc.cluster.local":       {other, other},
		"vm.example.com":                {external + `"vm.example.com"`, other},
		"*.example.com":                 {external + `"example.com"`, other},
	} {
		for static, want := range map[bool]string{false: want.dns, true: want.static} {
			a := newTestAssembler()
			key := object.Key{Kind: object.KindServiceEntry, Namespace: "pay", Name: "vm"}
			a.set(object.Object{Key: key, Value: &object.ServiceEntry{Hosts: []string{host}, Static: static}})
			apply(t, a, watchtest.VirtualService("pay/v", "01", "hosts: ['"+host+"'], http: [{route: [{destination: {host: '"+host+"'}}]}]"))
			lines := watchtest.ProblemLines(a.World())
			for _, line := range lines {
				if !strings.Contains(line, want) {
					t.Errorf("%s, static %t: got %q, want %q", host, static, line, want)
				}
			}
			for _, vs := range append(a.World().Unbound, watchtest.Get(a.World().VirtualServices, host).For("pay").First()) {
				if vs != nil && !strings.HasPrefix(vs.Destinations[host].WayOut, want) {
					t.Errorf("%s, static %t: got %q for the destination, want %q", host, static, vs.Destinations[host].WayOut, want)
				}
			}
			if want != selectorless {
				continue
			}
			if len(lines) != 2 {
				t.Errorf("got %q, want a Problem of each object", lines)
			}
			apply(t, a, "---\napiVersion: v1\nkind: Service\nmetadata: {name: vm, namespace: pay}\nspec: {ports: [{name: grpc, port: 80}]}\n")
			got := watchtest.ProblemLines(a.World())
			if diff := cmp.Diff(got, []string{"info UnknownKind ServiceEntry pay/vm: ServiceEntries are not read. The object has no effect here, and no rule depends on it."}); diff != "" {
				t.Errorf("with the Service: Problems (-got +want):\n%s", diff)
			}
		}
	}
}
