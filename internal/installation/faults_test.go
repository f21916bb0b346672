package installation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// broken is a fault of an installation: one that every row of checks finds, and how.
type broken struct {
	transport string
	by        func(*fakeAPI)
	replicas  func(context.Context) ([]Replica, error)
	// want are the Findings that are not OK, as "STATUS check: text of Found"; last ends with what is not checked any more.
	want []string
}

var faults = map[string]broken{
	"API server: no answer":      {by: func(f *fakeAPI) { f.version = "<html>" }, want: []string{"FAIL api-server: does not answer as one of Kubernetes"}},
	"API server: something else": {by: func(f *fakeAPI) { f.version = "{}" }, want: []string{"FAIL api-server: the answer has no version"}},
	"API server: too old": {
		by: func(f *fakeAPI) {
			f.version = `{"gitVersion":"v1.34.0"}`
			f.served["/apis/admissionregistration.k8s.io/v1"] = nil
			f.remove(policies, "", injection)
		},
		want: []string{"WARN api-server: v1.34.0 does not serve MutatingAdmissionPolicy", "WARN injection-policy: There is no MutatingAdmissionPolicy"},
	},
	"definitions: none": {
		by: func(f *fakeAPI) {
			delete(f.served, "/apis/networking.istio.io/v1")
			delete(f.served, "/apis/networking.istio.io")
		},
		want: []string{"WARN definitions: The cluster has no CRDs of networking.istio.io"},
	},
	"definitions: no policies": {
		by: func(f *fakeAPI) {
			delete(f.served, "/apis/security.istio.io/v1")
			delete(f.served, "/apis/security.istio.io")
		},
		want: []string{"WARN definitions: The cluster has no CRDs of security.istio.io. No policy takes effect"},
	},
	"definitions: older": {
		by: func(f *fakeAPI) {
			delete(f.served, "/apis/networking.istio.io/v1")
			f.served["/apis/networking.istio.io"] = []string{"v1beta1", "v1alpha3"}
		},
		want: []string{"FAIL definitions: The group has the versions v1beta1, v1alpha3"},
	},
	"definitions: one is missing": {
		by:   func(f *fakeAPI) { f.served["/apis/networking.istio.io/v1"] = []string{"virtualservices"} },
		want: []string{"FAIL definitions: The cluster does not serve DestinationRule in networking.istio.io/v1"},
	},
	"definitions: no Gateway API": {
		by: func(f *fakeAPI) {
			delete(f.served, "/apis/gateway.networking.k8s.io/v1")
			delete(f.served, "/apis/gateway.networking.k8s.io")
		},
	},
	"definitions: an old Gateway API": {
		by: func(f *fakeAPI) {
			f.served["/apis/gateway.networking.k8s.io/v1"] = []string{"httproutes"}
			f.served["/apis/gateway.networking.k8s.io"] = []string{"v1", "v1beta1"}
		},
		want: []string{"WARN definitions: The cluster does not serve GRPCRoute and BackendTLSPolicy in gateway.networking.k8s.io/v1, which is the version that Mizzen reads. The group has the versions v1, v1beta1."},
	},
	"deployment: none": {
		by:   func(f *fakeAPI) { f.remove(deployments, system, installed) },
		want: []string{"FAIL deployment: There is no Deployment mizzen in namespace mizzen-system"},
	},
	"replicas: one crashes": {
		by: func(f *fakeAPI) {
			f.edit(pods, system, "mizzen-2", []any{}, "status", "conditions")
			f.edit(pods, system, "mizzen-2", []any{map[string]any{"name": "controlplane", "state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}}}, "status", "containerStatuses")
		},
		want: []string{"WARN replicas: 1 of 2 replicas are ready. Not ready: mizzen-2 (CrashLoopBackOff)."},
	},
	"replicas: none can be created": {
		by: func(f *fakeAPI) {
			f.objects[pathOf(pods, system)] = nil
			f.edit(deployments, system, installed, []any{map[string]any{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}}, "status", "conditions")
		},
		want: []string{"FAIL replicas: 0 of 2 replicas are ready. Pods cannot be created: exceeded quota.", "WARN lease: is not a pod of the Deployment"},
	},
	"replicas: scaled to none": {
		by:   func(f *fakeAPI) { f.edit(deployments, system, installed, int64(0), "spec", "replicas") },
		want: []string{"FAIL replicas: The Deployment has 0 replicas."},
	},
	"versions: two": {
		replicas: func(context.Context) ([]Replica, error) {
			return []Replica{{"mizzen-1", "v1"}, {"mizzen-2", "v2"}}, nil
		},
		want: []string{"WARN versions: The replicas have different versions: mizzen-1 has v1, mizzen-2 has v2."},
	},
	"versions: another than this binary": {
		replicas: func(context.Context) ([]Replica, error) { return []Replica{{"mizzen-1", "v2"}}, nil },
		want:     []string{"WARN versions: The replicas have version v2. This binary has version v1."},
	},
	"versions: no answer": {
		replicas: func(context.Context) ([]Replica, error) { return nil, errors.New("no route") },
		want:     []string{"WARN versions: No replica answers: no route."},
	},
	"versions: one does not answer": {
		replicas: func(context.Context) ([]Replica, error) { return []Replica{{"mizzen-1", "v1"}}, errors.New("no route") },
		want:     []string{"WARN versions: Not all replicas answer: no route. Known: mizzen-1 has v1."},
	},
	"versions: not allowed": {
		replicas: func(context.Context) ([]Replica, error) {
			return nil, fmt.Errorf("look: %w", apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no")))
		},
		want: []string{"WARN versions: your account may not create pods/portforward in namespace mizzen-system"},
	},
	"rights: a kind that is needed": {
		by: func(f *fakeAPI) {
			f.denied["watch pods"], f.denied["list endpointslices.discovery.k8s.io"] = true, true
		},
		want: []string{"FAIL rights: may not list endpointslices.discovery.k8s.io, watch pods. Without these rights, the control plane never becomes ready."},
	},
	"rights: nodes": {
		by:   func(f *fakeAPI) { f.denied["list nodes"] = true },
		want: []string{"WARN rights: may not list nodes. Without these rights, the control plane does not know the regions of endpoints."},
	},
	"rights: conditions": {
		by:   func(f *fakeAPI) { f.denied["update virtualservices/status.networking.istio.io"] = true },
		want: []string{"WARN rights: may not update virtualservices/status.networking.istio.io. Without these rights, no conditions are written."},
	},
	"rights: the Lease": {
		by:   func(f *fakeAPI) { f.denied["update leases.coordination.k8s.io in namespace mizzen-system"] = true },
		want: []string{"WARN rights: may not update leases.coordination.k8s.io in namespace mizzen-system"},
	},
	"rights: by roles, without their binding": {
		by: func(f *fakeAPI) {
			f.forbidden["create subjectaccessreviews"] = true
			f.remove(clusterRoleBindings, "", "mizzen")
		},
		want: []string{"FAIL rights: the control plane never becomes ready", "WARN rights: list serviceimports", "WARN rights: list nodes", "WARN rights: list namespaces", "WARN rights: list mutatingadmissionpolicies", "WARN rights: update destinationrules/status", "WARN rights: get /openid/v1/jwks", "WARN rights: create events.events.k8s.io"},
	},
	"rights: neither may be read": {
		by: func(f *fakeAPI) {
			f.forbidden["create subjectaccessreviews"], f.forbidden["list clusterrolebindings"] = true, true
		},
		want: []string{"WARN rights: your account may not create subjectaccessreviews.authorization.k8s.io. Nor can its roles be compared: list clusterrolebindings"},
	},
	"lease: none": {
		by:   func(f *fakeAPI) { f.remove(leases, system, installed) },
		want: []string{"WARN lease: There is no Lease mizzen-system/mizzen."},
	},
	"lease: free": {
		by:   func(f *fakeAPI) { f.edit(leases, system, installed, "", "spec", "holderIdentity") },
		want: []string{"WARN lease: No replica owns the Lease"},
	},
	"lease: expired": {
		by: func(f *fakeAPI) {
			f.edit(leases, system, installed, "2030-06-01T11:00:00.000000Z", "spec", "renewTime")
		},
		want: []string{"WARN lease: has not renewed it since 2030-06-01T11:00:00Z"},
	},
	"lease: never renewed": {
		by:   func(f *fakeAPI) { f.edit(leases, system, installed, nil, "spec", "renewTime") },
		want: []string{"WARN lease: mizzen-1 owns the Lease mizzen-system/mizzen and never renewed it"},
	},
	"lease: another process": {
		by:   func(f *fakeAPI) { f.edit(leases, system, installed, "laptop-1", "spec", "holderIdentity") },
		want: []string{"WARN lease: laptop-1 owns the Lease mizzen-system/mizzen, and is not a pod of the Deployment."},
	},
	"disruption budget: none": {
		by:   func(f *fakeAPI) { f.remove(budgets, system, installed) },
		want: []string{"WARN disruption-budget: No PodDisruptionBudget selects the replicas."},
	},
	"disruption budget: of other pods": {
		by: func(f *fakeAPI) {
			f.edit(budgets, system, installed, map[string]any{"matchLabels": map[string]any{"app": "x"}}, "spec", "selector")
		},
		want: []string{"WARN disruption-budget: No PodDisruptionBudget selects the replicas."},
	},
	"disruption budget: two": {
		by: func(f *fakeAPI) {
			f.add("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all, namespace: mizzen-system}, spec: {selector: {}}}")
		},
		want: []string{"WARN disruption-budget: 2 PodDisruptionBudgets select the replicas."},
	},
	"disruption budget: too strict": {
		by: func(f *fakeAPI) {
			f.edit(budgets, system, installed, map[string]any{"expectedPods": int64(2), "currentHealthy": int64(2), "disruptionsAllowed": int64(0)}, "status")
		},
		want: []string{"WARN disruption-budget: allows no disruption"},
	},
	"injection policy: none":    {by: func(f *fakeAPI) { f.remove(policies, "", injection) }, want: []string{"WARN injection-policy: There is no MutatingAdmissionPolicy mizzen-injection."}},
	"injection policy: unbound": {by: func(f *fakeAPI) { f.remove(policyBindings, "", injection) }, want: []string{"FAIL injection-policy: has no binding of this name"}},
	"injection policy: another is bound": {
		by:   func(f *fakeAPI) { f.edit(policyBindings, "", injection, "another", "spec", "policyName") },
		want: []string{`FAIL injection-policy: is for the policy "another"`},
	},
	"injection policy: no ConfigMap": {
		by:   func(f *fakeAPI) { f.edit(policyBindings, "", injection, nil, "spec", "paramRef") },
		want: []string{"FAIL injection-policy: names no ConfigMap"},
	},
	"injection policy: the ConfigMap of another namespace": {
		by:   func(f *fakeAPI) { f.edit(policyBindings, "", injection, "mesh", "spec", "paramRef", "namespace") },
		want: []string{"FAIL injection-policy: names the ConfigMap mesh/mizzen-injection, not mizzen-system/mizzen-injection"},
	},
	"injected namespaces: none": {
		by:   func(f *fakeAPI) { f.remove(namespaces, "", "shop") },
		want: []string{"WARN injected-namespaces: No namespace has the label mizzen.dev/inject=enabled."},
	},
	"injected namespaces: another value": {
		by: func(f *fakeAPI) {
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: till, labels: {mizzen.dev/inject: \"true\"}}}")
		},
		want: []string{`WARN injected-namespaces: another value of the label mizzen.dev/inject: till ("true")`},
	},
	"bootstrap: none": {
		by:   func(f *fakeAPI) { f.remove(configMaps, system, injection) },
		want: []string{"FAIL bootstrap: There is no ConfigMap mizzen-system/mizzen-injection."},
	},
	"bootstrap: a key is missing": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, map[string]any{}, "data") },
		want: []string{"FAIL bootstrap: The key plaintext.json", "WARN bootstrap: The key tls.json", "WARN java-agent: The key agent-image", "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: not JSON": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, "{", "data", "plaintext.json") },
		want: []string{"FAIL bootstrap: is not a valid bootstrap: it is not JSON", "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: another transport": {
		by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, `{"xds_servers":[{"server_uri":"a:1","channel_creds":[{"type":"tls"}]}],"node":{"id":"a"}}`, "data", "plaintext.json")
		},
		want: []string{"FAIL bootstrap: is for another transport than plaintext", "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: a transport that is not served": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, encrypted, "data", "transport") },
		want: []string{"FAIL bootstrap: Pods are injected with the transport tls, which the Deployment does not serve."},
	},
	"bootstrap: an unknown transport": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, "pigeon", "data", "transport") },
		want: []string{`WARN bootstrap: is "pigeon". It is ignored`},
	},
	"bootstrap: an unknown host": {
		by:   func(f *fakeAPI) { f.server("plaintext.json", "xds.example.org:15010") },
		want: []string{`WARN bootstrap: names "xds.example.org:15010", which is not SERVICE.NAMESPACE.svc:PORT`, "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: an unknown Service": {
		by:   func(f *fakeAPI) { f.server("plaintext.json", "mizzn.mizzen-system.svc:15010") },
		want: []string{"FAIL bootstrap: names the Service mizzen-system/mizzn, which does not exist", "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: an unknown port": {
		by:   func(f *fakeAPI) { f.server("plaintext.json", "mizzen.mizzen-system.svc:15011") },
		want: []string{"FAIL bootstrap: names port 15011, which the Service mizzen-system/mizzen does not have", "WARN endpoints: No bootstrap leads to"},
	},
	"bootstrap: no Service to fall back to": {
		by:   func(f *fakeAPI) { f.fallback("") },
		want: []string{"WARN bootstrap: The bootstrap for plaintext names the Service mizzen-system/mizzen-fallback to fall back to, which does not exist."},
	},
	"bootstrap: nowhere to fall back to": {
		by:   func(f *fakeAPI) { f.fallback("mizzen.invalid") },
		want: []string{`WARN bootstrap: The Service mizzen-system/mizzen-fallback, which clients fall back to by plaintext, has the externalName "mizzen.invalid".`},
	},
	"bootstrap: no port to fall back to": {
		by: func(f *fakeAPI) {
			f.fallback("mizzen.b.example")
			f.edit(services, system, "mizzen-fallback", "ClusterIP", "spec", "type")
		},
		want: []string{"WARN bootstrap: The bootstrap for plaintext names port 15010 of the Service mizzen-system/mizzen-fallback to fall back to, which does not have it."},
	},
	"bootstrap: another one to fall back to, with certificates": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.fallback("mizzen.b.example")
			f.edit(configMaps, system, injection, f.text("injection/tls-identity.json"), "data", "tls-identity.json")
		},
		want: []string{"FAIL identity: The key tls-identity.json of the ConfigMap mizzen-system/mizzen-injection is for another control plane than the key tls.json."},
	},
	"bootstrap: too many authorities": {
		by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, strings.Repeat("A", maxAuthorities), "data", "ca.crt")
		},
		want: []string{"FAIL bootstrap: The key ca.crt of the ConfigMap mizzen-system/mizzen-injection has 256000 bytes."},
	},
	"Java agent: an unknown origin": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, "volume", "data", "agent") },
		want: []string{`WARN java-agent: The key agent of the ConfigMap mizzen-system/mizzen-injection is "volume". It is ignored`},
	},
	"Java agent: no image": {
		by:   func(f *fakeAPI) { f.edit(configMaps, system, injection, "", "data", "agent-image") },
		want: []string{"WARN java-agent: The key agent-image of the ConfigMap mizzen-system/mizzen-injection is missing. Pods do not get the Java agent."},
	},
	"Java agent: another version": {
		by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, "localhost:5000/mizzen@sha256:0", "data", "agent-image")
		},
		want: []string{"WARN java-agent: is localhost:5000/mizzen@sha256:0, which has another version than the control plane."},
	},
	"Java agent: a path that is none": {
		by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, "own", "data", "agent")
			f.edit(configMaps, system, injection, "agent.jar", "data", "agent-jar")
		},
		want: []string{`FAIL java-agent: is "agent.jar", which is not a path.`},
	},
	"Java agent: container runtimes that do not mount images": {
		by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, "image", "data", "agent")
			for i, version := range []string{"containerd://1.6.20~ds1", "containerd://2.0.5", "containerd://2.1.0-k3s1", "containerd://2.10.1", "cri-o://1.32.4", "cri-o://1.33.0", "another://1"} {
				f.add(fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: node-%d}, status: {nodeInfo: {containerRuntimeVersion: %q}}}", i, version))
			}
		},
		want: []string{"FAIL java-agent: image with the Java agent: node-0 (containerd://1.6.20~ds1), node-1 (containerd://2.0.5), node-4 (cri-o://1.32.4)."},
	},
	"Java agent: labels without effect": {
		by: func(f *fakeAPI) {
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: till, labels: {mizzen.dev/agent: java}}}")
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {mizzen.dev/inject: enabled, mizzen.dev/agent: Java}}}")
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: none, labels: {mizzen.dev/agent: none}}}")
		},
		want: []string{
			`WARN java-agent: another value of the label mizzen.dev/agent: shop ("Java")`,
			"WARN java-agent: have the label mizzen.dev/agent and are not injected: till.",
		},
	},
	"certificate: no Secret": {
		transport: encrypted, by: func(f *fakeAPI) { f.remove(secrets, system, "mizzen-tls") },
		want: []string{"FAIL certificate: There is no Secret mizzen-system/mizzen-tls."},
	},
	"certificate: expired": {
		transport: encrypted, by: func(f *fakeAPI) { f.authority(f.certify("mizzen.mizzen-system.svc", now.Add(-time.Hour), nil)) },
		want: []string{"FAIL certificate: expired at 2030-06-01T11:00:00Z"},
	},
	"certificate: expires soon": {
		transport: encrypted, by: func(f *fakeAPI) { f.authority(f.certify("mizzen.mizzen-system.svc", now.Add(time.Hour), nil)) },
		want: []string{"WARN certificate: expires at 2030-06-01T13:00:00Z"},
	},
	"certificate: another name": {
		transport: encrypted, by: func(f *fakeAPI) { f.authority(f.certify("mizzen.mesh.svc", now.AddDate(1, 0, 0), nil)) },
		want: []string{"FAIL certificate: is not for mizzen.mizzen-system.svc, which clients dial: it is for mizzen.mesh.svc."},
	},
	"certificate: another authority": {
		transport: encrypted, by: func(f *fakeAPI) { f.certify("mizzen.mizzen-system.svc", now.AddDate(1, 0, 0), nil) },
		want: []string{"FAIL certificate: do not verify the certificate in the Secret mizzen-system/mizzen-tls"},
	},
	"certificate: no authority": {
		transport: encrypted, by: func(f *fakeAPI) { f.edit(configMaps, system, injection, "", "data", "ca.crt") },
		want: []string{"FAIL certificate: has no authorities in ca.crt"},
	},
	"certificate: another key": {
		transport: encrypted, by: func(f *fakeAPI) { f.certify("mizzen.mizzen-system.svc", now.AddDate(1, 0, 0), []byte("x")) },
		want: []string{"FAIL certificate: has no certificate with its key"},
	},
	"certificate: self-signed": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.args("serve", "--xds-address=:15010", "--xds-tls-address=:15012", "--tls-self-signed=a")
		},
		want: []string{"WARN certificate: makes a self-signed certificate at each start"},
	},
	"certificate: from elsewhere": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.args("serve", "--xds-address=:15010", "--xds-tls-address=:15012", "--tls-certificates=/csi")
		},
		want: []string{"WARN certificate: is not the volume of a Secret"},
	},
	"endpoints: none": {
		by:   func(f *fakeAPI) { f.remove(endpointSlices, system, "mizzen-a") },
		want: []string{"FAIL endpoints: Port 15010 of the Service mizzen-system/mizzen has no ready endpoint."},
	},
	"endpoints: not ready": {
		by: func(f *fakeAPI) {
			f.edit(endpointSlices, system, "mizzen-a", []any{map[string]any{"addresses": []any{"10.1.0.1"}, "conditions": map[string]any{"ready": false}}}, "endpoints")
		},
		want: []string{"FAIL endpoints: Port 15010 of the Service mizzen-system/mizzen has no ready endpoint."},
	},
	"endpoints: one port": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.edit(endpointSlices, system, "mizzen-a", []any{map[string]any{"name": "grpc-xds", "port": int64(15010)}}, "ports")
		},
		want: []string{"FAIL endpoints: Port 15012 of the Service mizzen-system/mizzen has no ready endpoint."},
	},
	"endpoints: another port of the pods": {
		by: func(f *fakeAPI) {
			f.edit(endpointSlices, system, "mizzen-a", []any{map[string]any{"name": "grpc-xds", "port": int64(15020)}}, "ports")
		},
		want: []string{"FAIL endpoints: leads to port 15020 of the pods, but --xds-address is :15010."},
	},
	"network: no way out": {
		by: func(f *fakeAPI) {
			f.add("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: shop}, spec: {podSelector: {}, policyTypes: [Egress]}}")
		},
		want: []string{"FAIL network: 1 of 1 injected pod, such as shop/web-0, cannot reach port 15010 of the Service mizzen-system/mizzen: the NetworkPolicy shop/deny does not allow it. " + enforced},
	},
	"network: no way in": {
		by: func(f *fakeAPI) {
			f.edit(netPolicies, system, installed, []any{map[string]any{"from": []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"mesh": "yes"}}}}}}, "spec", "ingress")
		},
		want: []string{"FAIL network: cannot reach port 15010 of the Service mizzen-system/mizzen: the NetworkPolicy mizzen-system/mizzen does not allow it."},
	},
	"network: one port": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.edit(netPolicies, system, installed, []any{map[string]any{"ports": []any{map[string]any{"port": int64(15012)}}}}, "spec", "ingress")
		},
		want: []string{"WARN network: cannot reach port 15010 of the Service mizzen-system/mizzen"},
	},
}

// fallback adds the component with a second control plane at a name; without its Service if that is empty.
func (f *fakeAPI) fallback(name string) {
	f.t.Helper()
	for _, key := range []string{"plaintext.json", "tls.json", "plaintext-identity.json", "tls-identity.json"} {
		f.edit(configMaps, system, injection, f.text("components/fallback/"+key), "data", key)
	}
	if name != "" {
		f.manifests("components/fallback/service.yaml")
		f.edit(services, system, "mizzen-fallback", name, "spec", "externalName")
	}
}

// text is a file below manifests.
func (f *fakeAPI) text(file string) string {
	f.t.Helper()
	text, err := os.ReadFile("../../manifests/" + file)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// server replaces the control plane's address in a bootstrap.
func (f *fakeAPI) server(key, uri string) {
	f.t.Helper()
	f.edit(configMaps, system, injection, `{"xds_servers":[{"server_uri":"`+uri+`","channel_creds":[{"type":"insecure"}]}],"node":{"id":"a"}}`, "data", key)
}

func (f *fakeAPI) authority(text []byte) {
	f.edit(configMaps, system, injection, string(text), "data", "ca.crt")
}

// args replaces the arguments of the control plane.
func (f *fakeAPI) args(args ...any) {
	f.t.Helper()
	f.edit(deployments, system, installed, []any{map[string]any{"name": "controlplane", "image": "controlplane:dev", "args": args}}, "spec", "template", "spec", "containers")
}

func TestFaults(t *testing.T) {
	rows, all := map[string]bool{}, maps.Clone(faults)
	maps.Copy(all, identityFaults)
	for name, fault := range all {
		t.Run(name, func(t *testing.T) {
			transport := plaintext
			if fault.transport != "" {
				transport = fault.transport
			}
			f := newInstallation(t, transport)
			if fault.by != nil {
				fault.by(f)
			}
			var bad []Finding
			for _, one := range f.check(fault.replicas) {
				if one.Status == OK {
					continue
				}
				if one.Do == "" {
					t.Errorf("%s says not what to do: %s", one.Check, one.Found)
				}
				bad = append(bad, one)
			}
			for i, want := range fault.want {
				head, text, _ := strings.Cut(want, ": ")
				status, check, _ := strings.Cut(head, " ")
				rows[check] = true
				if i >= len(bad) || string(bad[i].Status) != status || bad[i].Check != check || !strings.Contains(bad[i].Found, text) {
					t.Errorf("finding %d: want %s", i, want)
				}
			}
			if len(bad) != len(fault.want) || t.Failed() {
				t.Errorf("got %s", cmp.Diff(nil, bad))
			}
		})
	}
	for _, row := range checks {
		if !rows[row.name] {
			t.Errorf("no fault is found by the check %s", row.name)
		}
	}
}
