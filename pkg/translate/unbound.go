package translate

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
)

// Unbound makes the Input of a VirtualService that applies to no Service. Host checks it and makes no resources.
func Unbound(family mesh.Family, vs *mesh.VirtualService) HostInput {
	return HostInput{family: family, virtualServices: mesh.MakeVirtualServices(vs)}
}

// UnboundRule makes the Input of a DestinationRule whose host has no Service: it is checked for a Service with every port
// that the rule names, and one that it does not name.
func UnboundRule(family mesh.Family, rule *mesh.MergedDestinationRule) HostInput {
	service := &mesh.Service{Ref: mesh.Ref{Kind: "Service", Name: rule.Host}, Host: rule.Host}
	other := uint32(1)
	policies := []*networking.TrafficPolicy{rule.TrafficPolicy}
	for _, subset := range rule.Subsets {
		policies = append(policies, subset.TrafficPolicy)
	}
	for _, policy := range policies {
		for _, level := range policy.GetPortLevelSettings() {
			number := level.GetPort().GetNumber()
			if _, known := service.Port(number); !known {
				service.Ports = append(service.Ports, mesh.Port{Number: number})
				other = max(other, number+1)
			}
		}
	}
	service.Ports = append(service.Ports, mesh.Port{Number: other})
	needs := clusters.TrustNeedsOf(rule)
	client := mesh.Client{Providers: mesh.MakeProviders(needs.Providers...)}
	trust := needs.Project(client, func() mesh.ServiceAccounts { return mesh.ServiceAccounts{} })
	return HostInput{family: family, service: service, destinationRule: rule, trust: trust}
}
