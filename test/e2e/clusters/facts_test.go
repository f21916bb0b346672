//go:build e2e

package clusters_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// plane returns the address of a replica.
func (j *joined) plane(t *testing.T) string {
	t.Helper()
	pods, err := j.a.Core.CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=mizzen"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(len(pods.Items), err)
	}
	return pods.Items[0].Status.PodIP
}

// state waits until all replicas say that cluster b is in that state.
func (j *joined) state(t *testing.T, want string) {
	t.Helper()
	j.a.Await(t, "cluster b is "+want, func() error {
		var clusters []struct{ Name, State, Replica, Reason string }
		text := j.inspect(t, "clusters", "--output=json")
		if err := json.Unmarshal([]byte(text), &clusters); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		replicas := map[string]bool{}
		for _, c := range clusters {
			if c.Name != "b" || c.State != want {
				return fmt.Errorf("got %+v", c)
			}
			replicas[c.Replica] = true
		}
		if len(replicas) < 2 {
			return fmt.Errorf("%d replicas answered", len(replicas))
		}
		return nil
	})
}

// problem waits until there is a Problem with that object and that text.
func (j *joined) problem(t *testing.T, object, text string) {
	t.Helper()
	j.a.Await(t, "a Problem of "+object, func() error {
		got := j.inspect(t, "problems")
		for line := range strings.Lines(got) {
			if strings.Contains(line, object) && strings.Contains(line, text) {
				return nil
			}
		}
		return errors.New(got)
	})
}

// refused returns how many streams the replica has refused for want of a proof.
func (j *joined) refused(t *testing.T) float64 {
	t.Helper()
	response, err := http.Get("http://" + j.plane(t) + ":15020/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), `mizzen_xds_streams_refused_total{reason="unproved"} `); ok {
			n, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// tokenCaller returns a pod for b that connects to the control plane over TLS with a token of its API server. The Service of
// the control plane's name in b leads to one replica, whose certificate is in a ConfigMap.
func (j *joined) tokenCaller(t *testing.T, name string) string {
	t.Helper()
	address := j.plane(t)
	certificate, err := json.Marshal(j.a.Run(t, j.a.Binary(appImage), "certificate", address+":15012"))
	if err != nil {
		t.Fatal(err)
	}
	j.b.Apply(t, system, "apiVersion: v1\nkind: Service\nmetadata: {name: mizzen}\nspec: {clusterIP: None, ports: [{name: tls-xds, port: 15012}]}\n---\n"+
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: mizzen, labels: {kubernetes.io/service-name: mizzen}}\naddressType: IPv4\n"+
		"ports: [{name: tls-xds, port: 15012}]\nendpoints: [{addresses: ["+address+"]}]\n")
	j.b.Apply(t, ns, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: authority}\ndata: {ca.crt: %s}\n", certificate))
	return strings.ReplaceAll(`
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  restartPolicy: Never
  containers:
  - name: app
    image: `+appImage+`
    imagePullPolicy: Never
    args: [load, "xds:///cart.joined.svc.cluster.local:80"]
    env:
    - {name: GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS, value: "true"}
    - name: GRPC_XDS_BOOTSTRAP_CONFIG
      value: >-
        {"xds_servers": [{"server_uri": "mizzen.mizzen-system.svc:15012", "server_features": ["xds_v3"],
        "channel_creds": [{"type": "tls", "config": {"ca_certificate_file": "/proof/ca.crt"}}],
        "call_creds": [{"type": "jwt_token_file", "config": {"jwt_token_file": "/proof/token"}}]}], "node": {"id": "NAME"}}
    volumeMounts: [{name: proof, mountPath: /proof}]
  volumes:
  - name: proof
    projected:
      sources:
      - serviceAccountToken: {audience: mizzen.dev, expirationSeconds: 3600, path: token}
      - configMap: {name: authority}
`, "NAME", name)
}

// token has a client in b prove itself by a token of b's API server.
func (j *joined) token(t *testing.T) {
	node.StartCalls(t, j.b, ns, "holder", j.tokenCaller(t, "holder"), versions...).Only(t, "a", "b")
	var clients []struct{ Identity, Proof string }
	if err := json.Unmarshal([]byte(j.inspect(t, "clients", "pod/joined/holder@b", "--output=json")), &clients); err != nil {
		t.Fatal(err)
	}
	if len(clients) != 1 || clients[0].Proof != "token" {
		t.Errorf("got the clients %+v, want one with a token", clients)
	}
	j.b.Kubectl(t, "--namespace", ns, "delete", "pod", "holder", "--grace-period=1")
}

// overlap gives a pod of b, of which no node runs anything, the address of a pod of a.
func (j *joined) overlap(t *testing.T) {
	pod, err := j.a.Core.CoreV1().Pods(ns).Get(t.Context(), "caller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	j.b.Apply(t, ns, "apiVersion: v1\nkind: Pod\nmetadata: {name: twin}\nspec: {nodeName: nowhere, containers: [{name: app, image: "+appImage+"}]}\n")
	address := pod.Status.PodIP
	j.b.Kubectl(t, "--namespace", ns, "patch", "pod", "twin", "--subresource=status",
		fmt.Sprintf(`--patch={"status": {"phase": "Running", "podIP": %q, "podIPs": [{"ip": %[1]q}]}}`, address))
	j.problem(t, "Cluster b", "such as "+address+", are also addresses of pods in the control plane's own cluster")
	j.b.Kubectl(t, "--namespace", ns, "delete", "pod", "twin", "--grace-period=0", "--force")
	j.a.Await(t, "no Problem", func() error {
		if got := j.inspect(t, "problems"); strings.Contains(got, "are also addresses of pods") {
			return errors.New(got)
		}
		return nil
	})
}

// imports is the definition of ServiceImports, as far as the API server needs one.
const imports = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: serviceimports.multicluster.x-k8s.io, annotations: {api-approved.kubernetes.io: "https://github.com/kubernetes-sigs/mcs-api"}}
spec:
  group: multicluster.x-k8s.io
  scope: Namespaced
  names: {kind: ServiceImport, listKind: ServiceImportList, plural: serviceimports, singular: serviceimport}
  versions:
  - {name: v1beta1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// imported imports b's part of the Service into a, as a controller of the Multi-Cluster Services API does, and calls it.
func (j *joined) imported(t *testing.T) {
	pods, err := j.b.Core.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=cart"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(len(pods.Items), err)
	}
	var endpoints []string
	for i := range pods.Items {
		endpoints = append(endpoints, "{addresses: ["+pods.Items[i].Status.PodIP+"], zone: zone-b, conditions: {ready: true}}")
	}
	j.a.Apply(t, ns, imports)
	j.a.Kubectl(t, "wait", "--for=condition=Established", "crd/serviceimports.multicluster.x-k8s.io", "--timeout=30s")
	j.a.Apply(t, ns, `
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {name: cart}
spec: {type: ClusterSetIP, ports: [{name: grpc, port: 80, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: imported-cart-b
  labels: {multicluster.kubernetes.io/service-name: cart, multicluster.kubernetes.io/source-cluster: b}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints: [`+strings.Join(endpoints, ", ")+`]
`)
	yaml := strings.NewReplacer("cart.joined.svc.cluster.local", "cart.joined.svc.clusterset.local", "name: caller", "name: importer", "ENV", "").Replace(caller)
	k := node.StartCalls(t, j.a, ns, "importer", yaml, versions...)
	k.Only(t, "b")
	k.Continue(t, "the import", 100)
	j.a.Kubectl(t, "--namespace", ns, "delete", "pod", "importer", "--grace-period=1")
	j.a.Kubectl(t, "delete", "crd", "serviceimports.multicluster.x-k8s.io")
	j.a.Kubectl(t, "--namespace", ns, "delete", "endpointslice", "imported-cart-b")
}
