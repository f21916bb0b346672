package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// form sets the settings of a cluster for one family of clients: all but its endpoints and its TLS.
type form func(c *clusterv3.Cluster, s policy.Settings, in Input, m member)

// member is what a cluster is for: a port, and a subset of its endpoints or nil.
type member struct {
	port   mesh.Port
	subset *mesh.Subset
}

// forms are indexed by mesh.Family.
var forms = [mesh.FamilyCount]form{mesh.FamilyGRPC: grpcSettings, mesh.FamilyHTTP: httpSettings, mesh.FamilyEnvoy: envoySettings}

func grpcSettings(c *clusterv3.Cluster, s policy.Settings, in Input, _ member) {
	c.LoadBalancingPolicy = loadBalancingPolicy(s, !in.Missing.Has(mesh.FeatureRingSize))
	c.CircuitBreakers = circuitBreakers(s.ConnectionPoolAt, s.ConnectionPool)
	c.LrsServer = loadReports(s, in)
	c.LrsReportEndpointMetrics = reportedMetrics(c, s)
	c.OutlierDetection = ejection(s)
	addLegacyEnum(c, in.Missing)
}
