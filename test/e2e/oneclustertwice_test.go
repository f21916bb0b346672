//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// TestOneClusterTwice has a Secret lead to the own cluster through another URL, as a load balancer has one: the cluster is recognized by
// the rights of the manifests alone. Without the right to read its identity it is read, and the Problem says so. This shows, too, that
// the other rights of manifests/remote are all that a remote cluster needs.
func TestOneClusterTwice(t *testing.T) {
	install(t, "overlays/dev")
	// Other tests check what the control plane may not do without this.
	const rights = "../../manifests/components/remote-clusters/rights.yaml"
	kubectl(t, "", "apply", "-f", rights)
	t.Cleanup(func() { kubectl(t, "", "delete", "-f", rights) })
	install(t, "remote")
	reader := kubeconfigOf(t, "mizzen-reader")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "remote-b", Labels: map[string]string{"istio/multiCluster": "true"}},
		Data:       map[string][]byte{"b": through(t, reader)},
	}
	secrets := suite.core.CoreV1().Secrets(systemNamespace)
	must(secrets.Create(t.Context(), secret, metav1.CreateOptions{}))(t)
	t.Cleanup(func() { kubectl(t, "", "-n", systemNamespace, "delete", "secret", "remote-b") })
	p := startControlPlane(t, "--kubeconfig", accountKubeconfig(t), "--identity", "claim", "--remote-clusters", "secrets", "--state-wait", "1s")

	awaitCluster(t, p, "refused", " leads to the control plane's own cluster: Namespace kube-system has the same UID in both, ")
	role := must(suite.core.RbacV1().ClusterRoles().Get(t.Context(), "mizzen-reader", metav1.GetOptions{}))(t)
	rules := role.Rules
	role.Rules = nil
	for _, rule := range rules {
		if len(rule.ResourceNames) == 0 {
			role.Rules = append(role.Rules, rule)
		}
	}
	if len(role.Rules) != len(rules)-1 {
		t.Fatalf("got the rules %v, want one with names", rules)
	}
	setRules(t, role)
	secret.Data["b"] = through(t, reader)
	must(secrets.Update(t.Context(), secret, metav1.UpdateOptions{}))(t)
	awaitCluster(t, p, "following", "")
	await(t, "the Problem", func() error {
		problems, err := httpGet(t, "http://"+p.admin+"/api/problems")
		if err == nil && !strings.Contains(problems, "Namespace kube-system of the cluster cannot be read: ") {
			err = fmt.Errorf("got %s", problems)
		}
		return err
	})
}

func setRules(t *testing.T, role *rbacv1.ClusterRole) {
	t.Helper()
	must(suite.core.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}))(t)
}

// awaitCluster waits until cluster b has a state and a reason.
func awaitCluster(t *testing.T, p *controlPlane, state, reason string) {
	t.Helper()
	await(t, "cluster b is "+state, func() error {
		body, err := httpGet(t, "http://"+p.admin+"/api/clusters")
		if err != nil {
			return err
		}
		var all []struct{ Name, State, Reason string }
		if err := json.Unmarshal([]byte(body), &all); err != nil {
			return err
		}
		if len(all) != 1 || all[0].Name != "b" || all[0].State != state || !strings.Contains(all[0].Reason, reason) {
			err = fmt.Errorf("got %s", body)
		}
		return err
	})
}

// through returns a kubeconfig whose server is a forwarder to the API server, which ends with the test.
func through(t *testing.T, kubeconfig string) []byte {
	t.Helper()
	file := must(clientcmd.LoadFromFile(kubeconfig))(t)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = listener.Close() })
	for _, c := range file.Clusters {
		server := must(url.Parse(c.Server))(t)
		c.TLSServerName = server.Hostname()
		c.Server = "https://" + listener.Addr().String()
		go forward(listener, server.Host)
	}
	text := must(clientcmd.Write(*file))(t)
	return text
}

// forward forwards connections until the listener is closed.
func forward(listener net.Listener, to string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			upstream, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer upstream.Close()
			go func() { _, _ = io.Copy(upstream, from); _ = upstream.Close() }()
			_, _ = io.Copy(from, upstream) // either end closes both
		}()
	}
}
