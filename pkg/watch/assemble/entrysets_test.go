package assemble

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// largeEntry is a ServiceEntry of that many hosts, endpoints and ports. The addresses of the endpoints are distinct unless same is set.
func largeEntry(hosts, endpoints, ports int, same bool) object.Object {
	e := &object.ServiceEntry{Export: mesh.Export{Public: true}, Resolution: networking.ServiceEntry_STATIC}
	for i := range hosts {
		e.Hosts = append(e.Hosts, object.DeclaredHost{Name: fmt.Sprintf("h%d.example.com", i), Field: fmt.Sprintf("spec.hosts[%d]", i)})
	}
	for i := range endpoints {
		address := watchtest.BenchIP(i, 1)
		if same {
			address = "10.0.0.1"
		}
		e.Endpoints = append(e.Endpoints, object.Workload{IP: address, Field: fmt.Sprintf("spec.endpoints[%d]", i)})
	}
	for i := range ports {
		e.Ports, e.PortFields = append(e.Ports, mesh.Port{Name: fmt.Sprintf("p%03d", i), Number: uint32(i + 1)}), append(e.PortFields, fmt.Sprintf("spec.ports[%d]", i))
	}
	key := object.Key{Kind: object.KindServiceEntry, Namespace: "demo", Name: "large"}
	return object.Object{Key: key, Value: e}
}

// TestLargeEntry: the largest ServiceEntry that an API server accepts does not occupy the assembler, for which all others wait. The
// work is the sum of hosts, endpoints and ports, not the product, which is 2^28.
func TestLargeEntry(t *testing.T) {
	const hosts, endpoints, ports, bound = 256, 4096, 256, 256 << 20
	for name, same := range map[string]bool{"distinct addresses": false, "one address": true} {
		t.Run(name, func(t *testing.T) {
			a := newTestAssembler()
			a.World()
			entry := largeEntry(hosts, endpoints, ports, same)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a.set(entry)
			w := a.World()
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > bound {
				t.Errorf("the World took %d MiB, want at most %d", got>>20, bound>>20)
			}
			first, last := watchtest.Get(w.Endpoints, "h0.example.com"), watchtest.Get(w.Endpoints, "h255.example.com")
			want := endpoints
			if same {
				want = 1
			}
			if len(first.Endpoints) != want || len(last.Endpoints) != want || last.Host != "h255.example.com" || len(last.Endpoints[0].Ports) != ports {
				t.Errorf("got %d and %d endpoints, want %d, with %d ports", len(first.Endpoints), len(last.Endpoints), want, ports)
			}
			told := func(p mesh.Problem) bool { return !strings.HasPrefix(p.Field, "spec.endpoints[") }
			if got := len(slices.DeleteFunc(slices.Clone(w.Problems), told)); got != min(endpoints-want, maxProblems-1) {
				t.Errorf("got %d Problems of endpoints, want one for each that repeats another, but at most %d", got, maxProblems-1)
			}
		})
	}
}

// TestSharedEndpoints: what hosts of one ServiceEntry share stays with each when another object takes one of them over.
func TestSharedEndpoints(t *testing.T) {
	a := newTestAssembler()
	of := func(name, host, ip string) string {
		return entry(name, "01", "hosts: ["+host+"], resolution: STATIC, ports: [{name: grpc, number: 80}], endpoints: [{address: "+ip+"}, {address: "+ip+"}]")
	}
	expect := func(what string, w *mesh.World, want map[string]string) {
		t.Helper()
		for host, ips := range want {
			if got := strings.Join(addresses(watchtest.Get(w.Endpoints, host)), " "); got != ips {
				t.Errorf("%s: %s has %s, want %s", what, host, got, ips)
			}
		}
		told := func(p mesh.Problem) bool { return p.Object.Name == "shared" && p.Field == "spec.endpoints[1]" }
		if !slices.ContainsFunc(w.Problems, told) {
			t.Errorf("%s: the repeated endpoint of the shared object is not reported", what)
		}
	}
	expect("alone", apply(t, a, of("shared", "a.example.com, b.example.com", "10.0.0.1")), map[string]string{"a.example.com": "10.0.0.1", "b.example.com": "10.0.0.1"})
	for _, host := range []string{"a.example.com", "b.example.com"} {
		other := map[string]string{"a.example.com": "b.example.com", "b.example.com": "a.example.com"}[host]
		expect(host+" has another, too", apply(t, a, of("another", host, "10.0.0.2")), map[string]string{host: "10.0.0.1 10.0.0.2", other: "10.0.0.1"})
	}
	a.remove(object.Key{Kind: object.KindServiceEntry, Namespace: "demo", Name: "another"})
	expect("alone again", a.World(), map[string]string{"a.example.com": "10.0.0.1", "b.example.com": "10.0.0.1"})

	a = New(Options{Domain: "cluster.local", ResolveNames: true})
	apply(t, a, entry("names", "01", "hosts: [a.example.com, b.example.com], resolution: DNS, ports: [{name: grpc, number: 80}, {name: more, number: 81}], "+
		"endpoints: [{address: y.example.org, ports: {grpc: 1}}, {address: x.example.org}, {address: y.example.org, ports: {grpc: 2}}]"))
	if names, moved := a.WantedNames(); !moved || len(names) != 2 {
		t.Errorf("got the names %v to resolve, want x and y", names)
	}
}
