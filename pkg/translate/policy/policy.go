package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Settings are the settings that apply to one port and subset, each with the field that sets it.
type Settings struct {
	LoadBalancer   *networking.LoadBalancerSettings
	ConnectionPool *networking.ConnectionPoolSettings
	TLS            *networking.ClientTLSSettings
	Outlier        *networking.OutlierDetection

	LoadBalancerAt, ConnectionPoolAt, TLSAt, OutlierAt report.Field

	// TLSRefused means that a BackendTLSPolicy asks for what clients cannot do, so calls fail.
	TLSRefused bool

	// Annotations are the settings by annotation. SettingsFor does not set them.
	Annotations Annotations
}

// layer is a traffic policy, or an entry of its portLevelSettings.
type layer interface {
	GetLoadBalancer() *networking.LoadBalancerSettings
	GetConnectionPool() *networking.ConnectionPoolSettings
	GetTls() *networking.ClientTLSSettings
	GetOutlierDetection() *networking.OutlierDetection
}

// SettingsFor overlays the traffic policies as Istio does. A setting is replaced as a whole, its fields are never
// merged:
//
//	policy                           replaces
//	top-level policy                 -
//	portLevelSettings of it          all settings above; settings that it does not have get their defaults
//	subset's policy                  the settings that it has
//	portLevelSettings of the subset  all settings above
//
// A BackendTLSPolicy has the TLS settings if none of these has. rule and subset may be nil.
func SettingsFor(sink *[]mesh.Problem, rule *mesh.MergedDestinationRule, subset *mesh.Subset, port uint32) Settings {
	var s Settings
	if rule == nil {
		return s
	}
	s.overlay(report.Field{Sink: sink, Ref: rule.TrafficPolicyRef, Path: "spec.trafficPolicy"}, rule.TrafficPolicy, port)
	if subset != nil {
		s.overlay(report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field + ".trafficPolicy"}, subset.TrafficPolicy, port)
	}
	if b := rule.BackendTLSFor(port); b != nil && s.TLS == nil {
		s.TLS, s.TLSAt, s.TLSRefused = b.TLS, report.Field{Sink: sink, Author: b.Author}, b.Refused
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

// CheckBackendTLS reports BackendTLSPolicies in whose place the DestinationRule for these clients has TLS settings.
func CheckBackendTLS(sink *[]mesh.Problem, rule *mesh.MergedDestinationRule, service *mesh.Service) {
	for _, port := range service.Ports {
		b := rule.BackendTLSFor(port.Number)
		s := SettingsFor(nil, rule, nil, port.Number)
		if b == nil || s.TLS == b.TLS {
			continue
		}
		at := report.Field{Sink: sink, Author: b.Author}
		if rule.Clients != "" {
			at.Notef(mesh.CodeConflict, "%s has TLS settings for port %d of %s and takes precedence for %s. This object has no effect on their calls. Remove one of the two.", s.TLSAt.Ref, port.Number, service.Ref, rule.Clients)
		} else {
			at.Warnf(mesh.CodeConflict, "%s has TLS settings for port %d of %s and takes precedence. This object has no effect there. Remove one of the two.", s.TLSAt.Ref, port.Number, service.Ref)
		}
	}
}

// PortChoices says which ports of a Service can be set in place of one that it does not have.
func PortChoices(service *mesh.Service, written uint32) string {
	if i := slices.IndexFunc(service.Ports, func(p mesh.Port) bool { return !p.NamedTarget && p.ServerPort() == written }); i >= 0 {
		return fmt.Sprintf("It is the targetPort of port %d. Set %[1]d.", service.Ports[i].Number)
	}
	if len(service.Ports) == 0 || len(service.Ports) > maxChoices {
		return "Set one of its ports, not a targetPort."
	}
	numbers := make([]string, len(service.Ports))
	for i, port := range service.Ports {
		numbers[i] = strconv.FormatUint(uint64(port.Number), 10)
	}
	return "Set one of its ports: " + strings.Join(numbers, ", ") + " (not a targetPort)."
}

// maxChoices is the largest number of ports that a message lists.
const maxChoices = 8

// CheckPorts reports entries of portLevelSettings that have no effect: the Service does not have the port, or an
// earlier entry is for the same port. A rule for a wildcard host may name ports that only some of the hosts have.
func CheckPorts(sink *[]mesh.Problem, rule *mesh.MergedDestinationRule, service *mesh.Service) {
	if rule == nil {
		return
	}
	check := func(at report.Field, traffic *networking.TrafficPolicy) {
		seen := map[uint32]bool{}
		for i, level := range traffic.GetPortLevelSettings() {
			number := level.GetPort().GetNumber()
			where := at.Child("trafficPolicy.portLevelSettings").Index(i).Child("port")
			if _, ok := service.Port(number); !ok && rule.Host == service.Host {
				where.Warnf(mesh.CodeNoSuchPort, "%s has no port %d. These settings have no effect. %s", service.Ref, number, PortChoices(service, number))
			} else if seen[number] {
				where.Warnf(mesh.CodeConflict, "An earlier entry is for port %d and takes precedence. This entry has no effect. Keep one of the two.", number)
			}
			seen[number] = true
		}
	}
	check(report.Field{Sink: sink, Ref: rule.TrafficPolicyRef, Path: "spec"}, rule.TrafficPolicy)
	for _, subset := range rule.Subsets {
		check(report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field}, subset.TrafficPolicy)
	}
}

// LimitsRequests reports whether a policy limits the concurrent calls to any port. p may be nil.
func LimitsRequests(p *networking.TrafficPolicy) bool {
	return p.GetConnectionPool().GetHttp().GetHttp2MaxRequests() > 0 ||
		slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
			return l.GetConnectionPool().GetHttp().GetHttp2MaxRequests() > 0
		})
}
