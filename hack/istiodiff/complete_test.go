package istiodiff

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// complete adds what every cluster has and the documents leave out: istiod takes an endpoint's place, labels and readiness from its pod.
func complete(objects []runtime.Object) []runtime.Object {
	pods, services := map[types.NamespacedName]*corev1.Pod{}, map[types.NamespacedName]*corev1.Service{}
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Pod:
			pods[nameOf(&o.ObjectMeta)] = o
		case *corev1.Service:
			services[nameOf(&o.ObjectMeta)] = o
			for i := range o.Spec.Ports {
				if port := &o.Spec.Ports[i]; port.TargetPort == (intstr.IntOrString{}) {
					port.TargetPort = intstr.FromInt32(port.Port)
				}
			}
		}
	}
	for _, o := range objects {
		slice, ok := o.(*discoveryv1.EndpointSlice)
		if !ok {
			continue
		}
		for i := range slice.Endpoints {
			e := &slice.Endpoints[i]
			ref := e.TargetRef
			if ref == nil && e.NodeName == nil || len(e.Addresses) == 0 {
				continue
			}
			if ref == nil {
				ref = &corev1.ObjectReference{Kind: "Pod", Name: "pod-" + strings.NewReplacer(".", "-", ":", "-").Replace(e.Addresses[0])}
				e.TargetRef = ref
			}
			ref.Namespace = cmp.Or(ref.Namespace, nameOf(&slice.ObjectMeta).Namespace)
			name := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
			pod := pods[name]
			if pod == nil {
				pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
				service := types.NamespacedName{Namespace: name.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
				if s := services[service]; s != nil {
					pod.Labels = s.Spec.Selector
				}
				pods[name], objects = pod, append(objects, pod)
			}
			pod.Status.Phase = cmp.Or(pod.Status.Phase, corev1.PodRunning)
			pod.Status.PodIP = cmp.Or(pod.Status.PodIP, e.Addresses[0])
			if len(pod.Status.PodIPs) == 0 {
				pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
			}
			if e.NodeName != nil {
				pod.Spec.NodeName = cmp.Or(pod.Spec.NodeName, *e.NodeName)
			}
		}
	}
	return objects
}

func nameOf(m *metav1.ObjectMeta) types.NamespacedName {
	m.Namespace = cmp.Or(m.Namespace, "default")
	return types.NamespacedName{Namespace: m.Namespace, Name: m.Name}
}
