package policy

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Settings are what a policy says of one port and subset, each with the place where it is written.
type Settings struct {
	LoadBalancer   *networking.LoadBalancerSettings
	ConnectionPool *networking.ConnectionPoolSettings
	TLS            *networking.ClientTLSSettings
	Outlier        *networking.OutlierDetection

	LoadBalancerAt, ConnectionPoolAt, TLSAt, OutlierAt report.Field

	// Annotations are what annotations ask for.
	Annotations Annotations
}

// layer is a traffic policy, or the part of one that holds for a port.
type layer interface {
	GetLoadBalancer() *networking.LoadBalancerSettings
	GetConnectionPool() *networking.ConnectionPoolSettings
	GetTls() *networking.ClientTLSSettings
	GetOutlierDetection() *networking.OutlierDetection
}

// SettingsFor lays the policies over each other as Istio does. Settings are replaced whole, never merged inside:
//
//	written                          what it replaces
//	top-level policy                 -
//	port level of the top level      all of the above; what it leaves out is at its default
//	subset's policy                  each setting it has
//	port level of the subset         all of the above
//
// p may be nil, and so may subset.
func SettingsFor(sink *[]mesh.Problem, p *mesh.MergedDestinationRule, subset *mesh.Subset, port uint32) Settings {
	var s Settings
	if p == nil {
		return s
	}
	s.overlay(report.Field{Sink: sink, Ref: p.TrafficPolicyRef, Path: "spec.trafficPolicy"}, p.TrafficPolicy, port)
	if subset != nil {
		s.overlay(report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field + ".trafficPolicy"}, subset.TrafficPolicy, port)
	}
	return s
}

func (s *Settings) overlay(at report.Field, p *networking.TrafficPolicy, port uint32) {
	for i, level := range p.GetPortLevelSettings() {
		if level.GetPort().GetNumber() == port {
			*s = Settings{}
			s.take(at.Child("portLevelSettings").Index(i), level)
			return
		}
	}
	if p != nil {
		s.take(at, p)
	}
}

func (s *Settings) take(at report.Field, l layer) {
	if v := l.GetLoadBalancer(); v != nil {
		s.LoadBalancer, s.LoadBalancerAt = v, at.Child("loadBalancer")
	}
	if v := l.GetConnectionPool(); v != nil {
		s.ConnectionPool, s.ConnectionPoolAt = v, at.Child("connectionPool")
	}
	if v := l.GetTls(); v != nil {
		s.TLS, s.TLSAt = v, at.Child("tls")
	}
	if v := l.GetOutlierDetection(); v != nil {
		s.Outlier, s.OutlierAt = v, at.Child("outlierDetection")
	}
}

// CheckPorts reports port levels that never hold: of ports that the Service does not have, or that an entry before is for. A policy
// for many hosts may name ports that only some of them have.
func CheckPorts(sink *[]mesh.Problem, p *mesh.MergedDestinationRule, service *mesh.Service) {
	if p == nil {
		return
	}
	check := func(at report.Field, traffic *networking.TrafficPolicy) {
		seen := map[uint32]bool{}
		for i, level := range traffic.GetPortLevelSettings() {
			number := level.GetPort().GetNumber()
			where := at.Child("trafficPolicy.portLevelSettings").Index(i).Child("port")
			if _, ok := service.Port(number); !ok && p.Host == service.Host {
				where.Warnf(mesh.CodeNoSuchPort, "%s has no port %d. These settings have no effect. Set one of its ports.", service.Ref, number)
			} else if seen[number] {
				where.Warnf(mesh.CodeConflict, "An earlier entry is for port %d and takes precedence. This entry has no effect. Keep one of the two.", number)
			}
			seen[number] = true
		}
	}
	check(report.Field{Sink: sink, Ref: p.TrafficPolicyRef, Path: "spec"}, p.TrafficPolicy)
	for _, subset := range p.Subsets {
		check(report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field}, subset.TrafficPolicy)
	}
}
