package clusters

import (
	"fmt"
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// closedNotes say which endpoints STRICT closes to clients of a family, although no PeerAuthentication's Problem names them.
var closedNotes = [mesh.FamilyCount]struct {
	concerns func(mesh.Port, *mesh.EndpointGroup) bool
	// undeclared is the severity for a port without a protocol.
	undeclared mesh.Severity
	message    string
}{
	// An endpoint that is not a pod cannot be asked for a certificate.
	mesh.FamilyGRPC: {
		func(_ mesh.Port, g *mesh.EndpointGroup) bool { return !g.IsPod() },
		mesh.Warning,
		"STRICT of %s is in effect for endpoints of port %d that are not pods. Clients of the mesh do not call them. Set tls.mode: DISABLE in a DestinationRule for %s if they take plaintext.",
	},
	// xDS configures the gRPC servers of a pod, and not what it serves beside them.
	mesh.FamilyHTTP: {
		func(p mesh.Port, g *mesh.EndpointGroup) bool {
			return p.Protocol != mesh.ProtocolTCP && mesh.FamilyHTTP.Takes(p.Protocol) && g.Labels.ServesByXDS()
		},
		mesh.Info,
		"STRICT of %s is in effect for port %d, and HTTP clients have no certificate of the mesh. They do not call the port. Set portLevelMtls DISABLE for the pods' port in a PeerAuthentication with a selector, " +
			"set tls in a DestinationRule for %s, or declare the port as grpc if it is not for HTTP.",
	},
}

// closedBy returns what closes endpoints of a port to clients of a family without another Problem; nil if nothing does.
func closedBy(family mesh.Family, groups *mesh.EndpointGroups, port mesh.Port) *mesh.PeerAuthentication {
	family = family.Calling(port.Protocol)
	if groups == nil {
		return nil
	}
	for i := range groups.Groups {
		g := &groups.Groups[i]
		if number, ok := g.Port(port.Name); ok && closedNotes[family].concerns(port, g) && g.Security(family, number) == mesh.ServerClosed {
			_, by := g.Peer.Mode(number)
			return by
		}
	}
	return nil
}

// SomeClosed reports whether a Service may have a Problem because STRICT closes endpoints to clients of a family.
func SomeClosed(family mesh.Family, groups *mesh.EndpointGroups, service *mesh.Service) bool {
	return slices.ContainsFunc(service.Ports, func(p mesh.Port) bool { return closedBy(family, groups, p) != nil })
}

// checkClosed reports a port with endpoints that STRICT closes, unless a DestinationRule says how to call them.
func checkClosed(sink *[]mesh.Problem, in Input, s policy.Settings, i int) {
	port := in.Service.Ports[i]
	note := closedNotes[in.Family.Calling(port.Protocol)]
	by := closedBy(in.Family, in.Groups, port)
	if by == nil || s.TLS != nil {
		return
	}
	severity := mesh.Warning
	if port.Protocol == "" {
		severity = note.undeclared
	}
	report.Field{Sink: sink, Ref: in.Service.Ref, Path: "spec.ports"}.Index(i).Add(mesh.Problem{
		Code: mesh.CodeNotEnforced, Severity: severity, Message: fmt.Sprintf(note.message, by.Ref, port.Number, in.Service.Host),
	})
}

// checkServers reports settings that do not fit how the endpoints take calls.
func checkServers(s policy.Settings, in Input, subset *mesh.Subset, port mesh.Port) {
	if in.Groups == nil || !in.Family.UsesMeshCertificate() {
		return
	}
	if subset != nil {
		subset = &mesh.Subset{Name: subset.Name, Labels: subset.Labels} // without its settings
	}
	endpoints := policy.SplitFor(in.Family, "", in.Groups, nil, subset, port)
	if endpoints.MTLS == 0 {
		return
	}
	which := "The endpoints of port %d take only mTLS"
	if endpoints.Plaintext > 0 {
		which = "Some endpoints of port %d take only mTLS"
	}
	switch mode := s.TLS.GetMode(); {
	case s.TLS != nil && (mode == networking.ClientTLSSettings_DISABLE || mode == networking.ClientTLSSettings_SIMPLE):
		s.TLSAt.Child("mode").Errorf(mesh.CodeConflict, which+", and %s connects without a client certificate. Calls to them fail. Remove the TLS settings: then each endpoint is called as it takes calls.",
			port.Number, mode)
	case s.TLS == nil && endpoints.Plaintext > 0 && s.LoadBalancer.GetConsistentHash() != nil:
		s.LoadBalancerAt.Child("consistentHash").Notef(mesh.CodeApproximated, which+", and others plaintext, so clients with certificates split their calls between two clusters. "+
			"Each has its own hash ring: calls with one key go to two endpoints. Give all pods of the Service the same labels mizzen.dev/identity and mizzen.dev/server.", port.Number)
	}
}
