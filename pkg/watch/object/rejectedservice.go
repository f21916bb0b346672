package object

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxAffinitySeconds is the maximum of timeoutSeconds of the session affinity: a day.
const maxAffinitySeconds = 24 * 60 * 60

var specPath = field.NewPath("spec")

// rejectService adds why every API server rejects a Service. It does not know which cluster IPs, IP families and node
// ports one cluster has, and which traffic distributions one version.
func rejectService(s *corev1.Service, r *rejections) {
	rejectType(s, r)
	rejectServicePorts(s, r)
	rejectClusterIPs(s, r)
	rejectExternal(s, r)
	if s.Spec.Selector != nil {
		r.all = append(r.all, metavalidation.ValidateLabels(s.Spec.Selector, specPath.Child("selector"))...)
	}
	if c := s.Spec.SessionAffinityConfig; s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP && c != nil && c.ClientIP != nil {
		seconds := cmp.Or(c.ClientIP.TimeoutSeconds, new(int32(1)))
		r.rules(rule{
			*seconds < 1 || *seconds > maxAffinitySeconds, specPath.Child("sessionAffinityConfig", "clientIP", "timeoutSeconds"), *seconds,
			fmt.Sprintf("must be from 1 to %d", maxAffinitySeconds),
		})
	}
	hints, hinted := s.Annotations[corev1.DeprecatedAnnotationTopologyAwareHints]
	mode, moded := s.Annotations[corev1.AnnotationTopologyMode]
	r.rules(rule{
		hinted && moded && hints != mode, field.NewPath("metadata", "annotations").Key(corev1.AnnotationTopologyMode), mode,
		"must be the value of " + corev1.DeprecatedAnnotationTopologyAwareHints + ", because both are set",
	})
}

func isHeadless(s *corev1.Service) bool {
	return s.Spec.ClusterIP == corev1.ClusterIPNone && len(s.Spec.ClusterIPs) <= 1
}

// typeOf returns the type of a Service; it is ClusterIP if it is unset.
func typeOf(s *corev1.Service) corev1.ServiceType {
	return cmp.Or(s.Spec.Type, corev1.ServiceTypeClusterIP)
}

// rejectType adds fields that a Service of its type cannot have, and fields that it must have.
func rejectType(s *corev1.Service, r *rejections) {
	spec := &s.Spec
	external, balanced := typeOf(s) == corev1.ServiceTypeExternalName, typeOf(s) == corev1.ServiceTypeLoadBalancer
	accessible := balanced || typeOf(s) == corev1.ServiceTypeNodePort || typeOf(s) == corev1.ServiceTypeClusterIP && len(spec.ExternalIPs) > 0
	checked := balanced && spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	const notExternal, onlyBalanced = "must not be set if type is ExternalName", "may be set only if type is LoadBalancer"
	ranges, ranged := s.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey]
	rangesPath := field.NewPath("metadata", "annotations").Key(corev1.AnnotationLoadBalancerSourceRangesKey)
	ranged = ranged && len(spec.LoadBalancerSourceRanges) == 0
	r.rules(
		rule{len(spec.Ports) == 0 && !isHeadless(s) && !external, specPath.Child("ports"), nil, "a Service needs a port, unless it is headless"},
		rule{isHeadless(s) && (balanced || typeOf(s) == corev1.ServiceTypeNodePort), specPath.Child("clusterIP"), spec.ClusterIP, "must not be None if type is " + string(typeOf(s))},
		rule{external && spec.ClusterIP+strings.Join(spec.ClusterIPs, "") != "", specPath.Child("clusterIP"), spec.ClusterIP, notExternal},
		rule{external && len(spec.IPFamilies) > 0, specPath.Child("ipFamilies"), spec.IPFamilies, notExternal},
		rule{external && spec.IPFamilyPolicy != nil, specPath.Child("ipFamilyPolicy"), deref(spec.IPFamilyPolicy), notExternal},
		rule{!balanced && len(spec.LoadBalancerSourceRanges) > 0, specPath.Child("loadBalancerSourceRanges"), spec.LoadBalancerSourceRanges, onlyBalanced},
		rule{!balanced && ranged, rangesPath, ranges, onlyBalanced},
		rule{!balanced && spec.AllocateLoadBalancerNodePorts != nil, specPath.Child("allocateLoadBalancerNodePorts"), deref(spec.AllocateLoadBalancerNodePorts), onlyBalanced},
		rule{!balanced && spec.LoadBalancerClass != nil, specPath.Child("loadBalancerClass"), deref(spec.LoadBalancerClass), onlyBalanced},
		rule{
			!accessible && spec.ExternalTrafficPolicy != "", specPath.Child("externalTrafficPolicy"), spec.ExternalTrafficPolicy,
			"may be set only if type is NodePort or LoadBalancer, or with externalIPs",
		},
		rule{
			!checked && spec.HealthCheckNodePort != 0, specPath.Child("healthCheckNodePort"), spec.HealthCheckNodePort,
			"may be set only if type is LoadBalancer and externalTrafficPolicy is Local",
		},
	)
	if checked && spec.HealthCheckNodePort != 0 {
		r.texts(specPath.Child("healthCheckNodePort"), spec.HealthCheckNodePort, validation.IsValidPortNum(int(spec.HealthCheckNodePort)))
	}
	if balanced && spec.LoadBalancerClass != nil {
		r.texts(specPath.Child("loadBalancerClass"), *spec.LoadBalancerClass, validation.IsQualifiedName(*spec.LoadBalancerClass))
	}
	if external { // upper case, which an API server rejects, is the same name
		name := strings.ToLower(strings.TrimSuffix(spec.ExternalName, "."))
		r.texts(specPath.Child("externalName"), spec.ExternalName, validation.IsDNS1123Subdomain(name))
	}
	for i, text := range spec.LoadBalancerSourceRanges {
		r.all = append(r.all, validation.IsValidCIDR(specPath.Child("loadBalancerSourceRanges").Index(i), strings.TrimSpace(text))...)
	}
	if ranged && strings.TrimSpace(ranges) != "" {
		for text := range strings.SplitSeq(strings.TrimSpace(ranges), ",") {
			r.all = append(r.all, validation.IsValidCIDR(rangesPath, strings.TrimSpace(text))...)
		}
	}
}

func rejectServicePorts(s *corev1.Service, r *rejections) {
	var names, ports, nodePorts []string
	for i := range s.Spec.Ports {
		p, at := &s.Spec.Ports[i], specPath.Child("ports").Index(i)
		protocol := string(cmp.Or(p.Protocol, corev1.ProtocolTCP))
		rejectPortName(r, at, p.Name, p.AppProtocol, len(s.Spec.Ports))
		if p.Name != "" {
			once(r, at.Child("name"), p.Name, &names)
		}
		r.texts(at.Child("port"), p.Port, validation.IsValidPortNum(int(p.Port)))
		once(r, at.Child("port"), fmt.Sprintf("%d/%s", p.Port, protocol), &ports)
		switch target := p.TargetPort; {
		case target == intstr.IntOrString{} || target == intstr.FromString(""): // it is port
		case target.Type == intstr.String:
			r.texts(at.Child("targetPort"), target.StrVal, validation.IsValidPortName(target.StrVal))
		default:
			r.texts(at.Child("targetPort"), target.IntVal, validation.IsValidPortNum(int(target.IntVal)))
		}
		if p.NodePort == 0 {
			continue
		}
		r.texts(at.Child("nodePort"), p.NodePort, validation.IsValidPortNum(int(p.NodePort)))
		r.rules(rule{typeOf(s) == corev1.ServiceTypeClusterIP, at.Child("nodePort"), p.NodePort, "must not be set if type is ClusterIP"})
		once(r, at.Child("nodePort"), fmt.Sprintf("%d/%s", p.NodePort, protocol), &nodePorts)
	}
}

// rejectPortName adds what is wrong with the name and protocol of a port of a Service or of Endpoints with n ports.
func rejectPortName(r *rejections, at *field.Path, name string, appProtocol *string, n int) {
	r.rules(rule{name == "" && n > 1, at.Child("name"), nil, "with more than one port, each needs a name"})
	r.optional(at.Child("name"), name, validation.IsDNS1123Label)
	if appProtocol != nil {
		r.texts(at.Child("appProtocol"), *appProtocol, validation.IsQualifiedName(*appProtocol))
	}
}

// rejectClusterIPs adds cluster IPs that are no addresses, do not belong together, or contradict the IP families.
func rejectClusterIPs(s *corev1.Service, r *rejections) {
	if typeOf(s) == corev1.ServiceTypeExternalName {
		return
	}
	at, ips, families := specPath.Child("clusterIPs"), s.Spec.ClusterIPs, s.Spec.IPFamilies
	if len(ips) == 0 && s.Spec.ClusterIP != "" {
		at, ips = specPath, []string{s.Spec.ClusterIP}
	}
	path := func(i int) *field.Path {
		if len(s.Spec.ClusterIPs) == 0 {
			return specPath.Child("clusterIP")
		}
		return at.Index(i)
	}
	single := deref(s.Spec.IPFamilyPolicy) == corev1.IPFamilyPolicySingleStack ||
		s.Spec.IPFamilyPolicy == nil && !(s.Spec.ClusterIP == corev1.ClusterIPNone && len(s.Spec.Selector) == 0)
	r.rules(
		rule{len(ips) > 0 && s.Spec.ClusterIP != ips[0], at, ips, "must begin with the value of clusterIP"},
		rule{len(ips) > 2, at, ips, "must have at most two values"},
		rule{len(ips) > 1 && ips[0] == corev1.ClusterIPNone, at, ips, "must have no other value beside None"},
		rule{single && len(ips) == 2, specPath.Child("ipFamilyPolicy"), deref(s.Spec.IPFamilyPolicy), "must be PreferDualStack or RequireDualStack for two cluster IPs"},
		rule{single && len(families) == 2, specPath.Child("ipFamilyPolicy"), deref(s.Spec.IPFamilyPolicy), "must be PreferDualStack or RequireDualStack for two IP families"},
	)
	var seen []corev1.IPFamily
	for i, text := range ips {
		if i == 0 && text == corev1.ClusterIPNone || !r.ip(path(i), text) {
			continue
		}
		family := corev1.IPv4Protocol
		if ip, _ := netip.ParseAddr(text); ip.Is6() {
			family = corev1.IPv6Protocol
		}
		r.rules(
			rule{slices.Contains(seen, family), path(i), text, "must not be of the family of an earlier value"},
			rule{i < len(families) && families[i] != family, path(i), text, fmt.Sprintf("must be of the family that ipFamilies[%d] states", i)},
		)
		seen = append(seen, family)
	}
	seen = nil
	for i, family := range families {
		r.rules(rule{family == "", specPath.Child("ipFamilies").Index(i), nil, "write IPv4 or IPv6"})
		once(r, specPath.Child("ipFamilies").Index(i), family, &seen)
	}
}

func rejectExternal(s *corev1.Service, r *rejections) {
	for i, text := range s.Spec.ExternalIPs {
		r.reachable(specPath.Child("externalIPs").Index(i), text)
	}
}
