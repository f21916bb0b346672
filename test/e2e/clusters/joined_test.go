//go:build e2e

package clusters_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// cart are the pods of the Service in the example, which answer with the name of the cluster.
const cart = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: app
        image: ` + appImage + `
        imagePullPolicy: Never
        args: [serve]
        env: [{name: VERSION, value: CLUSTER}]
        readinessProbe: {grpc: {port: 50051}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 3}}}
`

// caller calls the Service continuously. ENV is empty if the pod is injected.
const caller = `
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec:
  restartPolicy: Never
  containers: [{name: app, image: ` + appImage + `, imagePullPolicy: Never, args: [load, "xds:///cart.joined.svc.cluster.local:80"]ENV}]
`

// joined is two clusters, the control plane in a, and a client there that never stops calling.
type joined struct {
	a, b  *node.Cluster
	calls []*node.Calls
}

const ns = "joined"

// examples has what examples/README.md applies in both clusters.
const examples = "../../../examples/clusters"

func absolute(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

func begin(t *testing.T) *joined {
	t.Helper()
	all := node.UpAll(t)
	j := &joined{a: all[0], b: all[1]}
	j.a.Link(t, j.b)
	j.install(t)
	for name, c := range map[string]*node.Cluster{"a": j.a, "b": j.b} {
		c.CreateNamespace(t, ns)
		c.Kubectl(t, "--namespace", ns, "apply", "--filename", absolute(t, examples+"/service.yaml"))
		c.Apply(t, ns, strings.ReplaceAll(cart, "CLUSTER", name))
		c.AwaitRollout(t, ns, "deployment/cart")
	}
	j.a.Kubectl(t, "label", "namespace", ns, "mizzen.dev/inject=enabled")
	j.a.Await(t, "pods are injected", func() error {
		if text := j.a.Kubectl(t, "--namespace", ns, "run", "probe", "--image="+appImage, "--dry-run=server", "--output=json"); !strings.Contains(text, "GRPC_XDS_BOOTSTRAP") {
			return errors.New("a new pod has no bootstrap")
		}
		return nil
	})
	j.calls = append(j.calls, node.StartCalls(t, j.a, ns, "caller", strings.ReplaceAll(caller, "ENV", ""), versions...))
	return j
}

// install installs the control plane in a, and what it needs to read b. Its Secret comes first.
func (j *joined) install(t *testing.T) {
	t.Helper()
	j.b.Kubectl(t, "apply", "--kustomize", absolute(t, examples+"/b"))
	j.a.Kubectl(t, "apply", "--filename", absolute(t, "../../../manifests/base/namespace.yaml"))
	j.join(t)
	j.a.Kubectl(t, "apply", "--kustomize", absolute(t, "install"))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(j.a.Kubectl(t, "--namespace", system, "logs", "--selector=app.kubernetes.io/name=mizzen", "--tail=60", "--prefix"))
		}
		j.a.Kubectl(t, "delete", "namespace", system, "--wait=false")
	})
	j.a.AwaitRollout(t, system, "deployment/mizzen")
}

// join writes the Secret with the kubeconfig for b, with the present token of the reader.
func (j *joined) join(t *testing.T) {
	t.Helper()
	var token string
	j.b.Await(t, "the reader has a token", func() error {
		secret, err := j.b.Core.CoreV1().Secrets(system).Get(t.Context(), "mizzen-reader", metav1.GetOptions{})
		if token = string(secret.Data["token"]); err == nil && token == "" {
			err = errors.New("it has none")
		}
		return err
	})
	authority, err := os.ReadFile(j.b.Config.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: b, cluster: {server: %q, certificate-authority-data: %s}}]\n"+
		"users: [{name: reader, user: {token: %s}}]\ncontexts: [{name: b, context: {cluster: b, user: reader}}]\ncurrent-context: b\n",
		j.b.Config.Host, base64.StdEncoding.EncodeToString(authority), token)
	j.a.Apply(t, system, fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: remote-b, labels: {istio/multiCluster: \"true\"}}\ndata: {b: %s}\n",
		base64.StdEncoding.EncodeToString([]byte(kubeconfig))))
}

// step runs a step while calls go on, none of which may fail.
func (j *joined) step(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if t.Failed() {
		return
	}
	t.Run(name, func(t *testing.T) {
		f(t)
		for _, k := range j.calls {
			k.Continue(t, name, 100)
		}
	})
}

func (j *joined) scale(t *testing.T, c *node.Cluster, replicas string) {
	t.Helper()
	c.Kubectl(t, "--namespace", ns, "scale", "deployment/cart", "--replicas="+replicas)
	if replicas != "0" {
		c.AwaitRollout(t, ns, "deployment/cart")
	}
}

func (j *joined) inspect(t *testing.T, args ...string) string {
	t.Helper()
	return j.a.Run(t, append([]string{j.a.Binary(planeImage), "inspect", "--kubeconfig", j.a.Kubeconfig}, args...)...)
}

// TestJoined joins two clusters, and takes away and breaks one thing after the other.
func TestJoined(t *testing.T) {
	j := begin(t)
	local := j.calls[0]
	j.step(t, "the own zone is preferred", func(t *testing.T) { local.Only(t, "a") })
	j.step(t, "the other cluster takes over, and gives back", func(t *testing.T) {
		j.scale(t, j.a, "0")
		local.Only(t, "b")
		j.scale(t, j.a, "2")
		local.Only(t, "a")
	})
	j.step(t, "without a preference both are called", func(t *testing.T) {
		j.a.Kubectl(t, "--namespace", ns, "patch", "service", "cart", "--type=json", `--patch=[{"op": "remove", "path": "/spec/trafficDistribution"}]`)
		local.Only(t, "a", "b")
	})
	j.step(t, "a client in the other cluster", func(t *testing.T) {
		bootstrap := fmt.Sprintf(`{"xds_servers": [{"server_uri": "%s:15010", "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}], "node": {"id": "far"}}`, j.plane(t))
		env, err := json.Marshal([]corev1.EnvVar{{Name: "GRPC_XDS_BOOTSTRAP_CONFIG", Value: bootstrap}})
		if err != nil {
			t.Fatal(err)
		}
		far := node.StartCalls(t, j.b, ns, "caller", strings.ReplaceAll(caller, "ENV", ", env: "+string(env)), versions...)
		far.Only(t, "a", "b")
		if got := j.inspect(t, "clients"); !strings.Contains(got, "pod/joined/caller@b") {
			t.Errorf("inspect clients does not show the client of b:\n%s", got)
		}
		j.a.Kubectl(t, "--namespace", ns, "annotate", "service", "cart", "mizzen.dev/scope=cluster")
		local.Only(t, "a")
		far.Only(t, "b")
		j.a.Kubectl(t, "--namespace", ns, "annotate", "service", "cart", "mizzen.dev/scope-")
		local.Only(t, "a", "b")
		far.Only(t, "a", "b")
		far.Continue(t, "the Service was for each cluster alone", 100)
		j.b.Kubectl(t, "--namespace", ns, "delete", "pod", "caller", "--grace-period=1")
	})
	j.step(t, "the same Service has other ports", func(t *testing.T) {
		j.b.Kubectl(t, "--namespace", ns, "patch", "service", "cart", "--type=json",
			`--patch=[{"op": "add", "path": "/spec/ports/-", "value": {"name": "metrics", "port": 9090}}]`)
		j.a.Await(t, "a Problem", func() error {
			if got := j.inspect(t, "problems"); !strings.Contains(got, "joined/cart@b") || !strings.Contains(got, "spec.ports[1]") {
				return errors.New(got)
			}
			return nil
		})
		local.Only(t, "a", "b")
	})
	j.step(t, "a token of the other cluster", j.token)
	j.step(t, "another network", func(t *testing.T) {
		j.a.Kubectl(t, "--namespace", system, "annotate", "secret", "remote-b", "topology.istio.io/network=far")
		local.Only(t, "a")
		j.problem(t, "Service joined/cart@b", `in network "far"`)
		j.a.Kubectl(t, "--namespace", system, "annotate", "secret", "remote-b", "topology.istio.io/network-")
		local.Only(t, "a", "b")
	})
	j.step(t, "the pod networks overlap", j.overlap)
	j.step(t, "an imported Service", j.imported)
	j.state(t, "following")
	for name, cut := range map[string]func(t *testing.T) func(){
		"hangs":      func(t *testing.T) func() { return j.b.Stop(t) },
		"is cut off": func(t *testing.T) func() { return j.a.Cut(t, j.b) },
	} {
		j.step(t, "the other API server "+name, func(t *testing.T) {
			end := cut(t)
			j.a.Kubectl(t, "--namespace", ns, "rollout", "restart", "deployment/cart")
			j.a.AwaitRollout(t, ns, "deployment/cart")
			local.Only(t, "a", "b")
			t.Run("and the control plane is killed", func(t *testing.T) {
				j.kill(t)
				j.state(t, "away")
				local.Continue(t, "the control plane was killed", 300)
				local.Only(t, "a", "b")
				j.scale(t, j.a, "0")
				local.Only(t, "b")
				j.scale(t, j.a, "2")
			})
			end()
			j.scale(t, j.b, "0")
			t.Logf("a change of the other cluster arrived after %v", local.Only(t, "a"))
			j.scale(t, j.b, "2")
			local.Only(t, "a", "b")
			j.state(t, "following")
		})
	}
	j.step(t, "the control plane is rolled out while the other API server is away, without its saved state", func(t *testing.T) {
		end := j.a.Cut(t, j.b)
		j.a.Kubectl(t, "--namespace", system, "rollout", "restart", "deployment/mizzen")
		j.a.AwaitRollout(t, system, "deployment/mizzen")
		local.Only(t, "a")
		end()
		t.Logf("the other cluster joined after %v", local.Only(t, "a", "b"))
	})
	j.step(t, "the Secret is rotated", func(t *testing.T) {
		j.b.Kubectl(t, "--namespace", system, "delete", "secret", "mizzen-reader")
		j.b.Kubectl(t, "apply", "--kustomize", absolute(t, examples+"/b"))
		j.join(t)
		j.scale(t, j.b, "0")
		local.Only(t, "a")
		j.scale(t, j.b, "2")
		local.Only(t, "a", "b")
	})
	j.step(t, "the Secret is broken, and mended", func(t *testing.T) {
		j.a.Kubectl(t, "--namespace", system, "patch", "secret", "remote-b", "--patch", `{"stringData": {"b": "{}"}}`)
		j.a.Await(t, "a Problem", func() error {
			if got := j.inspect(t, "problems"); !strings.Contains(got, "data[b]") {
				return errors.New(got)
			}
			return nil
		})
		j.state(t, "refused")
		local.Only(t, "a", "b")
		j.join(t)
		j.state(t, "following")
	})
	j.step(t, "the Secret is deleted", func(t *testing.T) {
		j.a.Kubectl(t, "--namespace", system, "delete", "secret", "remote-b")
		local.Only(t, "a")
		if got := j.inspect(t, "problems"); strings.Contains(got, "@b") {
			t.Errorf("there are Problems of the cluster that is gone:\n%s", got)
		}
		before := j.refused(t)
		j.b.Apply(t, ns, j.tokenCaller(t, "stranger"))
		j.a.Await(t, "a token of the cluster that is gone is refused", func() error {
			if now := j.refused(t); now <= before {
				return fmt.Errorf("%v refused streams, as before", now)
			}
			return nil
		})
	})
}

// kill kills the processes of all replicas at once, so that their containers start again with the state that they saved.
func (j *joined) kill(t *testing.T) {
	t.Helper()
	restarts := func() (n int) {
		pods, err := j.a.Core.CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=mizzen"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range pods.Items {
			for _, s := range pods.Items[i].Status.ContainerStatuses {
				n += int(s.RestartCount)
				if !s.Ready {
					return 0
				}
			}
		}
		return n
	}
	before := restarts()
	// The state is saved every ten seconds.
	<-time.After(11 * time.Second)
	j.a.Run(t, "sh", "-c", `for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -q -- '[-]-state-dir=/var/lib/mizzen' && kill -9 ${p#/proc/}; done; true`)
	j.a.Await(t, "the replicas run again", func() error {
		if now := restarts(); now < before+2 {
			return fmt.Errorf("%d restarts", now)
		}
		return nil
	})
	// A client waits longer after each attempt that failed. Until it is back, it hears of no change.
	j.a.Await(t, "the client is connected", func() error {
		if got := j.inspect(t, "clients"); !strings.Contains(got, "pod/joined/caller") {
			return errors.New(got)
		}
		return nil
	})
}
