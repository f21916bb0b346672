package object

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// identityDir is where the bootstrap that is injected expects a pod's certificate, its key and the authorities.
const identityDir = "/var/run/secrets/mizzen.dev/identity"

// labelField returns the field path of a label.
func labelField(name string) string { return "metadata.labels[" + name + "]" }

// believedLabels returns a pod's labels without a label for an identity that the pod does not have, which it reports.
// Servers and clients choose between TLS and plaintext by that label. It cannot be removed from the pod, because a
// workload may select its pods by it. A label in a file is believed.
func believedLabels(p *corev1.Pod, out *Object) map[string]string {
	if server, ok := p.Labels[mesh.LabelServer]; ok && server != mesh.ServerXDS {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.LabelServer), fmt.Sprintf("%q is not a way to serve. The pod is not known as an xDS server. Use xds.", server))
	}
	if annotation, ok := p.Annotations[mesh.AnnotationIdentity]; ok && annotation != mesh.IdentityNone {
		out.reportInvalid(mesh.AnnotationIdentity, "%q does not exclude the pod from certificates. Use none, or remove the annotation.", annotation)
	}
	identity, ok := p.Labels[mesh.LabelIdentity]
	switch {
	case !ok:
	case identity != mesh.IdentitySPIFFE:
		out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.LabelIdentity),
			fmt.Sprintf("%q is not a kind of identity. The pod gets no certificate. Remove the label. To exclude the pod from certificates, set the annotation mizzen.dev/identity to none.", identity))
	case p.UID != "" && !mountsCertificate(p):
		out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.LabelIdentity),
			"No container mounts a certificate at "+identityDir+", or elsewhere with its own bootstrap. The pod has no identity, and the label is ignored. Remove it from the pod template: injection sets it.")
		labels := maps.Clone(p.Labels)
		delete(labels, mesh.LabelIdentity)
		return labels
	}
	return p.Labels
}

// hasIdentity reports whether a pod was created with a certificate.
func hasIdentity(p *corev1.Pod) bool {
	return p.Labels[mesh.LabelIdentity] == mesh.IdentitySPIFFE && mountsCertificate(p)
}

// mountsCertificate reports whether a container of a pod mounts a volume that can contain a certificate where its
// bootstrap expects it. An injected bootstrap expects it in one place. A container's own may expect it anywhere, so there
// the volume must be of a kind that has certificates.
func mountsCertificate(p *corev1.Pod) bool {
	_, injected := p.Annotations[mesh.AnnotationInjected]
	return slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool {
		own := !injected && bringsBootstrap(&c)
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
			return slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
				return v.Name == m.Name && (m.MountPath == identityDir && canHaveCertificate(&v) || own && hasCertificate(&v))
			})
		})
	})
}

// canHaveCertificate reports whether a volume may contain a certificate, because its author named it for that.
func canHaveCertificate(v *corev1.Volume) bool {
	return hasCertificate(v) || v.Projected == nil && v.EmptyDir == nil
}

// hasCertificate reports whether a volume has a source of certificates. An API server that does not know podCertificate
// leaves an empty source.
func hasCertificate(v *corev1.Volume) bool {
	if v.Projected == nil {
		return v.Secret != nil || v.CSI != nil
	}
	return slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.PodCertificate != nil || s.Secret != nil })
}

// wantsIdentity reports whether a pod has no certificate, and would have got one in a namespace with the label. Not meant
// are pods that are not from an API server, that are being deleted, and that declined injection or certificates.
func wantsIdentity(p *corev1.Pod) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	return p.UID != "" && p.DeletionTimestamp == nil && !mirror && p.Annotations[mesh.AnnotationInject] != "false" &&
		p.Annotations[mesh.AnnotationIdentity] != mesh.IdentityNone && !hasIdentity(p)
}
