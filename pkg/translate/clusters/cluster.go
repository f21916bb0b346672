package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

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
	// TrustDomain is the mesh's trust domain; empty means mesh.DefaultTrustDomain. TrustDomainAliases are others whose
	// identities are the mesh's own, joined by commas.
	TrustDomain, TrustDomainAliases string
	// LoadReports says about which clusters clients report their load.
	LoadReports mesh.LoadReports
	// Groups are the endpoints by how they take calls; nil if all take plaintext.
	Groups *mesh.EndpointGroups
	// Automatic is set if the clients encrypt the calls to endpoints that take no others.
	Automatic bool
}

// Translate makes one Cluster for each port of the Service, with and without each subset.
func Translate(sink *[]mesh.Problem, in Input) []resource.Resource {
	service, rule := in.Service, in.Rule
	policy.CheckPorts(sink, rule, service)
	policy.CheckBackendTLS(sink, rule, service)
	policy.CheckSubsets(sink, rule)
	var all []resource.Resource
	for i, port := range service.Ports {
		for _, subset := range policy.SubsetsAndWhole(rule) {
			name := resource.ClusterName(port.Number, policy.SubsetName(subset), service.Host)
			s := policy.SettingsFor(sink, rule, subset, port.Number)
			s.Annotations = policy.AnnotationsFor(sink, service, rule)
			checkServers(s, in, subset, port)
			if subset == nil {
				checkClosed(sink, in, s, i)
			}
			message := cluster(name, port, subset, s, in)
			all = append(all, resource.Resource{
				Name:    name,
				Message: message,
				Refs:    clusterRefs(service, rule, port.Number),
				Origins: s.Origins(subset),
			})
			if split := policy.SplitFor(in.Family, "", in.Groups, rule, subset, port); in.Automatic && len(split.Accounts) > 0 {
				all = append(all, encrypted(all[len(all)-1], split.Accounts, in))
			}
		}
	}
	return all
}

func cluster(name string, port mesh.Port, subset *mesh.Subset, s policy.Settings, in Input) *clusterv3.Cluster {
	c := EdsCluster(name)
	forms[in.Family](c, s, in, member{port, subset})
	endpoints.CheckLocality(s.LoadBalancerAt, s.LoadBalancer)
	var socket *corev3.TransportSocket
	secured := !s.TLSRefused // then the object's converter reported it
	if secured {
		socket, secured = transportSocket(s.TLSAt, s.TLS, tlsPeerOf(in))
	}
	c.TransportSocket = socket
	switch {
	case !secured:
		c.EdsClusterConfig.ServiceName = resource.RefusedCluster
	case in.Service.ResolvedByClients():
		resolveByDNS(c, in.Service.DNSName, port.ServerPort())
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
		Metadata:             telemetry(name),
		// The enum stays 0, which every client accepts. The policy is in the list, of which a client uses the first
		// entry that it supports. Clients that do not read the list balance round robin, unless addLegacyEnum sets
		// the enum.
		LbPolicy:            clusterv3.Cluster_ROUND_ROBIN,
		LoadBalancingPolicy: roundRobin(),
		CircuitBreakers:     maxRequests(unlimited),
	}
}

// clusterRefs returns the objects that the clusters of a host's port are made from. The rules come first, because a rejection
// is more likely caused by them.
func clusterRefs(service *mesh.Service, rule *mesh.MergedDestinationRule, port uint32) []mesh.Ref {
	var refs []mesh.Ref
	if rule != nil {
		refs = append(refs, rule.Refs...)
		if b := rule.BackendTLSFor(port); b != nil {
			refs = append(refs, b.Policy.Ref)
		}
	}
	return append(refs, service.Ref)
}
