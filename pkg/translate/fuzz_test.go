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
)

// seeds are how many random hosts every run of the tests looks at.
const seeds = 300

// FuzzHost translates random objects in the form that each kind of client is sent, and holds the outcome against
// what that kind refuses. The form for clients that are not known is also held against the rules of lint_test.go.
// grpc-go's own decoder is internal to it and a real client too slow to fuzz with: TestClientTakesAnything serves
// hosts of the same making to one.
func FuzzHost(f *testing.F) {
	for i := range uint64(seeds) {
		f.Add(translatetest.RandomBytes(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		random := translatetest.RandomObjects(data, "echo")
		host, endpoints := hostInput(random), endpointInput(random, 0)
		before := inputBytes(t, host)
		host.missing = encodingsFor(mesh.FeaturesMissingIn(mesh.UnknownClient, ""), host.virtualService, host.destinationRule)
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
					t.Errorf("a Problem says too little: %+v", p)
				}
			}
		}
		acceptForms(t, random)
		if bundleBytes(t, bundles...) != bundleBytes(t, Host(host), Endpoints(endpoints)) {
			t.Error("the same input gave different bytes")
		}
		if before != inputBytes(t, host) {
			t.Error("an author's text was changed")
		}
	})
}

// acceptForms holds what each kind of client is sent, in old versions and new, against what it refuses.
func acceptForms(t *testing.T, random translatetest.Objects) {
	t.Helper()
	host := hostInput(random)
	readers := map[mesh.Features]mesh.ClientKinds{}
	for _, agent := range mesh.AllClientKinds.All() {
		for _, version := range []string{"", "1.41.0", "1.50.0", "1.60.0", "1.85.0"} {
			readers[mesh.FeaturesMissingIn(agent, version)] |= mesh.MakeClientKinds(agent)
		}
	}
	for gaps, agents := range readers {
		host.missing = encodingsFor(gaps, host.virtualService, host.destinationRule)
		reader := rules.Audience{Providers: host.Audience().Providers.All(), SystemRoots: host.Audience().SystemRoots}
		for _, agent := range agents.All() {
			reader.Add(agent, gaps)
		}
		b := Host(host)
		for _, list := range [][]resource.Resource{b.Routes, b.Clusters, Endpoints(endpointInput(random, gaps)).Endpoints} {
			for _, r := range list {
				for _, finding := range rules.Check(r.Name, r.Message, reader) {
					t.Errorf("%s for %s %s", r.Name, agents, finding)
				}
			}
		}
	}
}

// inputBytes are the authors' texts.
func inputBytes(t *testing.T, in HostInput) string {
	t.Helper()
	var all []byte
	var err error
	write := func(m proto.Message) {
		if all, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(all, m); err != nil {
			t.Fatal(err)
		}
	}
	if in.virtualService != nil {
		write(in.virtualService.Spec)
		for _, delegate := range in.virtualService.Delegates {
			write(delegate.VirtualService.Spec)
		}
	}
	if in.destinationRule != nil {
		write(in.destinationRule.Specs[0])
	}
	return string(all)
}

// hostInput is the Input for the routes and clusters of a random host.
func hostInput(o translatetest.Objects) HostInput {
	in := HostInput{service: o.Service, destinationRule: o.Rule, virtualService: o.VirtualService, namespace: o.Namespace, labels: o.Labels}
	if o.Accounts != nil {
		needed := clusters.TrustNeedsOf(o.Rule)
		client := mesh.Client{Providers: mesh.MakeProviders(needed.Providers...), Missing: mesh.FeatureSystemRoots}
		in.trust = needed.Project(client, func() mesh.ServiceAccounts { return *o.Accounts })
	}
	return in
}

// endpointInput is the Input for its endpoints.
func endpointInput(o translatetest.Objects, missing mesh.Features) endpoints.Input {
	in := endpoints.NewInput(o.Service, o.Endpoints, o.Rule)
	o.Client.Missing = missing
	return in.For(o.Client, endpoints.TopologyUseOf(in))
}
