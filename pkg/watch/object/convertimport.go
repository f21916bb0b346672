package object

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The labels of the EndpointSlices that a controller of the Multi-Cluster Services API imports into each cluster.
const (
	multiclusterServiceName = "multicluster.kubernetes.io/service-name"
	multiclusterSource      = "multicluster.kubernetes.io/source-cluster"
)

// clusterSetDomain is the domain of Services that are imported.
const clusterSetDomain = "clusterset.local"

// serviceImport is what is read of a ServiceImport (multicluster.x-k8s.io): a Service that clusters export, as a controller writes
// it into each cluster.
type serviceImport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`

	Spec   serviceImportSpec `json:"spec,omitzero"`
	Status struct {
		Clusters []struct {
			Cluster string `json:"cluster"`
		} `json:"clusters,omitempty"`
		Conditions           []metav1.Condition `json:"conditions,omitempty"`
		EndpointSliceObjects string             `json:"endpointSliceObjects,omitempty"`
	} `json:"status,omitzero"`
}

type serviceImportSpec struct {
	Ports []struct {
		Name        string          `json:"name,omitempty"`
		Protocol    corev1.Protocol `json:"protocol,omitempty"`
		AppProtocol *string         `json:"appProtocol,omitempty"`
		Port        int32           `json:"port"`
	} `json:"ports"`
	IPs                   []string                             `json:"ips,omitempty"`
	Type                  string                               `json:"type"`
	SessionAffinity       corev1.ServiceAffinity               `json:"sessionAffinity,omitempty"`
	SessionAffinityConfig *corev1.SessionAffinityConfig        `json:"sessionAffinityConfig,omitempty"`
	IPFamilies            []corev1.IPFamily                    `json:"ipFamilies,omitempty"`
	InternalTrafficPolicy *corev1.ServiceInternalTrafficPolicy `json:"internalTrafficPolicy,omitempty"`
	TrafficDistribution   *string                              `json:"trafficDistribution,omitempty"`
}

// asService returns the Service that the import is like, so that both are read alike.
func (i *serviceImport) asService() *corev1.Service {
	s := &corev1.Service{ObjectMeta: i.ObjectMeta}
	s.Spec.SessionAffinity, s.Spec.IPFamilies = i.Spec.SessionAffinity, i.Spec.IPFamilies
	s.Spec.InternalTrafficPolicy, s.Spec.TrafficDistribution = i.Spec.InternalTrafficPolicy, i.Spec.TrafficDistribution
	for _, p := range i.Spec.Ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: p.Name, Protocol: p.Protocol, AppProtocol: p.AppProtocol, Port: p.Port})
	}
	if i.Spec.Type == "Headless" {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	return s
}

// convertServiceImport makes a Service with the host NAME.NAMESPACE.svc.clusterset.local. Its endpoints are the imported
// EndpointSlices of the same namespace.
func convertServiceImport(i *serviceImport, _ string) Object {
	out := convertServiceAs(KindServiceImport, i.asService(), clusterSetDomain)
	service, ok := out.Value.(*mesh.Service)
	if !ok {
		return out
	}
	if i.Spec.Type != "Headless" && i.Spec.Type != "ClusterSetIP" {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, "spec.type", fmt.Sprintf("%q is not a type of ServiceImports. The import is read as ClusterSetIP. Use ClusterSetIP or Headless.", i.Spec.Type))
	}
	for j, text := range i.Spec.IPs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			out.Report(mesh.CodeInvalidValue, mesh.Error, fmt.Sprintf("spec.ips[%d]", j), fmt.Sprintf("%q is not an IP address. Clients cannot dial it. Correct it.", text))
			continue
		}
		service.Addresses = append(service.Addresses, ip.String())
	}
	return out
}

// importedFrom makes the addresses of an imported slice independent of the own cluster: nodes and pods of their names are
// others.
func (s *Slice) importedFrom(cluster string) {
	s.Imported = true
	for _, g := range s.Groups {
		for i := range g.Addresses {
			a := &g.Addresses[i]
			a.Pod, a.UID = "", ""
			a.Topology = a.Topology.At("", a.Topology.Locality()).In(cluster, "")
		}
	}
}
