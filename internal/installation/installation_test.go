package installation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const system = "mizzen-system"

var now = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// running is what a cluster has beside the manifests: a replica, its endpoint, the Lease, and an injected pod.
const running = `
apiVersion: v1
kind: Namespace
metadata: {name: mizzen-system, labels: {kubernetes.io/metadata.name: mizzen-system}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {mizzen.dev/inject: enabled, kubernetes.io/metadata.name: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}, annotations: {mizzen.dev/injected: TRANSPORT}}
status: {phase: Running, podIPs: [{ip: 10.1.0.9}]}
---
apiVersion: v1
kind: Pod
metadata: {name: mizzen-1, namespace: mizzen-system, labels: {app.kubernetes.io/name: mizzen}}
spec: {containers: [{name: controlplane, ports: [{name: grpc-xds, containerPort: 15010}, {name: grpc-xds-tls, containerPort: 15012}]}]}
status: {phase: Running, podIPs: [{ip: 10.1.0.1}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: mizzen-2, namespace: mizzen-system, labels: {app.kubernetes.io/name: mizzen}}
status: {phase: Running, podIPs: [{ip: 10.1.0.2}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: mizzen-a, namespace: mizzen-system, labels: {kubernetes.io/service-name: mizzen}}
ports: [{name: grpc-xds, port: 15010}, {name: tls-xds, port: 15012}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}, {addresses: [10.1.0.2]}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: mizzen, namespace: mizzen-system}
spec: {holderIdentity: mizzen-1, leaseDurationSeconds: 15, renewTime: "2030-06-01T11:59:55.000000Z"}
`

// installation is a cluster in which all is well, with TLS or without.
func newInstallation(t *testing.T, transport string) *fakeAPI {
	t.Helper()
	f := &fakeAPI{
		t: t, forbidden: map[string]bool{}, denied: map[string]bool{}, version: `{"gitVersion":"v1.37.2"}`,
		served: map[string][]string{
			"/apis/admissionregistration.k8s.io/v1": {"mutatingadmissionpolicies"},
			"/apis/networking.istio.io/v1":          {"virtualservices", "destinationrules"},
			"/apis/networking.istio.io":             {"v1"},
			"/apis/security.istio.io/v1":            {"authorizationpolicies", "peerauthentications", "requestauthentications"},
			"/apis/security.istio.io":               {"v1"},
			"/apis/gateway.networking.k8s.io/v1":    {"grpcroutes", "httproutes", "backendtlspolicies"},
			"/apis/gateway.networking.k8s.io":       {"v1"},
		},
	}
	f.objects = map[string][]unstructured.Unstructured{}
	f.manifests("base/service.yaml", "base/deployment.yaml", "base/disruption.yaml", "base/network.yaml", "base/rights.yaml", "injection/policy.yaml")
	f.add(strings.ReplaceAll(running, "TRANSPORT", transport))
	data := map[string]any{"transport": transport, "agent": "init", "agent-image": "registry.example.org/mizzen:dev"}
	for _, name := range []string{"plaintext.json", "tls.json", "plaintext-identity.json", "tls-identity.json"} {
		text, err := os.ReadFile("../../manifests/injection/" + name)
		if err != nil {
			t.Fatal(err)
		}
		data[name] = string(text)
	}
	f.add("{apiVersion: v1, kind: ConfigMap, metadata: {name: mizzen-injection, namespace: mizzen-system}}")
	f.edit(configMaps, system, injection, data, "data")
	if transport == encrypted {
		f.secure()
		f.certifyPods()
	}
	return f
}

// certifyPods gives the pods of the installation certificates from the signer.
func (f *fakeAPI) certifyPods() {
	f.t.Helper()
	f.served["/apis/certificates.k8s.io/v1"] = []string{"podcertificaterequests", "clustertrustbundles"}
	f.edit(configMaps, system, injection, "podcertificate", "data", "identity")
	f.edit(namespaces, "", "shop", "spiffe", "metadata", "labels", "mizzen.dev/identity")
	f.edit(pods, "shop", "web-0", "spiffe", "metadata", "labels", "mizzen.dev/identity")
	f.add(`
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {nodeInfo: {kubeletVersion: v1.37.2, containerRuntimeVersion: "containerd://2.1.0"}}
---
apiVersion: certificates.k8s.io/v1
kind: ClusterTrustBundle
metadata: {name: "mizzen.dev:spiffe:a"}
spec: {signerName: mizzen.dev/spiffe, trustBundle: "-----BEGIN CERTIFICATE-----"}
`)
}

// secure makes of the installation what overlays/production makes of it, with a certificate.
func (f *fakeAPI) secure() {
	f.t.Helper()
	f.edit(deployments, system, installed, []any{map[string]any{
		"name": "controlplane", "image": "controlplane:dev",
		"args":         []any{"serve", "--xds-address=:15010", "--xds-tls-address", ":15012", "--tls-certificates=/etc/mizzen/tls"},
		"volumeMounts": []any{map[string]any{"name": "tls", "mountPath": "/etc/mizzen/tls/"}},
	}}, "spec", "template", "spec", "containers")
	f.edit(deployments, system, installed, []any{map[string]any{"name": "tls", "secret": map[string]any{"secretName": "mizzen-tls"}}}, "spec", "template", "spec", "volumes")
	f.edit(services, system, installed, []any{
		map[string]any{"name": "grpc-xds", "port": int64(15010)}, map[string]any{"name": "tls-xds", "port": int64(15012)},
	}, "spec", "ports")
	f.edit(netPolicies, system, installed, []any{map[string]any{
		"from":  []any{map[string]any{"namespaceSelector": map[string]any{}}},
		"ports": []any{map[string]any{"port": "grpc-xds"}, map[string]any{"port": "grpc-xds-tls"}},
	}}, "spec", "ingress")
	authority := f.certify("mizzen.mizzen-system.svc", now.AddDate(0, 3, 0), nil)
	f.edit(configMaps, system, injection, string(authority), "data", "ca.crt")
}

// certify puts a certificate for a name into the Secret, and returns its authority.
func (f *fakeAPI) certify(name string, until time.Time, key []byte) []byte {
	f.t.Helper()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			f.t.Fatal(err)
		}
		return key
	}
	sign := func(template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
		if err != nil {
			f.t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	authorityKey, leafKey := newKey(), newKey()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: now.AddDate(0, -3, 0), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if key == nil {
		der, err := x509.MarshalPKCS8PrivateKey(leafKey)
		if err != nil {
			f.t.Fatal(err)
		}
		key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	encode := base64.StdEncoding.EncodeToString
	f.add(fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: mizzen-tls, namespace: mizzen-system}, data: {tls.crt: %s, tls.key: %s}}",
		encode(sign(leaf, authority, leafKey, authorityKey)), encode(key)))
	return sign(authority, authority, authorityKey, authorityKey)
}

// check runs all checks, and returns the Findings by status and check.
func (f *fakeAPI) check(replicas func(context.Context) ([]Replica, error)) (all []Finding) {
	f.t.Helper()
	if replicas == nil {
		replicas = func(context.Context) ([]Replica, error) {
			return []Replica{{"mizzen-1", "v1"}, {"mizzen-2", "v1"}}, nil
		}
	}
	Check(f.t.Context(), Options{API: f, Namespace: system, Replicas: replicas, Version: "v1", Now: now}, func(one Finding) { all = append(all, one) })
	return all
}

func TestAllIsWell(t *testing.T) {
	for _, transport := range []string{plaintext, encrypted} {
		t.Run(transport, func(t *testing.T) {
			found := map[string]bool{}
			for _, f := range newInstallation(t, transport).check(nil) {
				found[f.Check] = true
				if f.Status != OK || f.Do != "" || f.Found == "" {
					t.Errorf("got %s %s: %s %s, want OK", f.Status, f.Check, f.Found, f.Do)
				}
			}
			for _, row := range checks {
				if !found[row.name] {
					t.Errorf("the check %s found nothing", row.name)
				}
			}
		})
	}
}

// TestFallback: a second control plane that pods fall back to is named.
func TestFallback(t *testing.T) {
	f := newInstallation(t, encrypted)
	f.fallback("mizzen.b.example")
	for _, one := range f.check(nil) {
		if one.Status != OK {
			t.Errorf("got %s %s: %s", one.Status, one.Check, one.Found)
		}
		if one.Check == "bootstrap" && !strings.Contains(one.Found, "else to mizzen-fallback.mizzen-system.svc:15012 (mizzen.b.example)") {
			t.Errorf("got %s", one.Found)
		}
	}
}

// TestForbidden refuses each request of a check in turn. What is refused is named, and nothing else fails.
func TestForbidden(t *testing.T) {
	for _, r := range kinds {
		for _, verb := range []string{"get", "list"} {
			t.Run(verb+" "+r.Resource, func(t *testing.T) {
				f := newInstallation(t, encrypted)
				f.forbidden[verb+" "+r.Resource] = true
				asked := false
				for _, one := range f.check(nil) {
					switch {
					case one.Status == OK:
					case one.Status == Warn && strings.Contains(one.Found, "It cannot be checked: your account may not "+verb+" "+r.GroupResource().String()) && strings.Contains(one.Do, "Grant"):
						asked = true
					default:
						t.Errorf("got %s %s: %s %s", one.Status, one.Check, one.Found, one.Do)
					}
				}
				if asked != (f.refused > 0) {
					t.Errorf("the missing right is named: %t, and %d requests were refused", asked, f.refused)
				}
			})
		}
	}
}

// TestRolesAgree: the roles in the manifests grant what the ServiceAccount needs, as an account finds that may not ask.
func TestRolesAgree(t *testing.T) {
	f := newInstallation(t, encrypted)
	f.forbidden["create subjectaccessreviews"] = true
	for _, one := range f.check(nil) {
		if one.Status != OK {
			t.Errorf("got %s %s: %s", one.Status, one.Check, one.Found)
		}
	}
}
