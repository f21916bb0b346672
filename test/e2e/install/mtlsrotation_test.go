//go:build e2e && mtls

package install_test

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rotation runs TestMTLSRotation, which waits for kubelets to renew certificates.
var rotation = flag.Bool("rotation", false, "run the test that waits 40 minutes for new certificates")

// renewal is how long kubelets may take to renew certificates that live for an hour: half of that, their random delay of 5 minutes, and two of their
// rounds.
const renewal = 45 * time.Minute

// TestMTLSRotation has calls running between servers that demand certificates and their clients while the signer, the API server and Mizzen are away, and
// while all certificates and their authority are replaced. No call may fail.
func TestMTLSRotation(t *testing.T) {
	if !*rotation {
		t.Skip("NOT RUN: it takes an hour: make e2e-mtls-rotation")
	}
	s := beginMTLS(t)
	s.shortLives(t)
	s.forward(t)
	s.step("the signer is gone", s.withoutSigner)
	s.step("the API server does not answer", s.withoutAPIServer)
	var old *x509.Certificate
	s.step("the authority is replaced", func(t *testing.T) {
		old = s.authority(t)
		s.page.shell(t, "controlplane authority rotate")
		s.c.Await(t, "both roots are published", func() error {
			if n := len(s.roots(t)); n != 2 {
				return fmt.Errorf("there are %d", n)
			}
			return nil
		})
	})
	s.step("all certificates are renewed by the new authority", func(t *testing.T) { s.renewed(t, old) })
	s.step("a policy still knows who calls", func(t *testing.T) {
		s.page.run(t, "kubectl -n shop run stranger")
		s.stranger(t)
	})
	s.step("a policy is tried without enforcing it", s.dryRun)
	s.back(t)
	s.report(t)
}

// shortLives has the signer issue certificates with the shortest life that Kubernetes allows.
func (s *mtlsStory) shortLives(t *testing.T) {
	t.Helper()
	const overlay = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../manifests/signer]
configMapGenerator:
- {name: mizzen-signer-settings, namespace: mizzen-system, behavior: merge, literals: [LEAF_LIFETIME=1h]}
`
	dir := filepath.Join(s.page.dir, "signer")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, text := range s.page.transcripts {
		s.page.transcripts[i] = strings.Replace(text, "apply -k manifests/signer", "apply -k signer", 1)
	}
}

// withoutSigner kills the signer. Calls go on, and a new pod waits until it is back.
func (s *mtlsStory) withoutSigner(t *testing.T) {
	const signer = "app.kubernetes.io/name=mizzen-signer"
	s.c.Kubectl(t, "--namespace", system, "scale", "deployment/mizzen-signer", "--replicas=0")
	s.c.Kubectl(t, "--namespace", system, "delete", "pods", "--selector="+signer, "--grace-period=0", "--force")
	s.goOn(t, "the signer was killed")
	s.c.Apply(t, shop, caller("late", "node-0", "xds:///greeter"))
	s.c.Await(t, "a new pod waits for its certificate", func() error {
		requests, err := s.c.Core.CertificatesV1().PodCertificateRequests(shop).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range requests.Items {
			if r := &requests.Items[i]; r.Spec.PodName == "late" && len(r.Status.Conditions) == 0 {
				return nil
			}
		}
		return fmt.Errorf("none of %d requests is its own and without an answer", len(requests.Items))
	})
	if phase := s.c.Kubectl(t, "--namespace", shop, "get", "pod", "late", "--output=jsonpath={.status.phase}"); phase != string(corev1.PodPending) {
		t.Errorf("a new pod without a certificate is %s", phase)
	}
	s.c.Kubectl(t, "--namespace", system, "scale", "deployment/mizzen-signer", "--replicas=2")
	s.c.AwaitRollout(t, system, "deployment/mizzen-signer")
	// Kubelet asks again less and less often, at the latest after two minutes.
	s.c.Kubectl(t, "--namespace", shop, "wait", "--for=condition=Ready", "pod/late", "--timeout=150s")
	s.c.Kubectl(t, "--namespace", shop, "delete", "pod", "late", "--now")
}

// outage is for how long the API server is stopped. After 50 s the controller of nodes would declare all of them lost as soon as it is back, and with them
// all endpoints: unlike in other clusters, it does not start anew when it cannot renew its Lease.
const outage = 20 * time.Second

// withoutAPIServer stops the API server, and lets it go on.
func (s *mtlsStory) withoutAPIServer(t *testing.T) {
	pid := strings.TrimSpace(s.c.Run(t, "pgrep", "-x", "kube-apiserver"))
	s.c.Run(t, "kill", "-STOP", pid)
	resume := func() { s.c.Run(t, "kill", "-CONT", pid) }
	defer resume()
	for began := time.Now(); time.Since(began) < outage; {
		s.goOn(t, "the API server was stopped")
	}
	resume()
	s.c.Await(t, "the API server answers", func() error {
		_, err := s.c.Core.CoreV1().Namespaces().Get(t.Context(), shop, metav1.GetOptions{})
		return err
	})
}

func (s *mtlsStory) goOn(t *testing.T, after string) {
	t.Helper()
	for _, k := range s.calls {
		k.Continue(t, after, 100)
	}
}

// renewed waits until all servers present certificates of the new authority, while calls go on.
func (s *mtlsStory) renewed(t *testing.T, old *x509.Certificate) {
	began := time.Now()
	for _, p := range s.apps.programs {
		server := s.servers(t, p.language)[0]
		s.c.AwaitFor(t, renewal, "the server in "+p.language+" has a certificate of the new authority", func() error {
			s.goOn(t, "the authority was replaced")
			if leaf := s.presented(t, &server); leaf.CheckSignatureFrom(old) == nil {
				return fmt.Errorf("its certificate of the old one ends at %v", leaf.NotAfter)
			}
			return nil
		})
		t.Logf("the server in %s has a certificate of the new authority after %v", p.language, time.Since(began).Round(time.Second))
	}
	for _, p := range s.servers(t, "go") {
		if p.Status.ContainerStatuses[0].RestartCount > 0 {
			t.Errorf("%s was restarted", p.Name)
		}
	}
}

// presented returns the certificate that a server presents to a pod. From a node it may take plaintext, for probes.
func (s *mtlsStory) presented(t *testing.T, server *corev1.Pod) *x509.Certificate {
	t.Helper()
	text := s.c.Exec(t, shop, "deployment/greeter-client-"+s.apps.programs[0].language, "/app", "certificate", server.Status.PodIP+":50051")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%s presents %q", server.Name, text)
	}
	return must(x509.ParseCertificate(block.Bytes))(t)
}

// authority is the only root that is published.
func (s *mtlsStory) authority(t *testing.T) *x509.Certificate {
	t.Helper()
	roots := s.roots(t)
	if len(roots) != 1 {
		t.Fatalf("there are %d roots, want one", len(roots))
	}
	return roots[0]
}

func (s *mtlsStory) roots(t *testing.T) (all []*x509.Certificate) {
	t.Helper()
	bundle := must(s.c.Core.CertificatesV1().ClusterTrustBundles().Get(t.Context(), rootsBundle, metav1.GetOptions{}))(t)
	for rest := []byte(bundle.Spec.TrustBundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		all = append(all, must(x509.ParseCertificate(block.Bytes))(t))
	}
}
