package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// clusters makes one cluster for each port of the Service and each part of it.
func clusters(sink *[]mesh.Problem, in HostInput) []Resource {
	service, p := in.service, in.destinationRule
	checkPorts(sink, p, service)
	checkSubsets(sink, p)
	var all []Resource
	for _, port := range service.Ports {
		for _, subset := range subsetsAndWhole(p) {
			name := ClusterName(port.Number, subsetName(subset), service.Host)
			s := settingsFor(sink, p, subset, port.Number)
			s.ringSizes, s.peer = !in.missing.Has(mesh.FeatureRingSize), tlsPeerOf(in)
			s.annotations = annotationsFor(sink, service, p)
			message := cluster(name, service, port.Number, s)
			addLegacyEnum(message, in.missing)
			all = append(all, Resource{
				Name:    name,
				Message: message,
				Refs:    clusterRefs(service, p),
				Origins: s.origins(subset),
			})
		}
	}
	return all
}

func cluster(name string, service *mesh.Service, port uint32, s settings) *clusterv3.Cluster {
	c := edsCluster(name)
	c.LoadBalancingPolicy = loadBalancingPolicy(s)
	checkLocality(s.loadBalancerAt, s.loadBalancer)
	c.CircuitBreakers = circuitBreakers(s.connectionPoolAt, s.connectionPool)
	c.OutlierDetection = ejection(s)
	socket, secured := transportSocket(s.tlsAt, s.tls, s.peer)
	c.TransportSocket = socket
	switch {
	case !secured:
		c.EdsClusterConfig.ServiceName = refusedCluster
	case service.ExternalName != "":
		resolveByDNS(c, service.ExternalName, port)
	}
	return c
}

// edsCluster is a cluster without any policy: round robin over the endpoints of the same name, and no limit.
func edsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: adsSource(), ServiceName: name},
		// The enum stays at its zero, which every client accepts. What is wanted stands in the list, whose first entry that a
		// client knows counts; clients that cannot read the list balance round robin, but see addLegacyEnum.
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
