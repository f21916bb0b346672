//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	identityLabel  = "mizzen.dev/identity"
	identityVolume = "mizzen-identity"
	identityDir    = injectedDir + "/identity"
	// ofPodCertificate and ofCSI describe the injected volumes.
	ofPodCertificate = "tls.key and tls.crt by mizzen.dev/spiffe with ECDSAP256, ca.crt of mizzen.dev/spiffe"
	ofCSI            = "spiffe.csi.cert-manager.io map[]"
)

// identityState is what a pod has of an identity.
type identityState struct {
	Label, Volume string
	// Mounted are the containers that mount the certificate, and Declared those whose bootstrap declares it.
	Mounted, Declared []string
}

func identityOf(t *testing.T, pod *corev1.Pod) identityState {
	t.Helper()
	got := identityState{Label: pod.Labels[identityLabel]}
	for _, v := range pod.Spec.Volumes {
		if v.Name == identityVolume {
			got.Volume += volumeText(v)
		}
	}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		for _, m := range c.VolumeMounts {
			if m.MountPath == identityDir {
				got.Mounted = append(got.Mounted, c.Name)
			}
		}
		for _, e := range c.Env {
			var document struct {
				Providers map[string]struct{} `json:"certificate_providers"`
				Node      struct {
					Metadata struct {
						Providers []string `json:"CERTIFICATE_PROVIDERS"`
					} `json:"metadata"`
				} `json:"node"`
			}
			if e.Name != bootstrapVariable || json.Unmarshal([]byte(e.Value), &document) != nil {
				continue
			}
			_, configured := document.Providers["default"]
			if declared := slices.Contains(document.Node.Metadata.Providers, "default"); declared != configured {
				t.Errorf("container %s: the provider is declared: %t, and configured: %t", c.Name, declared, configured)
			} else if declared {
				got.Declared = append(got.Declared, c.Name)
			}
		}
	}
	return got
}

func volumeText(v corev1.Volume) string {
	switch {
	case v.CSI != nil:
		return fmt.Sprint(v.CSI.Driver, " ", v.CSI.VolumeAttributes)
	case v.Projected == nil:
		return "another volume"
	}
	var texts []string
	for _, s := range v.Projected.Sources {
		switch {
		case s.PodCertificate != nil:
			p := s.PodCertificate
			texts = append(texts, fmt.Sprintf("%s and %s by %s with %s", p.KeyPath, p.CertificateChainPath, p.SignerName, p.KeyType))
		case s.ClusterTrustBundle != nil && s.ClusterTrustBundle.LabelSelector != nil:
			texts = append(texts, fmt.Sprintf("%s of %s", s.ClusterTrustBundle.Path, *s.ClusterTrustBundle.SignerName))
		}
	}
	return strings.Join(texts, ", ")
}

// TestIdentityInjection creates every combination of what selects a pod for a certificate and of its source, without more
// and with all else that injection adds. The namespaces enforce the restricted Pod Security Standard.
func TestIdentityInjection(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	labels := map[string]string{}
	for _, label := range []string{"", "spiffe", "other"} {
		labels[label] = newIdentityNamespace(t, label)
	}
	all := []string{"first", "sidecar", "app", "second"}
	for issuer, volume := range map[string]string{"podcertificate": ofPodCertificate, "csi": ofCSI, "none": ""} {
		configureIdentity(t, labels["spiffe"], map[string]any{"identity": issuer}, volume)
		for label, ns := range labels {
			for _, annotation := range []string{"", "none", "None"} {
				for _, claim := range []string{"", "spiffe", "other"} {
					// The agent and the transport also add volumes and variables, so they go together.
					for transport, java := range map[string]bool{"plaintext": false, "tls": true} {
						name := fmt.Sprintf("%s, label %q, annotation %q, label of the pod %q, %s, agent %t", issuer, label, annotation, claim, transport, java)
						got := restrictedPod(t, ns, identityPod(annotation, claim, transport, java))
						want := identityState{Label: claim}
						if volume != "" && label == "spiffe" && annotation != "none" && claim != "other" {
							want = identityState{"spiffe", volume, all, all}
						}
						if diff := cmp.Diff(want, identityOf(t, got)); diff != "" {
							t.Errorf("%s (-want +got):\n%s", name, diff)
						}
						checkInjected(t, got, transport == "tls")
						again := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", Annotations: got.Annotations, Labels: got.Labels}, Spec: got.Spec}
						if second := dryRun(t, ns, again); !cmp.Equal(got.Spec, second.Spec) || !cmp.Equal(got.Labels, second.Labels) {
							t.Errorf("%s: a second invocation changes the pod (-first +second):\n%s", name, cmp.Diff(got.Spec, second.Spec))
						}
					}
				}
			}
		}
	}
}

// TestIdentityOfOtherPods: pods that configure something themselves.
func TestIdentityOfOtherPods(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	ns := newIdentityNamespace(t, "spiffe")
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	both := []string{"app", "second"}
	for name, test := range map[string]struct {
		pod  string
		want identityState
	}{
		"volumes of its own": {
			"spec: {volumes: [{name: data, emptyDir: {}}], containers: [{name: app, image: x, volumeMounts: [{name: data, mountPath: /data}]}, {name: second, image: x}]}",
			identityState{"spiffe", ofPodCertificate, both, both},
		},
		"a bootstrap of its own": {
			`spec: {containers: [{name: app, image: x, env: [{name: GRPC_XDS_BOOTSTRAP_CONFIG, value: "{}"}]}]}`, identityState{},
		},
		"a bootstrap of its own in one container": {
			"spec: {containers: [{name: app, image: x}, {name: second, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /own.json}]}]}", identityState{},
		},
		"a bootstrap of its own in an init container": {
			"spec: {initContainers: [{name: first, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /own.json}]}], containers: [{name: app, image: x}]}", identityState{},
		},
		"a certificate of its own": {
			"spec: {volumes: [{name: mizzen-identity, secret: {secretName: own}}], containers: [{name: app, image: x}, {name: second, image: x}]}",
			identityState{"spiffe", "another volume", both, both},
		},
		"a certificate of its own, for a bootstrap of its own too": {
			"spec: {volumes: [{name: mizzen-identity, secret: {secretName: own}}], containers: [{name: app, image: x}, {name: second, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /own.json}]}]}",
			identityState{"spiffe", "another volume", []string{"app"}, []string{"app"}},
		},
		"a certificate of its own, and bootstraps of its own": {
			"spec: {volumes: [{name: mizzen-identity, secret: {secretName: own}}], containers: [{name: app, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /own.json}]}]}",
			identityState{"", "another volume", nil, nil},
		},
		"another volume at the place": {
			"spec: {volumes: [{name: own, secret: {secretName: own}}], containers: [{name: app, image: x, volumeMounts: [{name: own, mountPath: /var/run/secrets/mizzen.dev/identity}]}]}",
			identityState{"spiffe", ofPodCertificate, []string{"app"}, []string{"app"}},
		},
		"no injection": {
			`{metadata: {annotations: {mizzen.dev/inject: "false"}}, spec: {containers: [{name: app, image: x}]}}`, identityState{},
		},
		"a mirror": {
			"{metadata: {annotations: {kubernetes.io/config.mirror: x}}, spec: {automountServiceAccountToken: false, nodeName: n, containers: [{name: app, image: x}]}}", identityState{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := restrictedPod(t, ns, test.pod)
			if diff := cmp.Diff(test.want, identityOf(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	configureIdentity(t, ns, map[string]any{"identity": "csi"}, ofCSI)
	for context, want := range map[string]string{"{fsGroup: 7, runAsGroup: 8}": "map[spiffe.csi.cert-manager.io/fs-group:7]", "{runAsGroup: 8}": "map[spiffe.csi.cert-manager.io/fs-group:8]", "{runAsUser: 9}": "map[]"} {
		got := identityOf(t, restrictedPod(t, ns, "spec: {securityContext: "+context+", containers: [{name: app, image: x}]}"))
		if !strings.HasSuffix(got.Volume, want) {
			t.Errorf("%s: got the volume %s, want %s", context, got.Volume, want)
		}
	}
}

// TestIdentityIsConfigured: values of the ConfigMap that are missing or unknown. Pods get the bootstrap all the same.
func TestIdentityIsConfigured(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	ns := newIdentityNamespace(t, "spiffe")
	if got := identityOf(t, restrictedPod(t, ns, plainPod)); !cmp.Equal(got, identityState{}) {
		t.Errorf("got %+v, want nothing until the source of certificates is set", got)
	}
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	configureIdentity(t, ns, map[string]any{"identity": "PodCertificate"}, "")
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	configureIdentity(t, ns, map[string]any{"plaintext-identity.json": nil}, "")
	if env := environments(restrictedPod(t, ns, plainPod))["app"]; !slices.Contains(env, bootstrapVariable) {
		t.Errorf("got %v, want the bootstrap without an identity", env)
	}
}

// TestIdentityIsReinvoked: another policy adds a container later, which has the certificate as well.
func TestIdentityIsReinvoked(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	ns := newIdentityNamespace(t, "spiffe")
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	kubectl(t, laterPolicy, "apply", "-f", "-")
	t.Cleanup(func() { kubectl(t, laterPolicy, "delete", "-f", "-") })
	kubectl(t, "", "label", "namespace", ns, "later=enabled")
	await(t, "the other policy applies", func() error {
		if got := restrictedPod(t, ns, plainPod); len(got.Spec.Containers) != 2 {
			return fmt.Errorf("got %d containers", len(got.Spec.Containers))
		}
		return nil
	})
	both := []string{"app", "later"}
	if diff := cmp.Diff(identityState{"spiffe", ofPodCertificate, both, both}, identityOf(t, restrictedPod(t, ns, plainPod))); diff != "" {
		t.Errorf("a pod that is changed by another policy (-want +got):\n%s", diff)
	}
}

// TestIdentityStays: the labels that say what a pod was born with do not change. Others do.
func TestIdentityStays(t *testing.T) {
	install(t, "overlays/dev")
	ns := newInjectedNamespace(t)
	pods := suite.core.CoreV1().Pods(ns)
	for name, labels := range map[string]map[string]string{"without": nil, "with": {identityLabel: "spiffe", "mizzen.dev/server": "xds"}} {
		pod := parsePod(t, plainPod)
		pod.Name, pod.Labels = name, labels
		must(pods.Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	}
	patch := func(pod, labels string) error {
		_, err := pods.Patch(t.Context(), pod, "application/merge-patch+json", []byte(`{"metadata":{"labels":`+labels+`}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	for pod, changes := range map[string][]string{
		"without": {`{"mizzen.dev/identity":"spiffe"}`, `{"mizzen.dev/server":"xds"}`},
		"with":    {`{"mizzen.dev/identity":null}`, `{"mizzen.dev/identity":"other"}`, `{"mizzen.dev/server":null}`},
	} {
		for _, change := range changes {
			await(t, "the policy refuses "+change, func() error {
				if err := patch(pod, change); err == nil || !strings.Contains(err.Error(), "so it does not change") {
					return fmt.Errorf("got %q, want it refused", fmt.Sprint(err))
				}
				return nil
			})
		}
		if err := patch(pod, `{"team":"a"}`); err != nil {
			t.Errorf("another label of the pod %s: %v", pod, err)
		}
		if err := pods.Delete(t.Context(), pod, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// newIdentityNamespace creates a namespace with a label for certificates that enforces the restricted Pod Security Standard.
func newIdentityNamespace(t *testing.T, identity string) string {
	t.Helper()
	ns := newRestrictedNamespace(t, "")
	if identity != "" {
		kubectl(t, "", "label", "namespace", ns, identityLabel+"="+identity)
		t.Cleanup(func() { kubectl(t, "", "label", "namespace", ns, identityLabel+"-") })
	}
	return ns
}

// configureIdentity changes the ConfigMap, and waits until a new pod has the volume that it should have.
func configureIdentity(t *testing.T, ns string, data map[string]any, volume string) {
	t.Helper()
	patch := string(must(json.Marshal(map[string]any{"data": data}))(t))
	kubectl(t, "", "--namespace", "mizzen-system", "patch", "configmap", "mizzen-injection", "--type=merge", "--patch", patch)
	await(t, "injection with "+patch, func() error {
		if got := identityOf(t, restrictedPod(t, ns, plainPod)); got.Volume != volume {
			return fmt.Errorf("got %+v", got)
		}
		return nil
	})
}

// identityPod is a pod with two containers, an init container and a sidecar.
func identityPod(annotation, label, transport string, java bool) string {
	annotations := []string{"mizzen.dev/xds: " + transport}
	if annotation != "" {
		annotations = append(annotations, "mizzen.dev/identity: "+annotation)
	}
	if java {
		annotations = append(annotations, "mizzen.dev/agent: java")
	}
	labels := ""
	if label != "" {
		labels = identityLabel + ": " + label
	}
	return fmt.Sprintf("metadata: {annotations: {%s}, labels: {%s}}\nspec: {initContainers: [{name: first, image: x}, {name: sidecar, image: x, restartPolicy: Always}], containers: [{name: app, image: x}, {name: second, image: x}]}",
		strings.Join(annotations, ", "), labels)
}
