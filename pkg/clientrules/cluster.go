package clientrules

import (
	"math"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	aggregatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gRPC for Rust treats every cluster as an EDS cluster. It reads only the load balancing policy and the TLS settings.

func (c *checker) cluster(m *clusterv3.Cluster) {
	switch {
	case m.GetClusterType() != nil:
		c.aggregate(m.GetClusterType())
	case m.GetType() == clusterv3.Cluster_EDS:
		if !onStream(m.GetEdsClusterConfig().GetEdsConfig()) {
			c.reject(notRust, "has an EDS config source other than ADS")
		}
		if strings.HasPrefix(m.GetName(), "xdstp:") && m.GetEdsClusterConfig().GetServiceName() == "" {
			c.reject(notRust, "has an xdstp name, but its EDS service name is not one")
		}
	case m.GetType() == clusterv3.Cluster_LOGICAL_DNS:
		c.logicalDNS(m)
	default:
		c.reject(notRust, "has a discovery type that clients do not support: %s", m.GetType())
	}
	c.balancer(m)
	c.transport(m)
	c.outlierDetection(m.GetOutlierDetection())
	if m.GetLrsServer() != nil && m.GetLrsServer().GetSelf() == nil {
		c.reject(notRust, "reports load to another server")
	}
}

func (c *checker) aggregate(t *clusterv3.Cluster_CustomClusterType) {
	m := &aggregatev3.ClusterConfig{}
	if t.GetName() != "envoy.clusters.aggregate" || t.GetTypedConfig().UnmarshalTo(m) != nil || len(m.GetClusters()) == 0 {
		c.reject(notRust, "has the custom cluster type %q, which is not an aggregate cluster", t.GetName())
	}
}

// logicalDNS checks a cluster with one name, which clients resolve themselves.
func (c *checker) logicalDNS(m *clusterv3.Cluster) {
	groups := m.GetLoadAssignment().GetEndpoints()
	if len(groups) != 1 || len(groups[0].GetLbEndpoints()) != 1 {
		c.reject(notRust, "is resolved by DNS, but does not have exactly one name")
		return
	}
	address := groups[0].GetLbEndpoints()[0].GetEndpoint().GetAddress().GetSocketAddress()
	if address.GetAddress() == "" || address.GetPortValue() == 0 || address.GetResolverName() != "" {
		c.reject(notRust, "is resolved by DNS, but has no name and port to resolve: %v", address)
	}
}

func (c *checker) outlierDetection(o *clusterv3.OutlierDetection) {
	if o == nil {
		return
	}
	for _, d := range []*durationpb.Duration{o.GetInterval(), o.GetBaseEjectionTime(), o.GetMaxEjectionTime()} {
		if d != nil && (d.CheckValid() != nil || d.AsDuration() < 0) {
			c.reject(notRust, "has the outlier detection duration %v", d)
		}
	}
	counts := []*wrapperspb.UInt32Value{
		o.GetSuccessRateStdevFactor(), o.GetSuccessRateMinimumHosts(), o.GetSuccessRateRequestVolume(),
		o.GetFailurePercentageMinimumHosts(), o.GetFailurePercentageRequestVolume(),
	}
	if i := slices.IndexFunc(counts, func(n *wrapperspb.UInt32Value) bool { return n.GetValue() > math.MaxInt32 }); i >= 0 {
		c.reject(inJava, "has the outlier detection number %d, which needs more than 31 bits", counts[i].GetValue())
	}
	percentages := []*wrapperspb.UInt32Value{
		o.GetMaxEjectionPercent(), o.GetEnforcingSuccessRate(), o.GetEnforcingFailurePercentage(), o.GetFailurePercentageThreshold(),
	}
	if i := slices.IndexFunc(percentages, func(p *wrapperspb.UInt32Value) bool { return p.GetValue() > 100 }); i >= 0 {
		c.reject(notRust, "has the outlier detection percentage %d", percentages[i].GetValue())
	}
}
