package snapshot

import (
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Translations for service accounts that no longer exist are dropped, so that a host whose accounts keep changing
// does not take more and more memory. A change of endpoints alone drops nothing.
func TestTranslationsFollowAccounts(t *testing.T) {
	const host = "safe.demo.svc.cluster.local"
	service := &mesh.Service{Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "safe"}, Host: host, Ports: []mesh.Port{{Number: 80}}}
	table := func(mode networking.ClientTLSSettings_TLSmode) *mesh.DestinationRuleSet {
		policy := &mesh.MergedDestinationRule{Host: host, TrafficPolicy: &networking.TrafficPolicy{Tls: &networking.ClientTLSSettings{Mode: mode}}}
		return &mesh.DestinationRuleSet{ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: policy}}}
	}
	for name, test := range map[string]struct {
		policies *mesh.DestinationRuleSet
		accounts []string
		kept     bool
	}{
		"other accounts":             {table(networking.ClientTLSSettings_ISTIO_MUTUAL), []string{"b"}, false},
		"more of the same":           {table(networking.ClientTLSSettings_ISTIO_MUTUAL), []string{"a", "a"}, true},
		"other accounts, plain text": {table(networking.ClientTLSSettings_DISABLE), []string{"b"}, true},
		"other accounts, no rule":    {nil, []string{"b"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			world := func(revision uint64, accounts ...string) *mesh.World {
				set := &mesh.EndpointSet{Host: host}
				for _, account := range accounts {
					set.Endpoints = append(set.Endpoints, mesh.Endpoint{Address: "10.0.0.1", ServiceAccount: account})
				}
				w := &mesh.World{Revision: revision, Domain: "cluster.local", Changed: mesh.HostKeys([]string{host})}
				w.Services = w.Services.With(map[string]*mesh.Service{host: service}, nil)
				w.Endpoints = w.Endpoints.With(map[string]*mesh.EndpointSet{host: set}, nil)
				if test.policies != nil {
					w.DestinationRules = w.DestinationRules.With(map[string]*mesh.DestinationRuleSet{host: test.policies}, nil)
				}
				return w
			}
			client := mesh.Client{Namespace: "demo", Providers: mesh.MakeProviders("default")}
			before := New(world(1, "a"))
			before.Resource(ClusterType, "outbound|80||"+host, client)
			after := before.Derive(world(2, test.accounts...), mesh.HostKeys([]string{host}))
			after.Resource(ClusterType, "outbound|80||"+host, client)
			old, _ := before.subjects.Get(host)
			now, _ := after.subjects.Get(host)
			if now.routes.len() != 1 || (old.routes == now.routes) != test.kept {
				t.Errorf("got %d translations, kept: %t; want 1, %t", now.routes.len(), old.routes == now.routes, test.kept)
			}
		})
	}
}
