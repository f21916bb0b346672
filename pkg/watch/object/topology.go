package object

import (
	"fmt"
	"strings"

	"istio.io/api/annotation"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// trafficDistribution reads which endpoints a Service prefers. As in Kubernetes, the annotation takes precedence over
// the field.
func trafficDistribution(s *corev1.Service, out *Object) mesh.TrafficDistribution {
	for _, annotation := range []string{corev1.AnnotationTopologyMode, corev1.DeprecatedAnnotationTopologyAwareHints} {
		if strings.EqualFold(s.Annotations[annotation], "auto") {
			return mesh.PreferHinted
		}
	}
	if deref(s.Spec.TrafficDistribution) == "" {
		return annotatedDistribution(s, out)
	}
	switch text := *s.Spec.TrafficDistribution; text {
	case corev1.ServiceTrafficDistributionPreferSameZone, corev1.ServiceTrafficDistributionPreferClose:
		return mesh.PreferSameZone
	case corev1.ServiceTrafficDistributionPreferSameNode:
		return mesh.PreferSameNode
	default:
		out.Report(mesh.CodeInvalidValue, mesh.Warning, "spec.trafficDistribution",
			fmt.Sprintf("%q is not a known distribution. All endpoints are treated alike. Use PreferSameZone or PreferSameNode.", text))
	}
	return mesh.PreferNone
}

// annotatedDistribution reads Istio's annotation, which applies if spec.trafficDistribution is unset. Istio ignores case in it.
func annotatedDistribution(s *corev1.Service, out *Object) mesh.TrafficDistribution {
	text := s.Annotations[annotation.NetworkingTrafficDistribution.Name]
	switch strings.ToLower(text) {
	case "", "any":
		return mesh.PreferNone
	case "preferclose", "prefersamezone":
		return mesh.PreferSameZone
	case "prefersamenode":
		return mesh.PreferSameNode
	}
	out.reportInvalid(annotation.NetworkingTrafficDistribution.Name,
		"%q is not a known distribution. All endpoints are treated alike. Use PreferClose, PreferSameZone or PreferSameNode.", text)
	return mesh.PreferNone
}

// hints returns the zones that should use the endpoint, in the order of the object.
func hints(h *discoveryv1.EndpointHints) []string {
	if h == nil || len(h.ForZones) == 0 {
		return nil
	}
	zones := make([]string, len(h.ForZones))
	for i, zone := range h.ForZones {
		zones[i] = zone.Name
	}
	return zones
}
