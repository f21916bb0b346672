package object

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func newObject(k Kind, meta *metav1.ObjectMeta) Object {
	o := Object{Key: Key{Kind: k, Namespace: Intern(meta.Namespace), Name: meta.Name}, Generation: meta.Generation}
	o.Problems = CheckKeys(o.Key, meta)
	if text, ok := meta.Annotations[mesh.AnnotationIgnore]; ok {
		var mistakes []string
		o.Silenced, mistakes = ParseSilenced(text)
		for _, mistake := range mistakes {
			o.reportInvalid(mesh.AnnotationIgnore, "%s", mistake)
		}
	}
	return o
}

// Report adds a Problem of the object.
func (o *Object) Report(code mesh.Code, severity mesh.Severity, field, message string) {
	o.Problems = append(o.Problems, mesh.Problem{
		Code: code, Severity: severity, Object: o.Key.Ref(), Field: field, Message: message,
	})
}

// Intern makes equal strings share their bytes. It is for strings that many objects have in common.
func Intern(s string) string { return unique.Make(s).Value() }

func convertService(s *corev1.Service, domain string) Object {
	return convertServiceAs(KindService, s, domain)
}

// convertServiceAs converts an object of a kind that is like a Service.
func convertServiceAs(kind Kind, s *corev1.Service, domain string) Object {
	out := newObject(kind, &s.ObjectMeta)
	service := &mesh.Service{
		Ref:                        out.Key.Ref(),
		Host:                       mesh.FullHost(s.Name, s.Namespace, domain),
		Headless:                   s.Spec.ClusterIP == corev1.ClusterIPNone,
		PreferIPv6:                 len(s.Spec.IPFamilies) > 0 && s.Spec.IPFamilies[0] == corev1.IPv6Protocol,
		InternalTrafficPolicyLocal: deref(s.Spec.InternalTrafficPolicy) == corev1.ServiceInternalTrafficPolicyLocal,
	}
	service.ClusterLocal = clusterLocal(s, &out)
	service.TrafficDistribution = trafficDistribution(s, &out)
	if service.DNSName = externalName(s, &out); service.DNSName != "" {
		service.Resolve = mesh.ResolveClient
	}
	service.Addresses = clusterIPs(s)
	service.Annotations = annotationSettings(&s.ObjectMeta, &out)
	service.Pin = pinOf(&s.ObjectMeta, &out)
	service.Export = serviceExport(&s.ObjectMeta, &out)
	service.Selector = mesh.Labels(Intern(string(mesh.MakeLabels(s.Spec.Selector))))
	out.checkIstioAnnotations(&s.ObjectMeta)
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		out.Report(mesh.CodeUnsupported, mesh.Warning, "spec.sessionAffinity",
			"gRPC clients balance calls and not connections. Session affinity has no effect. Set consistentHash.useSourceIp in a DestinationRule instead.")
	}
	for i, p := range s.Spec.Ports {
		if !isTCP(p.Protocol) || !isPort(p.Port, fmt.Sprintf("spec.ports[%d].port", i), &out) {
			continue
		}
		if _, twice := service.Port(uint32(p.Port)); twice {
			out.Report(mesh.CodeInvalidValue, mesh.Error, fmt.Sprintf("spec.ports[%d].port", i),
				fmt.Sprintf("An earlier entry has port %d, too. This entry is ignored. Remove one of the two.", p.Port))
			continue
		}
		service.Ports = append(service.Ports, mesh.Port{Name: Intern(p.Name), Number: uint32(p.Port)})
		if !service.ResolvedByClients() { // Nothing translates their ports.
			declareTarget(&service.Ports[len(service.Ports)-1], p.TargetPort)
		}
		declareProtocol(&service.Ports[len(service.Ports)-1], p)
	}
	out.Value = service
	return out
}

// clusterLocal reports whether a Service means something else in each cluster: what Kubernetes runs for itself, and what is
// meant for the clients on a node.
func clusterLocal(s *corev1.Service, out *Object) bool {
	scope, ok := s.Annotations[mesh.AnnotationScope]
	if ok && scope != mesh.ScopeCluster {
		out.reportInvalid(mesh.AnnotationScope, "%q is not a scope. The endpoints of other clusters are joined. Use cluster, or remove the annotation.", scope)
	}
	return scope == mesh.ScopeCluster || s.Namespace == metav1.NamespaceSystem || s.Namespace == metav1.NamespaceDefault && s.Name == "kubernetes" ||
		deref(s.Spec.InternalTrafficPolicy) == corev1.ServiceInternalTrafficPolicyLocal
}

// declareTarget sets the pods' port. A number that API servers reject is left out: it is reported with the Service.
func declareTarget(port *mesh.Port, target intstr.IntOrString) {
	switch {
	case target.Type == intstr.String:
		port.NamedTarget = target.StrVal != ""
	case target.IntVal > 0 && target.IntVal <= math.MaxUint16 && uint32(target.IntVal) != port.Number:
		port.Target = uint16(target.IntVal)
	}
}

// isPort reports whether a number is a port, and adds a Problem if it is not. API servers accept no others.
func isPort(number int32, field string, out *Object) bool {
	if number > 0 && number <= math.MaxUint16 {
		return true
	}
	out.Report(mesh.CodeInvalidValue, mesh.Error, field, fmt.Sprintf("%d is not a port. The entry is ignored. Use a number from 1 to %d.", number, math.MaxUint16))
	return false
}

// clusterIPs returns the addresses that clients may dial; a headless Service has none.
func clusterIPs(s *corev1.Service) []string {
	var all []string
	for _, text := range append([]string{s.Spec.ClusterIP}, s.Spec.ClusterIPs...) {
		if ip, err := netip.ParseAddr(text); err == nil && !slices.Contains(all, ip.String()) {
			all = append(all, ip.String())
		}
	}
	return all
}

// externalName is empty for Services of other types. A value that is not a DNS name is dropped, so that calls fail.
func externalName(s *corev1.Service, out *Object) string {
	if s.Spec.Type != corev1.ServiceTypeExternalName {
		return ""
	}
	name := strings.ToLower(strings.TrimSuffix(s.Spec.ExternalName, "."))
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.externalName",
			fmt.Sprintf("%q is not a DNS name. Calls fail. Use a name such as api.example.com.", s.Spec.ExternalName))
		return ""
	}
	return name
}

// protocols are the protocols by the texts, in lower case, that declare them, as Istio reads them.
var protocols = map[string]mesh.Protocol{
	"tcp": mesh.ProtocolTCP, "http": mesh.ProtocolHTTP, "http2": mesh.ProtocolHTTP2, "https": mesh.ProtocolHTTPS,
	"grpc": mesh.ProtocolGRPC, "grpc-web": mesh.ProtocolGRPCWeb, "kubernetes.io/h2c": mesh.ProtocolHTTP2, "kubernetes.io/ws": mesh.ProtocolHTTP,
}

// declareProtocol reads the protocol of a port as Istio does: appProtocol, or else the port's name up to a dash.
func declareProtocol(port *mesh.Port, p corev1.ServicePort) {
	name := strings.ToLower(p.Name)
	protocol, _, _ := strings.Cut(name, "-")
	if name == "grpc-web" || strings.HasPrefix(name, "grpc-web-") {
		protocol = "grpc-web"
	}
	if p.AppProtocol != nil {
		protocol = strings.ToLower(*p.AppProtocol)
	}
	port.Protocol = protocols[protocol]
}

// isTCP reports whether gRPC may use the port; the API's default is TCP.
func isTCP(p corev1.Protocol) bool { return p == "" || p == corev1.ProtocolTCP }

func convertPod(p *corev1.Pod, _ string) Object {
	out := newObject(KindPod, &p.ObjectMeta)
	value := &Pod{
		UID: string(p.UID), Labels: mesh.Labels(Intern(string(mesh.MakeLabels(believedLabels(p, &out))))),
		ServiceAccount: Intern(accountOf(p)), Node: Intern(p.Spec.NodeName),
		Weight: weight(&p.ObjectMeta, &out),
	}
	finished := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	if !finished && !p.Spec.HostNetwork {
		for _, ip := range append([]corev1.PodIP{{IP: p.Status.PodIP}}, p.Status.PodIPs...) {
			if parsed, err := netip.ParseAddr(ip.IP); err == nil && !slices.Contains(value.IPs, parsed.String()) {
				value.IPs = append(value.IPs, parsed.String())
			}
		}
	}
	checkInjection(&p.ObjectMeta, &out)
	value.Ended = finished || p.DeletionTimestamp != nil
	value.NotReady = slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status != corev1.ConditionTrue
	})
	if !value.Ended {
		checkAgent(p, &out)
		if wantsInjection(p) {
			value.NotInjected = p.CreationTimestamp.Unix()
		}
		if wantsIdentity(p) {
			value.NoIdentity = p.CreationTimestamp.Unix()
		}
	}
	out.Value = value
	return out
}

// accountOf returns the service account of a pod. API servers fill it in, except in mirror pods, which have none.
func accountOf(p *corev1.Pod) string {
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return p.Spec.ServiceAccountName
	}
	return cmp.Or(p.Spec.ServiceAccountName, p.Spec.DeprecatedServiceAccount, "default")
}

func convertNode(n *corev1.Node, _ string) Object {
	out := newObject(KindNode, &n.ObjectMeta)
	out.Key.Namespace = ""
	out.Value = &Node{
		Locality: mesh.Locality{
			Region:  Intern(n.Labels[corev1.LabelTopologyRegion]),
			Zone:    Intern(n.Labels[corev1.LabelTopologyZone]),
			SubZone: Intern(n.Labels[mesh.LabelSubZone]),
		},
		ProbeSources: probeSources(n),
	}
	return out
}

// probeSources returns the addresses from which a kubelet probes the pods of its node: those of the node, and the first
// address of each of its ranges for pods, which network plugins give to their bridge.
func probeSources(n *corev1.Node) string {
	var sources []string
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			sources = append(sources, a.Address)
		}
	}
	for _, cidr := range n.Spec.PodCIDRs {
		if prefix, err := netip.ParsePrefix(cidr); err == nil && !prefix.IsSingleIP() {
			sources = append(sources, prefix.Masked().Addr().Next().String())
		}
	}
	return mesh.MakeAddresses(sources...)
}
