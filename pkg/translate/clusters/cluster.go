package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Input is all that the clusters of a Service depend on.
type Input struct {
	Service *mesh.Service
	// Rule may be nil.
	Rule *mesh.MergedDestinationRule
	// Missing are the features that the clients lack, and that change what is made.
	Missing mesh.Features
	Trust   Trust
	// TrustDomain is mesh.DefaultTrustDomain when empty.
	TrustDomain string
}

// Translate makes one cluster for each port of the Service and each part of it.
func Translate(sink *[]mesh.Problem, in Input) []resource.Resource {
	service, p := in.Service, in.Rule
	policy.CheckPorts(sink, p, service)
	policy.CheckSubsets(sink, p)
	var all []resource.Resource
	for _, port := range service.Ports {
		for _, subset := range policy.SubsetsAndWhole(p) {
			name := resource.ClusterName(port.Number, policy.SubsetName(subset), service.Host)
			s := policy.SettingsFor(sink, p, subset, port.Number)
			s.Annotations = policy.AnnotationsFor(sink, service, p)
			message := cluster(name, port.Number, s, in)
			addLegacyEnum(message, in.Missing)
			all = append(all, resource.Resource{
				Name:    name,
				Message: message,
				Refs:    clusterRefs(service, p),
				Origins: s.Origins(subset),
			})
		}
	}
	return all
}

func cluster(name string, port uint32, s policy.Settings, in Input) *clusterv3.Cluster {
	c := EdsCluster(name)
	c.LoadBalancingPolicy = loadBalancingPolicy(s, !in.Missing.Has(mesh.FeatureRingSize))
	endpoints.CheckLocality(s.LoadBalancerAt, s.LoadBalancer)
	c.CircuitBreakers = circuitBreakers(s.ConnectionPoolAt, s.ConnectionPool)
	c.OutlierDetection = ejection(s)
	socket, secured := transportSocket(s.TLSAt, s.TLS, tlsPeerOf(in))
	c.TransportSocket = socket
	switch {
	case !secured:
		c.EdsClusterConfig.ServiceName = resource.RefusedCluster
	case in.Service.ExternalName != "":
		resolveByDNS(c, in.Service.ExternalName, port)
	}
	return c
}

// EdsCluster is a cluster without any policy: round robin over the endpoints of the same name, and no limit.
func EdsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: resource.AdsSource(), ServiceName: name},
		// The enum stays at its zero, which every client accepts. What is wanted stands in the list, whose first
		// entry that a client knows counts; clients that cannot read the list balance round robin, but see
		// addLegacyEnum.
		LbPolicy:            clusterv3.Cluster_ROUND_ROBIN,
		LoadBalancingPolicy: roundRobin(),
		CircuitBreakers:     maxRequests(unlimited),
	}
}

// clusterRefs are the objects that make a host's clusters: the rules first, being the likelier to be at fault.
func clusterRefs(service *mesh.Service, p *mesh.MergedDestinationRule) []mesh.Ref {
	var refs []mesh.Ref
	if p != nil {
		refs = append(refs, p.Refs...)
	}
	return append(refs, service.Ref)
}
