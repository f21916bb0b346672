package snapshot

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// keptWait is how long an Envoy waits for the endpoints of a kept cluster before it takes those that it has of that name.
const keptWait = time.Millisecond

// Keep returns what an Envoy can be sent for a cluster that it has and that does not exist any more, so that it goes on with the endpoints
// that it has: the cluster of the whole port by another name. It returns nil if the port does not exist either.
func (s *Snapshot) Keep(name string, client mesh.Client) *Versioned {
	port, _, host, ok := resource.ParseName(name)
	if !ok || resource.IsMTLS(name) {
		return nil
	}
	whole := s.Resource(ClusterType, resource.RouteName(port, host), client)
	if whole == nil || whole.Removes() {
		return nil
	}
	cluster := &clusterv3.Cluster{}
	if err := proto.Unmarshal(whole.wire[whole.body:], cluster); err != nil || cluster.GetEdsClusterConfig().GetEdsConfig() == nil {
		return nil
	}
	cluster.Name, cluster.EdsClusterConfig.ServiceName = name, name
	cluster.EdsClusterConfig.EdsConfig.InitialFetchTimeout = durationpb.New(keptWait)
	kept, err := newVersioned(ClusterType, resource.Resource{Name: name, Message: cluster})
	if err != nil {
		return nil
	}
	return kept
}
