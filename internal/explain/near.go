package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// nearness says how a Service's settings for near endpoints affect the endpoints of a cluster: which are left out, and
// which are preferred.
func nearness(s *snapshot.Snapshot, cluster string, client mesh.Client, load tracedResource, found []Locality) []string {
	host := cluster[strings.LastIndex(cluster, "|")+1:]
	service, ok := s.World().Services.Get(host)
	if !ok {
		return nil
	}
	var notes []string
	if set, ok := s.World().Endpoints.Get(host); ok && service.InternalTrafficPolicyLocal {
		notes = onlyLocal(service, set, client.Node)
	}
	byRule := slices.ContainsFunc(load.origins, func(o report.Origin) bool {
		return strings.HasPrefix(o.Path, "endpoints[") && !strings.Contains(o.Field, mesh.AnnotationSubsetSize)
	})
	if service.TrafficDistribution != mesh.PreferNone && len(found) > 0 && !byRule {
		notes = append(notes, preferred(service, client, found))
	}
	return notes
}

// onlyLocal says which endpoints internalTrafficPolicy leaves out.
func onlyLocal(service *mesh.Service, set *mesh.EndpointSet, node string) []string {
	local := 0
	for i := range set.Endpoints {
		if on := set.Endpoints[i].Topology.Node(); on != "" && on == node {
			local++
		}
	}
	if local == len(set.Endpoints) {
		return nil
	}
	out, are := len(set.Endpoints)-local, "are"
	if out == 1 {
		are = "is"
	}
	text := fmt.Sprintf("%s has internalTrafficPolicy: Local, so that clients call only endpoints on their own node: %d of %d %s left out, ", service.Ref, out, len(set.Endpoints), are)
	if node == "" {
		return []string{text + "because the node of the client is not known. Name it with --node, or the client with --pod"}
	}
	return []string{text + "which " + are + " not on node " + node}
}

// preferred says which endpoints a Service's trafficDistribution prefers.
func preferred(service *mesh.Service, client mesh.Client, found []Locality) string {
	text := service.Ref.String() + " has a trafficDistribution, so that clients prefer endpoints "
	if service.TrafficDistribution == mesh.PreferSameNode {
		text += "on their node, then "
	}
	text += "in their zone"
	switch {
	case client.Locality.Zone == "" && (service.TrafficDistribution != mesh.PreferSameNode || client.Node == ""):
		return text + ". The zone of the client is not known, so that all endpoints are alike. Name it with --zone, or the client with --pod"
	case found[len(found)-1].Priority == 0:
		return text + ". None is nearer than the others"
	}
	return text + ": those of a higher priority number are called only if none before them is reachable"
}
