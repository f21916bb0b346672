package assemble

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// applyPods lists the pods of all clusters that changed, by name and by address. An address that several pods have is not
// listed: it proves nothing.
func (j *join) applyPods(b *worldBuilder) {
	dirty := map[string]struct{}{}
	for _, v := range j.inventories {
		maps.Copy(dirty, v.applyPods(b))
	}
	for ip := range dirty {
		var owners []*mesh.Pod
		clusters := map[string]struct{}{}
		for _, v := range j.inventories {
			for _, id := range v.pods.byIP[ip] {
				owners = append(owners, b.pods.get(mesh.PodKey(v.cluster, id.Namespace, id.Name)))
				clusters[v.cluster] = struct{}{}
			}
		}
		var owner *mesh.Pod
		if len(owners) == 1 {
			owner = owners[0]
		}
		b.podAddresses.put(ip, owner)
		j.overlaps.put(ip, clusters)
	}
	j.overlaps.report(j.problems)
}

// overlaps are the addresses that pods of several clusters have: the networks of the clusters overlap, so that nothing can tell
// the pods apart.
type overlaps struct {
	// clusters are those that have an address, sorted. Only addresses of several clusters are in it.
	clusters map[string][]string
	dirty    bool
	// reported are the clusters with a Problem.
	reported map[string]struct{}
}

func newOverlaps() *overlaps {
	return &overlaps{clusters: map[string][]string{}, reported: map[string]struct{}{}}
}

// put records which clusters have pods with an address.
func (o *overlaps) put(ip string, clusters map[string]struct{}) {
	if len(clusters) < 2 && o.clusters[ip] == nil {
		return
	}
	o.dirty = true
	if o.clusters[ip] = slices.Sorted(maps.Keys(clusters)); len(clusters) < 2 {
		delete(o.clusters, ip)
	}
}

// report replaces the Problems of the remote clusters: each has one, with an example.
func (o *overlaps) report(problems *problemIndex) {
	if !o.dirty {
		return
	}
	o.dirty = false
	examples, counts := map[string]string{}, map[string]int{}
	for ip, clusters := range o.clusters {
		for _, name := range clusters[1:] { // The first is the control plane's own, whose name is empty, or another remote one.
			counts[name]++
			if first, ok := examples[name]; !ok || ip < first {
				examples[name] = ip
			}
		}
	}
	before := o.reported
	o.reported = map[string]struct{}{}
	for name, ip := range examples {
		o.reported[name] = struct{}{}
		other := o.clusters[ip][0]
		where := "the control plane's own cluster"
		if other != "" {
			where = "cluster " + other
		}
		problems.put(overlapKey(name), []mesh.Problem{{
			Code: mesh.CodeConflict, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindCluster, Name: name},
			Message: fmt.Sprintf("%d addresses of its pods, such as %s, are also addresses of pods in %s. Calls to such an address reach one of the two pods, and the address proves no identity. "+
				"Give the clusters pod networks that do not overlap.", counts[name], ip, where),
		}})
	}
	for name := range before {
		if _, still := o.reported[name]; !still {
			problems.put(overlapKey(name), nil)
		}
	}
}

func overlapKey(cluster string) problemKey {
	return problemKey{topicOverlap, object.Key{Kind: mesh.KindCluster, Cluster: cluster}}
}

// localService returns the Service of a remote cluster that its clients call in place of the Service that is in effect for the host
// elsewhere, because one of the two is for its cluster alone; nil if there is none.
func (j *join) localService(host string, v *inventory) *mesh.Service {
	s := v.service(host)
	if s == nil {
		return nil
	}
	if _, owner := j.owner(host); owner.Ref.Cluster == s.Ref.Cluster || !owner.ClusterLocal && !s.ClusterLocal {
		return nil
	}
	return s
}

// inNetwork leaves out the endpoints that clients cannot reach: those in another network than the clients' own. set may be nil.
func (v *inventory) inNetwork(service *mesh.Service, set *mesh.EndpointSet, problems []mesh.Problem) (*mesh.EndpointSet, []mesh.Problem) {
	if set == nil {
		return nil, problems
	}
	far := func(e mesh.Endpoint) bool { return e.Topology.Network() != "" && e.Topology.Network() != v.ownNetwork }
	i := slices.IndexFunc(set.Endpoints, far)
	if i < 0 {
		return set, problems
	}
	all, network := len(set.Endpoints), set.Endpoints[i].Topology.Network()
	set.Endpoints = slices.DeleteFunc(set.Endpoints, far)
	problems = append(problems, mesh.Problem{
		Code: mesh.CodeUnsupported, Severity: mesh.Warning, Object: service.Ref,
		Message: fmt.Sprintf("%d of %d endpoints are left out, because they are in network %q and clients are in %q: without proxies there are no gateways between networks. "+
			"If pods of both reach each other, give them one network (--network, the annotation %s of the cluster's Secret, or that label of the pods).", all-len(set.Endpoints), all, network, v.ownNetwork, mesh.LabelNetwork),
	})
	if len(set.Endpoints) == 0 {
		return nil, problems
	}
	return set, problems
}

// comparePorts reports the ports of a remote cluster's Service that the Service in effect does not have. Calls reach the
// endpoints of the other ports, by the names of these.
func comparePorts(owner, s *mesh.Service) []mesh.Problem {
	var problems []mesh.Problem
	for i, p := range s.Ports {
		if slices.ContainsFunc(owner.Ports, func(o mesh.Port) bool { return o.Name == p.Name && o.Number == p.Number }) {
			continue
		}
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeConflict, Severity: mesh.Warning, Object: s.Ref, Field: fmt.Sprintf("spec.ports[%d]", i),
			Message: fmt.Sprintf("%s has no port %d with the name %q, and is in effect for the host. Clients call ports by its numbers, and endpoints by the names of its ports. Give the Service the same ports in all clusters.",
				owner.Ref, p.Number, p.Name),
		})
	}
	return problems
}

// compareSettings reports the settings of a remote cluster's Service that are others than those of the Service in effect.
func compareSettings(owner, s *mesh.Service) []mesh.Problem {
	var problems []mesh.Problem
	for _, setting := range []struct {
		field string
		same  bool
	}{
		{"spec.trafficDistribution", owner.TrafficDistribution == s.TrafficDistribution},
		{"metadata.annotations", owner.Annotations == s.Annotations},
		{"metadata.annotations[networking.istio.io/exportTo]", reflect.DeepEqual(owner.Export, s.Export)},
	} {
		if !setting.same {
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeConflict, Severity: mesh.Warning, Object: s.Ref, Field: setting.field,
				Message: fmt.Sprintf("%s is in effect for the host, and has another setting here. It applies to the clients of all clusters. Give the Service the same settings in all clusters, or set %s: %s if each cluster is to have its own.",
					owner.Ref, mesh.AnnotationScope, mesh.ScopeCluster),
			})
		}
	}
	return problems
}

// compareAddresses reports the endpoints of a remote cluster's Service that have the address of an endpoint in an earlier cluster. With pods
// behind both, the overlap of the networks is reported for the cluster. A Service without pods may list the same servers in each cluster.
func compareAddresses(owner, s *mesh.Service, earlier []*inventory, v *inventory) []mesh.Problem {
	elsewhere := map[string]struct{}{}
	for _, e := range earlier {
		for _, address := range e.addressesWithoutPods(owner) {
			elsewhere[address] = struct{}{}
		}
	}
	addresses := v.addressesWithoutPods(owner)
	all := len(addresses)
	addresses = slices.DeleteFunc(addresses, func(address string) bool { _, ok := elsewhere[address]; return !ok })
	if len(addresses) == 0 {
		return nil
	}
	return []mesh.Problem{{
		Code: mesh.CodeConflict, Severity: mesh.Info, Object: s.Ref,
		Message: fmt.Sprintf("%d of %d endpoints without a pod have addresses of endpoints in another cluster, such as %s. Each address and port gets calls once. "+
			"If these are different servers, give the clusters networks that do not overlap. If they are the same, list them in one cluster.", len(addresses), all, slices.Min(addresses)),
	}}
}

// addressesWithoutPods returns the addresses of the endpoints of a Service that belong to no pod: a pod has a service account.
func (v *inventory) addressesWithoutPods(of *mesh.Service) []string {
	set := v.endpointsOf(of.Host, of)
	if set == nil {
		return nil
	}
	var addresses []string
	for _, e := range set.Endpoints {
		if e.ServiceAccount == "" {
			addresses = append(addresses, e.Address)
		}
	}
	return addresses
}

// compareServices reports what the Services of remote clusters have otherwise than the Service in effect for the host.
func (j *join) compareServices(host string) {
	if _, _, variant := mesh.CutHostIn(host); variant || len(j.inventories) == 1 {
		return
	}
	_, owner := j.owner(host)
	for i, v := range j.inventories[1:] {
		var problems []mesh.Problem
		switch s := v.service(host); {
		case s == nil || s == owner || owner.ClusterLocal || s.ClusterLocal:
		case !joins(owner, s):
			problems = []mesh.Problem{{
				Code: mesh.CodeConflict, Severity: mesh.Warning, Object: s.Ref,
				Message: fmt.Sprintf("%s is in effect for the host, and one of the two has type ExternalName. The endpoints of this one get no calls. Use one type in all clusters.", owner.Ref),
			}}
		default:
			problems = slices.Concat(comparePorts(owner, s), compareSettings(owner, s), compareAddresses(owner, s, j.inventories[:i+1], v))
		}
		j.problems.put(problemKey{topicJoin, object.Key{Kind: object.KindService, Name: host, Cluster: v.cluster}}, problems)
	}
}
