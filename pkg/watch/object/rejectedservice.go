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
	rejectBalancer(s, r)
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

// rejectType adds fields that a Service of its type must have, and fields that are not for its type.
func rejectType(s *corev1.Service, r *rejections) {
	spec, external := &s.Spec, typeOf(s) == corev1.ServiceTypeExternalName
	r.rules(
		rule{len(spec.Ports) == 0 && !isHeadless(s) && !external, specPath.Child("ports"), nil, "a Service needs a port, unless it is headless"},
		rule{
			isHeadless(s) && slices.Contains([]corev1.ServiceType{corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort}, typeOf(s)),
			specPath.Child("clusterIP"), spec.ClusterIP, "must not be None if type is " + string(typeOf(s)),
		},
	)
	if !external {
		return
	}
	const notExternal = "must not be set if type is ExternalName"
	r.rules(
		rule{spec.ClusterIP+strings.Join(spec.ClusterIPs, "") != "", specPath.Child("clusterIP"), spec.ClusterIP, notExternal},
		rule{len(spec.IPFamilies) > 0, specPath.Child("ipFamilies"), spec.IPFamilies, notExternal},
		rule{spec.IPFamilyPolicy != nil, specPath.Child("ipFamilyPolicy"), deref(spec.IPFamilyPolicy), notExternal},
	)
	// An API server rejects upper case, too, but it is the same name.
	name := strings.ToLower(strings.TrimSuffix(spec.ExternalName, "."))
	r.texts(specPath.Child("externalName"), spec.ExternalName, validation.IsDNS1123Subdomain(name))
}

// rejectBalancer adds fields for load balancers of the cloud that are wrong, or set on a Service of another type.
func rejectBalancer(s *corev1.Service, r *rejections) {
	spec, other := &s.Spec, typeOf(s) != corev1.ServiceTypeLoadBalancer
	at, ranges := specPath.Child("loadBalancerSourceRanges"), spec.LoadBalancerSourceRanges
	if annotation, ok := s.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey]; ok && len(ranges) == 0 {
		at, ranges = field.NewPath("metadata", "annotations").Key(corev1.AnnotationLoadBalancerSourceRangesKey), strings.Split(annotation, ",")
	}
	const onlyBalancer = "may be set only if type is LoadBalancer"
	r.rules(
		rule{other && len(ranges) > 0, at, ranges, onlyBalancer},
		rule{other && spec.AllocateLoadBalancerNodePorts != nil, specPath.Child("allocateLoadBalancerNodePorts"), deref(spec.AllocateLoadBalancerNodePorts), onlyBalancer},
		rule{other && spec.LoadBalancerClass != nil, specPath.Child("loadBalancerClass"), deref(spec.LoadBalancerClass), onlyBalancer},
	)
	if !other && spec.LoadBalancerClass != nil {
		r.texts(specPath.Child("loadBalancerClass"), *spec.LoadBalancerClass, validation.IsQualifiedName(*spec.LoadBalancerClass))
	}
	if len(ranges) == 1 && strings.TrimSpace(ranges[0]) == "" && len(spec.LoadBalancerSourceRanges) == 0 {
		return // the annotation may be empty
	}
	for _, text := range ranges {
		r.all = append(r.all, validation.IsValidCIDR(at, strings.TrimSpace(text))...)
	}
}

// rejectExternal adds what is wrong with the traffic from outside of the cluster.
func rejectExternal(s *corev1.Service, r *rejections) {
	spec := &s.Spec
	accessible := map[corev1.ServiceType]bool{
		corev1.ServiceTypeLoadBalancer: true, corev1.ServiceTypeNodePort: true, corev1.ServiceTypeClusterIP: len(spec.ExternalIPs) > 0,
	}[typeOf(s)]
	checked := typeOf(s) == corev1.ServiceTypeLoadBalancer && spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	port := specPath.Child("healthCheckNodePort")
	r.rules(
		rule{
			!accessible && spec.ExternalTrafficPolicy != "", specPath.Child("externalTrafficPolicy"), spec.ExternalTrafficPolicy,
			"may be set only if type is NodePort or LoadBalancer, or with externalIPs",
		},
		rule{!checked && spec.HealthCheckNodePort != 0, port, spec.HealthCheckNodePort, "may be set only if type is LoadBalancer and externalTrafficPolicy is Local"},
	)
	if checked && spec.HealthCheckNodePort != 0 {
		r.texts(port, spec.HealthCheckNodePort, validation.IsValidPortNum(int(spec.HealthCheckNodePort)))
	}
	for i, text := range spec.ExternalIPs {
		r.reachable(specPath.Child("externalIPs").Index(i), text)
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
	path := at.Index
	if len(ips) == 0 && s.Spec.ClusterIP != "" {
		ips, path = []string{s.Spec.ClusterIP}, func(int) *field.Path { return specPath.Child("clusterIP") }
	}
	single, policy := singleStack(s), specPath.Child("ipFamilyPolicy")
	r.rules(
		rule{len(ips) > 0 && s.Spec.ClusterIP != ips[0], at, ips, "must begin with the value of clusterIP"},
		rule{len(ips) > 2, at, ips, "must have at most two values"},
		rule{len(ips) > 1 && ips[0] == corev1.ClusterIPNone, at, ips, "must have no other value beside None"},
		rule{single && len(ips) == 2, policy, deref(s.Spec.IPFamilyPolicy), "must be PreferDualStack or RequireDualStack for two cluster IPs"},
		rule{single && len(families) == 2, policy, deref(s.Spec.IPFamilyPolicy), "must be PreferDualStack or RequireDualStack for two IP families"},
	)
	var seen []corev1.IPFamily
	for i, text := range ips {
		if i == 0 && text == corev1.ClusterIPNone || !r.ip(path(i), text) {
			continue
		}
		family := familyOf(text)
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

// singleStack reports whether a Service has one IP family. It is the default, unless the Service selects nothing and is
// headless.
func singleStack(s *corev1.Service) bool {
	if s.Spec.IPFamilyPolicy != nil {
		return *s.Spec.IPFamilyPolicy == corev1.IPFamilyPolicySingleStack
	}
	return s.Spec.ClusterIP != corev1.ClusterIPNone || len(s.Spec.Selector) > 0
}

func familyOf(ip string) corev1.IPFamily {
	if parsed, err := netip.ParseAddr(ip); err == nil && parsed.Is6() {
		return corev1.IPv6Protocol
	}
	return corev1.IPv4Protocol
}
