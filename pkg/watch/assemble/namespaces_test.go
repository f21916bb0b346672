package assemble

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestNamespaceAnnotations: what a namespace says about load reports applies to its hosts that say nothing themselves, whichever of
// the two is known first, and no longer than it is there.
func TestNamespaceAnnotations(t *testing.T) {
	a := newTestAssembler()
	put := func(key object.Key, value any) {
		a.Apply(map[object.Key]*object.Object{key: {Key: key, Value: value}}, nil)
	}
	reports := func(key object.Key, s mesh.Switch) mesh.AnnotationValue[mesh.Switch] {
		return mesh.AnnotationValue[mesh.Switch]{Value: s, Ref: key.Ref()}
	}
	service := func(namespace, name string, own mesh.Switch, ip string) {
		key := object.Key{Kind: object.KindService, Namespace: namespace, Name: name}
		s := &mesh.Service{Ref: key.Ref(), Host: mesh.FullHost(name, namespace, "cluster.local"), Ports: []mesh.Port{{Number: 80}}, Addresses: []string{ip}}
		if own != "" {
			s.Annotations.LoadReports = reports(key, own)
		}
		put(key, s)
	}
	namespace := object.Key{Kind: object.KindNamespace, Name: "shop"}
	expect := func(when string, want map[string]string) {
		t.Helper()
		w := a.World()
		for host, text := range want {
			s, _ := w.Services.Get(host)
			if s == nil {
				t.Fatalf("%s: no %s", when, host)
			}
			got := string(s.Annotations.LoadReports.Value)
			if got != "" {
				got += " by " + s.Annotations.LoadReports.Ref.String()
			}
			if got != text {
				t.Errorf("%s: reports about %s: %q, want %q", when, host, got, text)
			}
			for _, ip := range s.Addresses {
				if at, _ := w.Addresses.Get(ip); at != s {
					t.Errorf("%s: %s does not lead to the Service %s of the World", when, ip, host)
				}
			}
		}
		for _, p := range w.Problems {
			t.Errorf("%s: %v", when, p)
		}
	}
	const early, own, late, alias, entry, other = "early.shop.svc.cluster.local", "own.shop.svc.cluster.local", "late.shop.svc.cluster.local", "alias.shop.svc.cluster.local", "api.example.com", "early.other.svc.cluster.local"

	service("shop", "early", "", "10.96.0.1")
	service("shop", "own", mesh.Off, "10.96.0.2")
	service("other", "early", "", "10.96.0.3")
	named := object.Key{Kind: object.KindService, Namespace: "shop", Name: "alias"}
	put(named, &mesh.Service{Ref: named.Ref(), Host: alias, Ports: []mesh.Port{{Number: 80}}, Resolve: mesh.ResolveClient, DNSName: early})
	declared := object.Key{Kind: object.KindServiceEntry, Namespace: "shop", Name: "api"}
	put(declared, &object.ServiceEntry{
		Hosts: []object.DeclaredHost{{Name: entry, Field: "spec.hosts[0]"}}, Export: mesh.Export{Public: true}, Ports: []mesh.Port{{Name: "grpc", Number: 80}},
		Endpoints: []object.Workload{{Field: "spec.endpoints[0]", IP: "10.1.0.1"}},
	})
	expect("without", map[string]string{early: "", own: "false by Service shop/own", entry: "", other: ""})

	put(namespace, &object.Namespace{LoadReports: reports(namespace, mesh.On)})
	service("shop", "late", "", "10.96.0.4")
	expect("asked", map[string]string{early: "true by Namespace shop", own: "false by Service shop/own", late: "true by Namespace shop", entry: "true by Namespace shop", other: ""})
	before := a.World()
	put(namespace, &object.Namespace{LoadReports: reports(namespace, mesh.On), Injected: true, Labeled: 7})
	if a.World() != before {
		t.Error("a new World, although only the label of the namespace changed")
	}

	put(namespace, &object.Namespace{LoadReports: reports(namespace, mesh.Off)})
	expect("switched off", map[string]string{early: "false by Namespace shop", own: "false by Service shop/own", late: "false by Namespace shop", entry: "false by Namespace shop", other: ""})
	put(namespace, nil)
	expect("the namespace is gone", map[string]string{early: "", own: "false by Service shop/own", late: "", entry: "", other: ""})
}
