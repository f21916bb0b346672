package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Input is everything that the clusters of a Service depend on.
type Input struct {
	Family  mesh.Family
	Service *mesh.Service
	// Rule may be nil.
	Rule *mesh.MergedDestinationRule
	// Missing are the features that the clients lack, as far as they affect the result.
	Missing mesh.Features
	Trust   Trust
	// TrustDomain is the mesh's trust domain; empty means mesh.DefaultTrustDomain.
	TrustDomain string
}

// Translate makes one Cluster for each port of the Service, with and without each subset.
func Translate(sink *[]mesh.Problem, in Input) []resource.Resource {
	service, rule := in.Service, in.Rule
	policy.CheckPorts(sink, rule, service)
	policy.CheckSubsets(sink, rule)
	var all []resource.Resource
	for _, port := range service.Ports {
		for _, subset := range policy.SubsetsAndWhole(rule) {
			name := resource.ClusterName(port.Number, policy.SubsetName(subset), service.Host)
			s := policy.SettingsFor(sink, rule, subset, port.Number)
			s.Annotations = policy.AnnotationsFor(sink, service, rule)
			message := cluster(name, port, subset, s, in)
			all = append(all, resource.Resource{
				Name:    name,
				Message: message,
				Refs:    clusterRefs(service, rule),
				Origins: s.Origins(subset),
			})
		}
	}
	return all
}

func cluster(name string, port mesh.Port, subset *mesh.Subset, s policy.Settings, in Input) *clusterv3.Cluster {
	c := EdsCluster(name)
	forms[in.Family](c, s, in)
	c.Metadata = metadata(in.Family, port, subset)
	endpoints.CheckLocality(s.LoadBalancerAt, s.LoadBalancer)
	socket, secured := transportSocket(s.TLSAt, s.TLS, tlsPeerOf(in))
	c.TransportSocket = socket
	switch {
	case !secured:
		c.EdsClusterConfig.ServiceName = resource.RefusedCluster
	case in.Service.ExternalName != "":
		resolveByDNS(c, in.Service.ExternalName, port.Number)
	}
	return c
}

// EdsCluster makes a cluster without settings: round robin over the ClusterLoadAssignment of the same name, without
// limits.
func EdsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: resource.AdsSource(), ServiceName: name},
		// The enum stays 0, which every client accepts. The policy is in the list, of which a client uses the first
		// entry that it supports. Clients that do not read the list balance round robin, unless addLegacyEnum sets
		// the enum.
		LbPolicy:            clusterv3.Cluster_ROUND_ROBIN,
		LoadBalancingPolicy: roundRobin(),
		CircuitBreakers:     maxRequests(unlimited),
	}
}

// clusterRefs returns the objects that a host's clusters are made from. The rules come first, because a rejection
// is more likely caused by them.
func clusterRefs(service *mesh.Service, rule *mesh.MergedDestinationRule) []mesh.Ref {
	var refs []mesh.Ref
	if rule != nil {
		refs = append(refs, rule.Refs...)
	}
	return append(refs, service.Ref)
}
