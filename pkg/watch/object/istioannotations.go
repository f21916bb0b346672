package object

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/annotation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// istioPrefixes are the prefixes of Istio's annotations for routing.
var istioPrefixes = []string{"networking.istio.io/", "traffic.istio.io/"}

// istioAnnotations says what becomes of those annotations of Istio that istiod reads on a Service. An empty text: Mizzen follows it.
var istioAnnotations = map[string]string{
	annotation.NetworkingExportTo.Name:             "",
	annotation.NetworkingTrafficDistribution.Name:  "",
	annotation.NetworkingServiceType.Name:          "The annotation is for gateways. It has no effect. Remove it.",
	annotation.TrafficNodeSelector.Name:            "The annotation selects the nodes of a gateway that other networks call. It has no effect on clients in the mesh. Remove it.",
	annotation.AlphaCanonicalServiceAccounts.Name:  "Service accounts by annotation are not read. Calls with TLS expect the pods' own service accounts. Set subjectAltNames in a DestinationRule.",
	annotation.AlphaKubernetesServiceAccounts.Name: "Service accounts by annotation are not read. Calls with TLS expect the pods' own service accounts. Set subjectAltNames in a DestinationRule.",
	annotation.IoIstioUseWaypointCanaryWeight.Name: "Waypoints are not used. The annotation has no effect. Remove it.",
}

// checkIstioAnnotations reports the annotations of Istio on a Service that have no effect.
func (o *Object) checkIstioAnnotations(meta *metav1.ObjectMeta) {
	for name := range meta.Annotations {
		text, known := istioAnnotations[name]
		switch {
		case known && text == "":
		case known:
			o.Report(mesh.CodeUnsupported, mesh.Warning, AnnotationField(name), text)
		case slices.ContainsFunc(istioPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }):
			text := "Istio does not have this annotation for a Service. It has no effect. Remove it."
			if nearest := mesh.Nearest(name, istioAnnotationNames()); nearest != "" {
				text = fmt.Sprintf("Unknown annotation is ignored. Did you mean %q?", nearest)
			}
			o.Report(mesh.CodeUnknownField, mesh.Warning, AnnotationField(name), text)
		}
	}
}

func istioAnnotationNames() []string {
	names := make([]string, 0, len(istioAnnotations))
	for name := range istioAnnotations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
