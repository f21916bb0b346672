package watch

import (
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// convert makes of a typed Kubernetes or Istio object what the assembler takes. It is pure, keeps nothing of the object but
// strings, and reports false for a type that is not watched.
func convert(typed any, domain string) (object, bool) {
	switch o := typed.(type) {
	case *corev1.Service:
		return convertService(o, domain), true
	case *discoveryv1.EndpointSlice:
		return convertEndpointSlice(o), true
	case *corev1.Endpoints: //nolint:staticcheck // Services without a selector may still have nothing else
		return convertEndpoints(o), true
	case *corev1.Pod:
		return convertPod(o), true
	case *corev1.Node:
		return convertNode(o), true
	case *istiov1.VirtualService:
		return convertVirtualService(o), true
	case *istiov1.DestinationRule:
		return convertDestinationRule(o), true
	}
	return object{}, false
}
