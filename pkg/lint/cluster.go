package lint

import (
	"math"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	aggregatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gRPC for Rust takes every cluster for one of endpoints, reads the kind of load balancer, and looks at nothing else but TLS.

func (l *linter) cluster(m *clusterv3.Cluster) {
	switch {
	case m.GetClusterType() != nil:
		l.aggregate(m.GetClusterType())
	case m.GetType() == clusterv3.Cluster_EDS:
		if !onStream(m.GetEdsClusterConfig().GetEdsConfig()) {
			l.refuse(notRust, "has its endpoints from another place than the stream")
		}
		if strings.HasPrefix(m.GetName(), "xdstp:") && m.GetEdsClusterConfig().GetServiceName() == "" {
			l.refuse(notRust, "is named by an xdstp address, and its endpoints are not")
		}
	case m.GetType() == clusterv3.Cluster_LOGICAL_DNS:
		l.resolved(m)
	default:
		l.refuse(notRust, "is of a kind that clients do not know: %s", m.GetType())
	}
	l.balancer(m)
	l.transport(m)
	l.ejection(m.GetOutlierDetection())
	if m.GetLrsServer() != nil && m.GetLrsServer().GetSelf() == nil {
		l.refuse(notRust, "has its load reported to another server")
	}
}

func (l *linter) aggregate(t *clusterv3.Cluster_CustomClusterType) {
	m := &aggregatev3.ClusterConfig{}
	if t.GetName() != "envoy.clusters.aggregate" || t.GetTypedConfig().UnmarshalTo(m) != nil || len(m.GetClusters()) == 0 {
		l.refuse(notRust, "is of a kind of its own, %q, and no list of clusters", t.GetName())
	}
}

// resolved is a cluster whose one name clients resolve themselves.
func (l *linter) resolved(m *clusterv3.Cluster) {
	groups := m.GetLoadAssignment().GetEndpoints()
	if len(groups) != 1 || len(groups[0].GetLbEndpoints()) != 1 {
		l.refuse(notRust, "is resolved by DNS, but has not just one name")
		return
	}
	address := groups[0].GetLbEndpoints()[0].GetEndpoint().GetAddress().GetSocketAddress()
	if address.GetAddress() == "" || address.GetPortValue() == 0 || address.GetResolverName() != "" {
		l.refuse(notRust, "is resolved by DNS, but has no name and port to resolve: %v", address)
	}
}

func (l *linter) ejection(o *clusterv3.OutlierDetection) {
	if o == nil {
		return
	}
	for _, d := range []*durationpb.Duration{o.GetInterval(), o.GetBaseEjectionTime(), o.GetMaxEjectionTime()} {
		if d != nil && (d.CheckValid() != nil || d.AsDuration() < 0) {
			l.refuse(notRust, "ejects by the duration %v", d)
		}
	}
	counts := []*wrapperspb.UInt32Value{
		o.GetSuccessRateStdevFactor(), o.GetSuccessRateMinimumHosts(), o.GetSuccessRateRequestVolume(),
		o.GetFailurePercentageMinimumHosts(), o.GetFailurePercentageRequestVolume(),
	}
	if i := slices.IndexFunc(counts, func(n *wrapperspb.UInt32Value) bool { return n.GetValue() > math.MaxInt32 }); i >= 0 {
		l.refuse(inJava, "ejects by the number %d, which is beyond 31 bits", counts[i].GetValue())
	}
	percentages := []*wrapperspb.UInt32Value{
		o.GetMaxEjectionPercent(), o.GetEnforcingSuccessRate(), o.GetEnforcingFailurePercentage(), o.GetFailurePercentageThreshold(),
	}
	if i := slices.IndexFunc(percentages, func(p *wrapperspb.UInt32Value) bool { return p.GetValue() > 100 }); i >= 0 {
		l.refuse(notRust, "ejects by %d percent", percentages[i].GetValue())
	}
}
