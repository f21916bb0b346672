package translate

import (
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// CheckedWithoutRules reports whether clients of the family may have Problems with the host even if no rule is for it.
func (f Facts) CheckedWithoutRules(family mesh.Family) bool {
	switch {
	case f.Service == nil || f.Alias != nil:
		return false
	case clusters.SomeClosed(family, f.Groups, f.Service):
		return true
	}
	return f.hasAnnotationsToCheck() || checksPorts(family, f.Service)
}

// hasAnnotationsToCheck reports whether the Service has settings by annotation that some clients do not follow. Those that
// only a rule can make a Problem are none of them, nor is what clients report, unless nothing is reported: it may come from
// the Namespace of very many Services.
func (f Facts) hasAnnotationsToCheck() bool {
	a := &f.Service.Annotations
	balancer := a.Balancer.Value != "" && a.Balancer.Value != mesh.RoundRobin
	return balancer || a.SuccessRate.Value != (mesh.SuccessRate{}) || a.ReportedMetrics.Value != "" ||
		a.LoadReports.Value == mesh.On && f.Defaults.LoadReports == mesh.LoadReportsOff
}

// checksPorts reports whether HTTP clients may not find a port of the Service, or call it in vain.
func checksPorts(family mesh.Family, service *mesh.Service) bool {
	return family == mesh.FamilyHTTP && (len(service.Ports) > 1 && len(service.PortsFor(family)) > 0 ||
		slices.ContainsFunc(service.Ports, func(p mesh.Port) bool { return protocolNotes[p.Protocol] != "" }))
}

// protocolNotes say what HTTP clients do with a port whose protocol is not plain HTTP/1.1, by what it declares.
var protocolNotes = map[mesh.Protocol]string{
	mesh.ProtocolHTTP2: "Port %d is declared as HTTP/2, and HTTP clients send HTTP/1.1. Their calls fail if the server does not understand it. If it does, declare the port as http.",
	mesh.ProtocolHTTPS: "Port %d is declared as https, and no DestinationRule sets tls for it. HTTP clients do not encrypt calls of http URIs, which fail there. Call it by https URIs, or set tls.",
}

// checkProtocols reports the ports of a Service that HTTP clients may call in vain.
func (in HostInput) checkProtocols(sink *[]mesh.Problem, all []resource.Resource) {
	if in.service == nil || in.alias != nil || !checksPorts(in.family, in.service) {
		return
	}
	for i, port := range in.service.Ports {
		encrypted := slices.ContainsFunc(all, func(r resource.Resource) bool {
			return r.Name == resource.ClusterName(port.Number, "", in.service.Host) && r.Message.(*clusterv3.Cluster).GetTransportSocket() != nil
		})
		if note := protocolNotes[port.Protocol]; note != "" && (!encrypted || port.Protocol != mesh.ProtocolHTTPS) {
			report.Field{Sink: sink, Ref: in.service.Ref, Path: "spec.ports"}.Index(i).Approximatef(note, port.Number)
		}
	}
}

// checkDefaultPort reports a Service that HTTP clients do not find unless they name a port, as their URIs rarely do.
func (in HostInput) checkDefaultPort(sink *[]mesh.Problem) {
	if in.service == nil || in.alias != nil || !checksPorts(in.family, in.service) {
		return
	}
	if _, ok := in.service.DefaultPort(in.family); ok {
		return
	}
	var ports []string
	for _, p := range in.service.PortsFor(in.family) {
		ports = append(ports, strings.TrimSpace(fmt.Sprintf("%s %d", p.Name, p.Number)))
	}
	report.Field{Sink: sink, Ref: in.service.Ref, Path: "spec.ports"}.Warnf(mesh.CodeNoSuchPort,
		"HTTP clients can call the ports %s of the Service. Those that name no port do not find it, because none of these is 80 or the only one for HTTP. Name one port http, or set its appProtocol to http.",
		strings.Join(ports, ", "))
}
