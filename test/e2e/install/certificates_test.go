//go:build e2e

package install_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const (
	identityDir = "/var/run/secrets/mizzen.dev/identity"
	// rootsBundle is the ClusterTrustBundle of the signer.
	rootsBundle = "mizzen.dev:spiffe:roots"
)

// TestCertificates: pods of a labeled namespace get a certificate from kubelet, whatever else is injected into them, and
// a pod that is excluded starts without one. The signer is installed as docs/INSTALL.md says.
func TestCertificates(t *testing.T) {
	c := node.Up(t)
	install(t, c, "dev")
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String()) })
	ns := injected(t, c)
	l := newInstallation(t, c, ns)
	c.Kubectl(t, "label", "namespace", ns, "mizzen.dev/identity=spiffe")
	l.types(t, 0, "WARN  identity             The key identity of the ConfigMap mizzen-system/mizzen-injection is not set to a source, and these namespaces have the label mizzen.dev/identity: "+ns, "check", "install")
	c.Kubectl(t, "--namespace", system, "patch", "configmap", "mizzen-injection", "--type=merge", `--patch={"data": {"identity": "podcertificate"}}`)
	l.types(t, 1, "There is no ClusterTrustBundle of the signer mizzen.dev/spiffe.", "check", "install")
	roots := startSigner(t, l)
	l.types(t, 0, "Pods get certificates in 1 namespace, "+ns, "check", "install")
	c.Await(t, "pods get certificates", func() error {
		text := c.Kubectl(t, "--namespace", ns, "run", "probe", "--image="+appImage, "--dry-run=server", "--output=yaml")
		if !strings.Contains(text, "podCertificate") {
			return fmt.Errorf("got %s", text)
		}
		return nil
	})
	pods := map[string]string{"excluded": printing("excluded", "{mizzen.dev/identity: none, mizzen.dev/xds: tls}", "{}", "test -e "+identityDir+" || echo none")}
	for name, security := range map[string]string{"anybody": "{}", "a-user": "{runAsUser: 1000}", "a-group": "{runAsUser: 1000, fsGroup: 2000}"} {
		for _, transport := range []string{"plaintext", "tls"} {
			pod := name + "-" + transport
			pods[pod] = printing(pod, "{mizzen.dev/xds: "+transport+"}", security, "cat "+identityDir+"/tls.crt "+identityDir+"/ca.crt && test -s "+identityDir+"/tls.key && echo readable")
		}
	}
	c.Apply(t, ns, strings.Join(slices.Collect(maps.Values(pods)), "---\n"))
	for pod := range pods {
		text := printed(t, c, ns, pod)
		label := c.Kubectl(t, "--namespace", ns, "get", "pod", pod, `--output=jsonpath={.metadata.labels.mizzen\.dev/identity}`)
		if pod == "excluded" {
			if text != "none\n" || label != "" {
				t.Errorf("a pod that is excluded has the label %q, and prints %s", label, text)
			}
			continue
		}
		if err := verify(text, roots, "spiffe://cluster.local/ns/"+ns+"/sa/default"); err != nil || !strings.HasSuffix(text, "readable\n") || label != "spiffe" {
			t.Errorf("%s: %v, its label is %q, and its files are\n%s", pod, err, label, text)
		}
	}
}

// printing is a pod that runs a command and ends. Its image has no other program than the application, so it uses the
// programs of its node.
func printing(name, annotations, security, command string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, annotations: %s}
spec:
  restartPolicy: Never
  securityContext: %s
  volumes:
  - {name: usr, hostPath: {path: /usr}}
  - {name: lib, hostPath: {path: /lib}}
  - {name: lib64, hostPath: {path: /lib64}}
  containers:
  - name: app
    image: %s
    imagePullPolicy: Never
    command: [/usr/bin/bash, -c, %q]
    env: [{name: PATH, value: /usr/bin}]
    volumeMounts:
    - {name: usr, mountPath: /usr, readOnly: true}
    - {name: lib, mountPath: /lib, readOnly: true}
    - {name: lib64, mountPath: /lib64, readOnly: true}
`, name, annotations, security, appImage, command)
}

// printed waits until a pod has ended, and returns what it printed.
func printed(t *testing.T, c *node.Cluster, ns, name string) string {
	t.Helper()
	c.Await(t, name+" has ended", func() error {
		phase := c.Kubectl(t, "--namespace", ns, "get", "pod", name, "--output=jsonpath={.status.phase}")
		if phase != "Succeeded" && phase != "Failed" {
			return fmt.Errorf("it is %s", phase)
		}
		return nil
	})
	return c.Kubectl(t, "--namespace", ns, "logs", name)
}

// verify checks a certificate that is followed by its authority.
func verify(text string, roots *x509.CertPool, id string) error {
	var found []*x509.Certificate
	for rest := []byte(text); ; {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		found, rest = append(found, certificate), after
	}
	if len(found) != 2 || len(found[0].URIs) != 1 || found[0].URIs[0].String() != id {
		return fmt.Errorf("got %d certificates, want one for %s and its authority", len(found), id)
	}
	for _, certificate := range found {
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			return err
		}
	}
	return nil
}

// startSigner follows docs/INSTALL.md: it makes an authority and installs the signer. It returns the roots that the signer publishes.
func startSigner(t *testing.T, l *installation) *x509.CertPool {
	t.Helper()
	l.types(t, 0, "", "authority", "create")
	l.c.Kubectl(t, "apply", "--kustomize", must(filepath.Abs("../../../manifests/signer"))(t))
	l.c.AwaitRollout(t, system, "deployment/mizzen-signer")
	pool := x509.NewCertPool()
	l.c.Await(t, "the signer publishes its root", func() error {
		bundle, err := l.c.Core.CertificatesV1().ClusterTrustBundles().Get(t.Context(), rootsBundle, metav1.GetOptions{})
		if err == nil && !pool.AppendCertsFromPEM([]byte(bundle.Spec.TrustBundle)) {
			err = errors.New("the bundle is empty")
		}
		return err
	})
	t.Cleanup(func() {
		l.c.Kubectl(t, "delete", "clustertrustbundle", rootsBundle)
		l.c.Kubectl(t, "delete", "--ignore-not-found", "--kustomize", must(filepath.Abs("../../../manifests/signer"))(t))
	})
	return pool
}
