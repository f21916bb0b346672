//go:build e2e

package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

const (
	signerName      = "mizzen.dev/spiffe"
	signerAccount   = "system:serviceaccount:mizzen-system:mizzen-signer"
	bundleName      = "mizzen.dev:spiffe:roots"
	authoritySecret = "mizzen-workload-authority"
	stateSecret     = "mizzen-workload-authority-state"
)

// installSigner applies the manifests of the signer, and removes what an earlier test has left of the authority.
func installSigner(t *testing.T) {
	t.Helper()
	installDefinitions(t)
	install(t, "overlays/dev")
	install(t, "signer")
	clean := func() {
		for _, err := range []error{
			suite.core.CoreV1().Secrets(systemNamespace).Delete(t.Context(), authoritySecret, metav1.DeleteOptions{}),
			suite.core.CoreV1().Secrets(systemNamespace).Delete(t.Context(), stateSecret, metav1.DeleteOptions{}),
			suite.core.CoordinationV1().Leases(systemNamespace).Delete(t.Context(), "mizzen-signer", metav1.DeleteOptions{}),
			suite.core.CertificatesV1().ClusterTrustBundles().Delete(t.Context(), bundleName, metav1.DeleteOptions{}),
		} {
			if err != nil && !apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
		}
	}
	clean()
}

// startSigner runs `controlplane sign` with the rights of the manifests, and returns when it is ready.
func startSigner(t *testing.T, flags ...string) *replica {
	t.Helper()
	r := &replica{admin: freeAddress(t, "127.0.0.1")}
	args := append([]string{"sign", "--kubeconfig", kubeconfigOf(t, "mizzen-signer"), "--admin-address", r.admin}, flags...)
	r.Process = cluster.NewProcess(t.TempDir(), suite.binary, args...)
	r.start(t)
	t.Cleanup(func() {
		r.Terminate()
		if t.Failed() {
			t.Logf("end of the log of the signer at %s:\n%s", r.admin, r.Log())
		}
	})
	r.awaitReady(t)
	return r
}

// runCommand runs a command of the binary as an administrator, and returns its exit code and what it printed.
func runCommand(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), suite.binary, append(args, "--kubeconfig", suite.kubeconfig)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return failed.ExitCode(), out.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String()
}

// createAuthority makes the authority.
func createAuthority(t *testing.T) {
	t.Helper()
	if code, text := runCommand(t, "authority", "create"); code != 0 {
		t.Fatalf("authority create: exit code %d\n%s", code, text)
	}
}

// as returns a client for a user.
func as(t *testing.T, user string, groups ...string) kubernetes.Interface {
	t.Helper()
	return must(kubernetes.NewForConfig(must(suite.cluster.Config(user, groups...))(t)))(t)
}

// kubelet returns the client of a node's kubelet.
func kubelet(t *testing.T, node string) kubernetes.Interface {
	t.Helper()
	return as(t, "system:node:"+node, "system:nodes")
}

// request is a request for a certificate as the kubelet of node-a makes it. edit may change it.
func request(t *testing.T, namespace string, key crypto.Signer, edit func(*certificatesv1.PodCertificateRequest)) *certificatesv1.PodCertificateRequest {
	t.Helper()
	if key == nil {
		key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	}
	life := int32(86400)
	r := &certificatesv1.PodCertificateRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "r-"},
		Spec: certificatesv1.PodCertificateRequestSpec{
			SignerName: signerName, PodName: "cart-0", PodUID: "pod", ServiceAccountName: "cart", ServiceAccountUID: "account",
			NodeName: "node-a", NodeUID: "node", MaxExpirationSeconds: &life,
			StubPKCS10Request: must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))(t),
		},
	}
	if edit != nil {
		edit(r)
	}
	return r
}

// ask makes a request as a kubelet.
func ask(t *testing.T, node kubernetes.Interface, r *certificatesv1.PodCertificateRequest) *certificatesv1.PodCertificateRequest {
	t.Helper()
	return must(node.CertificatesV1().PodCertificateRequests(r.Namespace).Create(t.Context(), r, metav1.CreateOptions{}))(t)
}

// issued is the answer with a certificate.
const issued = certificatesv1.PodCertificateRequestConditionTypeIssued + " Issued"

// answer waits for the answer to a request, and returns it with the type and reason of its condition.
func answer(t *testing.T, r *certificatesv1.PodCertificateRequest) (status certificatesv1.PodCertificateRequestStatus, said string) {
	t.Helper()
	await(t, "an answer", func() error {
		now, err := suite.core.CertificatesV1().PodCertificateRequests(r.Namespace).Get(t.Context(), r.Name, metav1.GetOptions{})
		if err == nil && len(now.Status.Conditions) == 0 {
			err = errors.New("it has no condition")
		}
		if err == nil {
			status, said = now.Status, now.Status.Conditions[0].Type+" "+now.Status.Conditions[0].Reason
		}
		return err
	})
	return status, said
}

// issue has a certificate issued and returns it. It must be verified by the bundle.
func issue(t *testing.T, node kubernetes.Interface, namespace string) *x509.Certificate {
	t.Helper()
	status, said := answer(t, ask(t, node, request(t, namespace, nil, nil)))
	if said != issued {
		t.Fatalf("got %s, want it issued: %v", said, status.Conditions)
	}
	leaf := certificatesOf(t, status.CertificateChain)[0]
	roots := x509.NewCertPool()
	for _, root := range published(t) {
		roots.AddCert(root)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err != nil {
		t.Errorf("the bundle does not verify the certificate: %v", err)
	}
	return leaf
}

// published returns the roots in the bundle.
func published(t *testing.T) []*x509.Certificate {
	t.Helper()
	bundle, err := suite.core.CertificatesV1().ClusterTrustBundles().Get(t.Context(), bundleName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return certificatesOf(t, bundle.Spec.TrustBundle)
}

func awaitRoots(t *testing.T, want int) {
	t.Helper()
	await(t, fmt.Sprintf("%d roots", want), func() error {
		if got := len(published(t)); got != want {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
}

func certificatesOf(t *testing.T, text string) (all []*x509.Certificate) {
	t.Helper()
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		all = append(all, must(x509.ParseCertificate(block.Bytes))(t))
	}
}

// secret reads a Secret of Mizzen, edits it and writes it.
func editSecret(t *testing.T, name string, edit func(data map[string][]byte)) {
	t.Helper()
	await(t, name+" edited", func() error {
		secret, err := suite.core.CoreV1().Secrets(systemNamespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		edit(secret.Data)
		_, err = suite.core.CoreV1().Secrets(systemNamespace).Update(t.Context(), secret, metav1.UpdateOptions{})
		return err
	})
}

// uidOf makes a UID from a name, for requests that differ.
func uidOf(i int) types.UID { return types.UID(fmt.Sprint("pod-", i)) }
