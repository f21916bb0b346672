package translate

import (
	"testing"

	"google.golang.org/protobuf/proto"

	rules "github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// FuzzHost translates random objects in the form for each client kind, and checks the result with the kind's rules.
// It also checks the form for unknown clients with translatetest.Complaints. It does not use grpc-go: its decoder
// is internal, and a real client is too slow for fuzzing. TestClientTakesAnything serves such hosts to a real
// client.
func FuzzHost(f *testing.F) {
	for i := range seeds.Of(300) {
		f.Add(translatetest.RandomBytes(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		random := translatetest.RandomObjects(data, "echo")
		host, endpoints := hostInput(random), endpointInput(random, 0)
		before := inputBytes(t, host)
		host.missing = encodingsFor(mesh.FeaturesMissingIn(mesh.UnknownClient, ""), host.virtualServices, host.destinationRule)
		bundles := []*Bundle{Host(host), Endpoints(endpoints)}
		for _, b := range bundles {
			for _, list := range [][]resource.Resource{b.Routes, b.Clusters, b.Endpoints} {
				for _, r := range list {
					for _, complaint := range translatetest.Complaints(r) {
						t.Errorf("%s %s", r.Name, complaint)
					}
				}
			}
			for _, p := range b.Problems {
				if p.Object.Kind == "" || p.Message == "" || p.Severity == "" {
					t.Errorf("a Problem without a kind, message or severity: %+v", p)
				}
			}
		}
		for family := range mesh.FamilyCount {
			acceptForms(t, random, family)
		}
		if bundleBytes(t, bundles...) != bundleBytes(t, Host(host), Endpoints(endpoints)) {
			t.Error("the same input gave different bytes")
		}
		if before != inputBytes(t, host) {
			t.Error("the translation changed an author's spec")
		}
	})
}

// acceptForms checks the form for each client kind, in old and new versions, with the kind's rules.
func acceptForms(t *testing.T, random translatetest.Objects, family mesh.Family) {
	t.Helper()
	host := hostInput(random)
	host.family = family
	kindsByMissing := map[mesh.Features]mesh.ClientKinds{}
	for _, kind := range family.Kinds().All() {
		for _, version := range []string{"", "1.41.0", "1.50.0", "1.60.0", "1.85.0"} {
			kindsByMissing[mesh.FeaturesMissingIn(kind, version)] |= mesh.MakeClientKinds(kind)
		}
	}
	for missing, kinds := range kindsByMissing {
		host.missing = encodingsFor(missing, host.virtualServices, host.destinationRule)
		audience := rules.Audience{Providers: host.Audience().Providers.All(), SystemRoots: host.Audience().SystemRoots}
		for _, kind := range kinds.All() {
			audience.Add(kind, missing)
		}
		b := Host(host)
		assigned := Endpoints(endpointInput(random, missing).WithFamily(family, "version")).Endpoints
		for _, list := range [][]resource.Resource{b.Routes, b.Clusters, assigned} {
			for _, r := range list {
				if broken := translatetest.Constraints(r.Message); broken != nil && family != mesh.FamilyGRPC {
					t.Errorf("%s breaks a constraint of Envoy's API: %v", r.Name, broken)
				}
				for _, finding := range rules.Check(r.Name, r.Message, audience) {
					t.Errorf("%s for %s %s", r.Name, kinds, finding)
				}
			}
		}
	}
}

// inputBytes marshals the authors' specs.
func inputBytes(t *testing.T, in HostInput) string {
	t.Helper()
	var all []byte
	var err error
	write := func(m proto.Message) {
		if all, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(all, m); err != nil {
			t.Fatal(err)
		}
	}
	for vs := range in.virtualServices.All() {
		write(vs.Spec)
		for _, delegate := range vs.Delegates {
			write(delegate.VirtualService.Spec)
		}
	}
	if in.destinationRule != nil {
		write(in.destinationRule.Specs[0])
	}
	return string(all)
}

// hostInput makes the Input for the routes and clusters of a random host.
func hostInput(o translatetest.Objects) HostInput {
	in := HostInput{service: o.Service, destinationRule: o.Rule, namespace: o.Namespace, labels: o.Labels}
	if o.VirtualService != nil {
		in.virtualServices = mesh.MakeVirtualServices(o.VirtualService)
	}
	if o.Accounts != nil {
		needs := clusters.TrustNeedsOf(o.Rule)
		client := mesh.Client{Providers: mesh.MakeProviders(needs.Providers...), Missing: mesh.FeatureSystemRoots}
		in.trust = needs.Project(client, func() mesh.ServiceAccounts { return *o.Accounts })
	}
	return in
}

// endpointInput makes the Input for the endpoints of a random host.
func endpointInput(o translatetest.Objects, missing mesh.Features) endpoints.Input {
	in := endpoints.NewInput(o.Service, o.Endpoints, o.Rule)
	o.Client.Missing = missing
	return in.For(o.Client, endpoints.TopologyUseOf(in))
}
