package translate

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// settings are what a policy says of one port and subset, each with the place where it is written.
type settings struct {
	loadBalancer   *networking.LoadBalancerSettings
	connectionPool *networking.ConnectionPoolSettings
	tls            *networking.ClientTLSSettings
	outlier        *networking.OutlierDetection

	loadBalancerAt, connectionPoolAt, tlsAt, outlierAt fieldReporter

	// annotations are what annotations ask for.
	annotations annotations
	// ringSizes says whether the clients take rings of any size.
	ringSizes bool
	// peer is who is called, by clients with which certificates.
	peer tlsPeer
}

// layer is a traffic policy, or the part of one that holds for a port.
type layer interface {
	GetLoadBalancer() *networking.LoadBalancerSettings
	GetConnectionPool() *networking.ConnectionPoolSettings
	GetTls() *networking.ClientTLSSettings
	GetOutlierDetection() *networking.OutlierDetection
}

// settingsFor lays the policies over each other as Istio does. Settings are replaced whole, never merged inside:
//
//	written                          what it replaces
//	top-level policy                 -
//	port level of the top level      all of the above; what it leaves out is at its default
//	subset's policy                  each setting it has
//	port level of the subset         all of the above
//
// p may be nil, and so may subset.
func settingsFor(sink *[]mesh.Problem, p *mesh.MergedDestinationRule, subset *mesh.Subset, port uint32) settings {
	var s settings
	if p == nil {
		return s
	}
	s.overlay(fieldReporter{sink, p.TrafficPolicyRef, "spec.trafficPolicy"}, p.TrafficPolicy, port)
	if subset != nil {
		s.overlay(fieldReporter{sink, subset.Ref, subset.Field + ".trafficPolicy"}, subset.TrafficPolicy, port)
	}
	return s
}

func (s *settings) overlay(at fieldReporter, p *networking.TrafficPolicy, port uint32) {
	for i, level := range p.GetPortLevelSettings() {
		if level.GetPort().GetNumber() == port {
			*s = settings{}
			s.take(at.child("portLevelSettings").index(i), level)
			return
		}
	}
	if p != nil {
		s.take(at, p)
	}
}

func (s *settings) take(at fieldReporter, l layer) {
	if v := l.GetLoadBalancer(); v != nil {
		s.loadBalancer, s.loadBalancerAt = v, at.child("loadBalancer")
	}
	if v := l.GetConnectionPool(); v != nil {
		s.connectionPool, s.connectionPoolAt = v, at.child("connectionPool")
	}
	if v := l.GetTls(); v != nil {
		s.tls, s.tlsAt = v, at.child("tls")
	}
	if v := l.GetOutlierDetection(); v != nil {
		s.outlier, s.outlierAt = v, at.child("outlierDetection")
	}
}

// checkPorts reports port levels that never hold: of ports that the Service does not have, or that an entry before is for. A policy
// for many hosts may name ports that only some of them have.
func checkPorts(sink *[]mesh.Problem, p *mesh.MergedDestinationRule, service *mesh.Service) {
	if p == nil {
		return
	}
	check := func(at fieldReporter, traffic *networking.TrafficPolicy) {
		seen := map[uint32]bool{}
		for i, level := range traffic.GetPortLevelSettings() {
			number := level.GetPort().GetNumber()
			where := at.child("trafficPolicy.portLevelSettings").index(i).child("port")
			if _, ok := service.Port(number); !ok && p.Host == service.Host {
				where.warnf(mesh.CodeNoSuchPort, "%s has no port %d. These settings have no effect. Set one of its ports.", service.Ref, number)
			} else if seen[number] {
				where.warnf(mesh.CodeConflict, "An earlier entry is for port %d and takes precedence. This entry has no effect. Keep one of the two.", number)
			}
			seen[number] = true
		}
	}
	check(fieldReporter{sink, p.TrafficPolicyRef, "spec"}, p.TrafficPolicy)
	for _, subset := range p.Subsets {
		check(fieldReporter{sink, subset.Ref, subset.Field}, subset.TrafficPolicy)
	}
}
