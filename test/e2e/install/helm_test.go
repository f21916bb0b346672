//go:build e2e

package install_test

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const chart = "../../../manifests/chart"

// TestHelm is docs/INSTALL.md with Helm: install, upgrade to TLS, uninstall, and a cluster where kustomize has installed before.
func TestHelm(t *testing.T) {
	c := node.Up(t)
	definitions(t, c)
	remove := func() {
		c.Kubectl(t, "delete", "--kustomize", must(filepath.Abs("../../../manifests/overlays/dev"))(t), "--ignore-not-found", "--timeout="+node.Patience.String())
	}
	remove() // what other tests have left
	t.Cleanup(remove)
	c.Kubectl(t, "apply", "--filename", must(filepath.Abs("../../../manifests/base/namespace.yaml"))(t))
	helm(t, c, "install", "mizzen", chart, "--wait", "--timeout="+node.Patience.String())

	l := start(t, c)
	l.step("a VirtualService splits the calls", func(t *testing.T) { l.route(t, 50, 50) })
	l.step("a viewer runs inspect", func(t *testing.T) { l.inspectAsViewer(t) })
	l.step("an upgrade to TLS", func(t *testing.T) {
		dir := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "../../../hack/certificates.sh", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		c.Kubectl(t, "--namespace", system, "create", "secret", "tls", "mizzen-tls", "--cert="+dir+"/tls.crt", "--key="+dir+"/tls.key")
		helm(t, c, "upgrade", "mizzen", chart, "--wait", "--timeout="+node.Patience.String(),
			"--values", chart+"/values-production.yaml", "--set-file", "injection.authorities="+dir+"/ca.crt")
		node.StartCalls(t, c, l.ns, "caller-tls", caller("caller-tls", "node-1", "xds:///echo:80"), versions...).Only(t, "v1", "v2")
		if got := c.Kubectl(t, "--namespace", l.ns, "get", "pod", "caller-tls", "--output=jsonpath={.metadata.annotations.mizzen\\.dev/injected}"); got != "tls" {
			t.Errorf("a new pod is injected with %q, want tls", got)
		}
		l.route(t, 0, 100)
	})
	l.step("Mizzen is uninstalled", func(t *testing.T) {
		c.Kubectl(t, "label", "namespace", l.ns, "mizzen.dev/inject-")
		l.uninstall(t)
		if got := c.Kubectl(t, "--namespace", l.ns, "get", "virtualservice", "echo", "--output=jsonpath={.status}"); got != "" {
			t.Errorf("the VirtualService says %s, want nothing", got)
		}
	})
	l.step("Helm takes over what kustomize has installed", func(t *testing.T) {
		apply(t, c, "dev")
		settings := strings.Fields(c.Kubectl(t, "--namespace", system, "get", "configmaps", "--output=name"))
		helm(t, c, "install", "mizzen", chart, "--take-ownership", "--force-conflicts", "--wait", "--timeout="+node.Patience.String())
		for _, name := range settings {
			if strings.HasPrefix(name, "configmap/mizzen-settings-") {
				c.Kubectl(t, "--namespace", system, "delete", name)
			}
		}
		l.route(t, 100, 0)
		l.uninstall(t)
	})
}

// uninstall does what docs/INSTALL.md says, and looks for what is left.
func (l *installation) uninstall(t *testing.T) {
	t.Helper()
	helm(t, l.c, "uninstall", "mizzen", "--wait", "--timeout="+node.Patience.String())
	l.c.Run(t, l.c.Binary(planeImage), "uninstall", "--conditions", "--kubeconfig", l.c.Kubeconfig)
	left := l.c.Kubectl(t, "get", "--ignore-not-found", "--output=name",
		"clusterroles,clusterrolebindings,mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings")
	left += l.c.Kubectl(t, "--namespace", system, "get", "--ignore-not-found", "--output=name",
		"deployments,services,serviceaccounts,configmaps,roles,rolebindings,poddisruptionbudgets,networkpolicies,horizontalpodautoscalers,secrets")
	for name := range strings.Lines(left) {
		if strings.Contains(name, "mizzen") && name != "secret/mizzen-tls\n" {
			t.Errorf("%s is left", strings.TrimSpace(name))
		}
	}
}

// inspectAsViewer runs inspect as a user that has the roles mizzen-viewer and nothing else.
func (l *installation) inspectAsViewer(t *testing.T) {
	t.Helper()
	c := l.c
	c.Kubectl(t, "--namespace", l.ns, "create", "serviceaccount", "viewer")
	who := "--serviceaccount=" + l.ns + ":viewer"
	c.Kubectl(t, "--namespace", system, "create", "rolebinding", l.ns+"-viewer", "--role=mizzen-viewer", who)
	c.Kubectl(t, "create", "clusterrolebinding", l.ns+"-viewer", "--clusterrole=mizzen-viewer", who)
	t.Cleanup(func() {
		c.Kubectl(t, "--namespace", system, "delete", "rolebinding", l.ns+"-viewer", "--ignore-not-found")
		c.Kubectl(t, "delete", "clusterrolebinding", l.ns+"-viewer")
	})
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := c.Kubectl(t, "config", "view", "--raw", "--flatten", "--minify")
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(c.Kubectl(t, "--namespace", l.ns, "create", "token", "viewer"))
	user := strings.TrimSpace(c.Kubectl(t, "config", "view", "--minify", "--output=jsonpath={.contexts[0].context.user}"))
	c.Kubectl(t, "--kubeconfig="+kubeconfig, "config", "unset", "users."+user)
	c.Kubectl(t, "--kubeconfig="+kubeconfig, "config", "set-credentials", user, "--token="+token)
	inspect := func(args ...string) string {
		return c.Run(t, append([]string{c.Binary(planeImage), "inspect", "--kubeconfig", kubeconfig}, args...)...)
	}
	inspect("wait", "--for", "acknowledged", "--timeout", "30s")
	if clients := inspect("clients"); !strings.Contains(clients, "pod/"+l.ns+"/caller-go") {
		t.Errorf("a viewer does not see the client:\n%s", clients)
	}
	cmd := exec.CommandContext(t.Context(), c.Binary(planeImage), "inspect", "clients", "--kubeconfig", kubeconfig, "--mizzen-namespace", l.ns)
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("forbidden")) {
		t.Errorf("pods elsewhere: got %v and %s, want them to be forbidden", err, out)
	}
}

// helm runs Helm in the namespace of Mizzen.
func helm(t *testing.T, c *node.Cluster, args ...string) {
	t.Helper()
	bin := cmp.Or(os.Getenv("TESTCLUSTER_BIN"), "../../../hack/testcluster/bin")
	cmd := exec.Command(filepath.Join(bin, "helm"), append(args, "--namespace", system, "--kubeconfig", c.Kubeconfig)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v: run hack/testcluster/build.sh, which builds it", err)
	}
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("helm %s:\n%s", args[0], out)
}

// must fails the test if a call failed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
