//go:build e2e

package install_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const (
	planeImage = "ghcr.io/mizzen-mesh/controlplane:dev"
	appImage   = "mesh.test/app:dev"
	system     = "mizzen-system"
)

// versions are the versions of the applications that are called.
var versions = []string{"v1", "v2"}

func TestMain(m *testing.M) {
	node.Main(m, node.Setup{
		Workers: []string{"zone-b"},
		Images:  map[string]string{planeImage: "../../../cmd/controlplane", appImage: "../node/app"},
	})
}

// install installs one of the overlays as an administrator does, and waits until new pods are injected.
func install(t *testing.T, c *node.Cluster, overlay string) {
	t.Helper()
	definitions(t, c)
	apply(t, c, overlay)
}

// definitions installs Istio's definitions. It also gives the nodes a region, as in a cloud.
func definitions(t *testing.T, c *node.Cluster) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "go", "run", "../../../hack/crds").Output()
	if err != nil {
		t.Fatalf("make crds: %v", err)
	}
	c.Apply(t, "default", string(text))
	c.Kubectl(t, "label", "node", "node-0", "node-1", "topology.kubernetes.io/region=here", "--overwrite")
}

func apply(t *testing.T, c *node.Cluster, overlay string) {
	t.Helper()
	dir, err := filepath.Abs("../../../manifests/overlays/" + overlay)
	if err != nil {
		t.Fatal(err)
	}
	c.Kubectl(t, "apply", "--kustomize", dir)
	c.AwaitRollout(t, system, "deployment/mizzen")
}

// injected creates a namespace whose pods are injected, and waits until they are: the API server applies a policy a
// moment after its creation.
func injected(t *testing.T, c *node.Cluster) string {
	t.Helper()
	ns := c.Namespace(t)
	c.Kubectl(t, "label", "namespace", ns, "mizzen.dev/inject=enabled")
	c.Await(t, "pods are injected", func() error {
		var pod corev1.Pod
		text := c.Kubectl(t, "--namespace", ns, "run", "probe", "--image="+appImage, "--dry-run=server", "--output=json")
		if err := json.Unmarshal([]byte(text), &pod); err != nil {
			return err
		}
		for _, env := range pod.Spec.Containers[0].Env {
			if env.Name == "GRPC_XDS_BOOTSTRAP_CONFIG" {
				return nil
			}
		}
		return errors.New("a new pod has no GRPC_XDS_BOOTSTRAP_CONFIG")
	})
	return ns
}

// application is a Service with a Deployment for each version, a pod in each zone, and rules that send all calls to v1.
func application() string {
	var b strings.Builder
	for _, version := range []string{"v1", "v2"} {
		fmt.Fprintf(&b, `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo-%[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo, version: %[1]s}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: echo, version: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 10
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: echo, version: %[1]s}}
        matchLabelKeys: [pod-template-hash]
      containers:
      - name: app
        image: %[2]s
        imagePullPolicy: Never
        args: [serve]
        env: [{name: VERSION, value: %[1]s}]
        ports: [{name: grpc, containerPort: 50051}]
        readinessProbe: {grpc: {port: 50051}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 3}}}
`, version, appImage)
	}
	return b.String() + `
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {selector: {app: echo}, ports: [{name: grpc, port: 80, targetPort: grpc}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
` + split(100, 0)
}

// split is the rule with these weights of the versions.
func split(v1, v2 int) string {
	return fmt.Sprintf(`
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo}
spec:
  hosts: [echo]
  http:
  - route:
    - {destination: {host: echo, subset: v1}, weight: %d}
    - {destination: {host: echo, subset: v2}, weight: %d}
`, v1, v2)
}

// caller is a pod on a node that calls the application continuously. It has no configuration for xDS except the
// scheme of its target.
func caller(name, onNode, target string) string {
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeName: %s
  restartPolicy: Never
  containers: [{name: app, image: %s, imagePullPolicy: Never, args: [load, %q]}]
`, name, onNode, appImage, target)
}

// python is a caller in another language, with gRPC's C-core: it uses a package of the node (python3-grpcio).
func python(name, onNode, target string) string {
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Pod
metadata: {name: %s, annotations: {mizzen.dev/xds: plaintext}}
spec:
  nodeName: %s
  restartPolicy: Never
  volumes:
  - {name: usr, hostPath: {path: /usr}}
  - {name: lib, hostPath: {path: /lib}}
  - {name: lib64, hostPath: {path: /lib64}}
  containers:
  - name: app
    image: %s
    imagePullPolicy: Never
    command: [/usr/bin/python3, -u, -c]
    args:
    - |
%s
    volumeMounts:
    - {name: usr, mountPath: /usr, readOnly: true}
    - {name: lib, mountPath: /lib, readOnly: true}
    - {name: lib64, mountPath: /lib64, readOnly: true}
`, name, onNode, appImage, indent(strings.ReplaceAll(pythonCaller, "TARGET", target)))
}

// pythonCaller prints the same lines as `app load`. A SimpleResponse has the server ID in field 4 and the host name
// in field 6.
const pythonCaller = `
import json, sys, time, grpc
def fields(data):
    found, i = {}, 0
    while i < len(data):
        key, size = data[i], data[i + 1]
        found[key >> 3] = data[i + 2:i + 2 + size].decode()
        i += 2 + size
    return found
call = grpc.insecure_channel("TARGET").unary_unary("/grpc.testing.TestService/UnaryCall")
sum, by, last = {"ok": 0, "failed": 0, "error": ""}, {}, time.monotonic()
while True:
    try:
        answer = fields(call(b"", timeout=10, wait_for_ready=sum["ok"] == 0))
        sum["ok"] += 1
        for number in (4, 6):
            by[answer.get(number, "")] = by.get(answer.get(number, ""), 0) + 1
    except grpc.RpcError as error:
        if sum["ok"]:
            sum["failed"] += 1
            sum["error"] = str(error.details())
    if time.monotonic() - last > 1:
        print(json.dumps({**sum, "by": by}))
        by, last = {}, time.monotonic()
    time.sleep(0.01)
`

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
}
