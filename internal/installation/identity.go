package installation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

const (
	// identityLabel is the label of namespaces whose pods get a certificate, and of the pods that have one; it is also an
	// annotation of pods, identityNone, that get none.
	identityLabel = "mizzen.dev/identity"
	identityNone  = "none"
	spiffe        = "spiffe"
	// signer is the name by which kubelet requests certificates.
	signer = "mizzen.dev/spiffe"
	// csiDriver is the driver of cert-manager that mounts certificates.
	csiDriver = "spiffe.csi.cert-manager.io"
	// firstKubelet is the first version of Kubernetes whose kubelets request certificates.
	firstKubelet = "1.37.0"
)

// The values of the key identity of the ConfigMap.
const (
	identityOff            = "none"
	identityPodCertificate = "podcertificate"
	identityCSI            = "csi"
)

// issuers has, for each source of certificates, what is checked of it, and how pods get a certificate then.
var issuers = map[string]struct {
	check func(*cluster, context.Context) ([]Finding, error)
	text  string
}{
	identityPodCertificate: {(*cluster).checkSigner, "kubelet requests them from the signer " + signer},
	identityCSI:            {(*cluster).checkDriver, "the CSI driver " + csiDriver + " mounts them"},
}

// checkIdentity checks how pods get certificates. There is nothing to find if neither the ConfigMap nor a namespace is
// set up for it.
func (c *cluster) checkIdentity(ctx context.Context) ([]Finding, error) {
	config, err := get[corev1.ConfigMap](ctx, c, configMaps, c.Namespace, injection)
	if err != nil || config == nil {
		return nil, err // checkBootstrap reports it
	}
	selected, findings, err := c.labeled(ctx, identityLabel, spiffe, "a certificate")
	if err != nil {
		return nil, err
	}
	issuer, known := issuers[config.Data["identity"]]
	if !known {
		return append(findings, c.withoutIssuer(config.Data["identity"], selected)), nil
	}
	findings = append(findings, c.checkProvider(config)...)
	for _, check := range []func(*cluster, context.Context) ([]Finding, error){
		issuer.check,
		func(c *cluster, ctx context.Context) ([]Finding, error) { return c.checkCertified(ctx, selected) },
	} {
		of, err := check(c, ctx)
		if err != nil {
			return findings, err
		}
		findings = append(findings, of...)
	}
	switch {
	case len(findings) > 0:
		return findings, nil
	case len(selected) == 0:
		return one(ok("Pods can get certificates: %s. No namespace has the label %s=%s.", issuer.text, identityLabel, spiffe))
	}
	return one(ok("Pods get certificates in %s, %s: %s.", count(len(selected), "namespace"), names(selected), issuer.text))
}

// withoutIssuer is the Finding of an installation whose ConfigMap names no source of certificates.
func (c *cluster) withoutIssuer(from string, selected []string) Finding {
	key := fmt.Sprintf("The key identity of the ConfigMap %s/%s", c.Namespace, injection)
	switch {
	case from != "" && from != identityOff:
		return warn("Set it to podcertificate, csi or none.", "%s is %q. It is ignored, and pods get no certificate.", key, from)
	case len(selected) > 0:
		return warn("Set the key identity to podcertificate once the signer runs, or to csi, and restart the pods. Or remove the label.",
			"%s is not set to a source, and these namespaces have the label %s: %s. Their pods get no certificate.", key, identityLabel, names(selected))
	}
	return ok("Pods get no certificates: %s is not set to a source.", "the"+strings.TrimPrefix(key, "The"))
}

// checkProvider checks that the bootstraps of pods with a certificate declare it.
func (c *cluster) checkProvider(config *corev1.ConfigMap) (findings []Finding) {
	for _, transport := range []string{plaintext, encrypted} {
		key := transport + "-identity.json"
		text := config.Data[key]
		plain, plainErr := bootstrap.ParseServer([]byte(config.Data[transport+".json"]))
		server, err := bootstrap.ParseServer([]byte(text))
		problem := ""
		switch {
		case text == "":
			problem = "is missing. Pods by this transport get no certificate."
		case err != nil:
			problem = fmt.Sprintf("is not a valid bootstrap: %v. Clients fail at start.", err)
		case !slices.Contains(server.Providers, bootstrap.DefaultProvider):
			problem = fmt.Sprintf("does not configure and declare the certificate provider %q. Pods have a certificate and do not use it.", bootstrap.DefaultProvider)
		case plainErr == nil && (server.URI != plain.URI || server.TLS != plain.TLS || server.Authorities != plain.Authorities || !slices.Equal(server.Fallbacks, plain.Fallbacks)):
			problem = fmt.Sprintf("is for another control plane than the key %s.json.", transport)
		default:
			continue
		}
		findings = append(findings, fail("Apply manifests/injection, or correct the key.", "The key %s of the ConfigMap %s/%s %s", key, config.Namespace, config.Name, problem))
	}
	return findings
}

// checkSigner finds out whether kubelets can request certificates, and whether the authorities of the signer are there.
func (c *cluster) checkSigner(ctx context.Context) (findings []Finding, err error) {
	for kind, resource := range map[string]schema.GroupVersionResource{"PodCertificateRequest": certificateRequests, "ClusterTrustBundle": trustBundles} {
		served, err := c.serves(ctx, resource)
		if err != nil {
			return findings, err
		}
		if !served {
			return one(fail("Upgrade to Kubernetes 1.37, or set the key identity to csi or none.",
				"The API server does not serve %s in version v1. Pods with certificates do not start.", kind))
		}
	}
	all, err := list[corev1.Node](ctx, c, nodes, "", "")
	if err != nil {
		return findings, err
	}
	var old []string
	for i := range all {
		version := all[i].Status.NodeInfo.KubeletVersion
		parsed, err := utilversion.ParseGeneric(version)
		if err == nil && parsed.LessThan(utilversion.MustParseGeneric(firstKubelet)) {
			old = append(old, fmt.Sprintf("%s (%s)", all[i].Name, version))
		}
	}
	if len(old) > 0 {
		findings = append(findings, fail("Upgrade them to Kubernetes 1.37. Until then, set the key identity to none.",
			"The kubelets of these nodes do not request certificates: %s. Pods with certificates do not start there.", names(old)))
	}
	bundles, err := list[trustBundle](ctx, c, trustBundles, "", "")
	if err != nil {
		return findings, err
	}
	if !slices.ContainsFunc(bundles, func(b trustBundle) bool {
		return b.Spec.SignerName == signer && strings.Contains(b.Spec.TrustBundle, "-----BEGIN CERTIFICATE-----")
	}) {
		findings = append(findings, fail("Install the signer, and make sure that it runs and has its authority.",
			"There is no ClusterTrustBundle of the signer %s. Pods with certificates do not start.", signer))
	}
	return findings, nil
}

// checkDriver finds out whether the CSI driver is on every node.
func (c *cluster) checkDriver(ctx context.Context) ([]Finding, error) {
	all, err := list[csiNode](ctx, c, csiNodes, "", "")
	if err != nil {
		return nil, err
	}
	var without []string
	for _, n := range all {
		if !slices.Contains(n.Spec.Drivers, nodeDriver{csiDriver}) {
			without = append(without, n.Name)
		}
	}
	if len(without) == 0 {
		return nil, nil
	}
	return one(fail("Install cert-manager's csi-driver-spiffe on them, or set the key identity to none.",
		"These nodes do not have the CSI driver %s: %s. Pods with certificates do not start there.", csiDriver, names(without)))
}

// checkCertified finds the pods of labeled namespaces that have no certificate.
func (c *cluster) checkCertified(ctx context.Context, selected []string) ([]Finding, error) {
	var without []string
	total := 0
	for _, ns := range selected {
		pods, err := list[corev1.Pod](ctx, c, pods, ns, "")
		if err != nil {
			return nil, err
		}
		for i := range pods {
			p := &pods[i]
			ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || p.DeletionTimestamp != nil
			_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
			if ended || mirror || p.Annotations[injectLabel] == "false" || p.Annotations[identityLabel] == identityNone {
				continue
			}
			if total++; p.Labels[identityLabel] != spiffe {
				without = append(without, ns+"/"+p.Name)
			}
		}
	}
	if len(without) == 0 {
		return nil, nil
	}
	return one(warn(fmt.Sprintf("Restart them. If a container of a pod has its own bootstrap, remove that, or set the pod's annotation %s to %s.", identityLabel, identityNone),
		"%d of %s in namespaces with the label %s have no certificate: %s.", len(without), count(total, "pod"), identityLabel, names(without)))
}
