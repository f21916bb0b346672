package installation

// identityFaults are the faults of certificates of pods. The installation over TLS gives them from the signer.
var identityFaults = map[string]broken{
	"identity: an unknown source": {
		transport: encrypted, by: func(f *fakeAPI) { f.edit(configMaps, system, injection, "Vault", "data", "identity") },
		want: []string{`WARN identity: The key identity of the ConfigMap mizzen-system/mizzen-injection is "Vault". It is ignored`},
	},
	"identity: labels without a source": {
		transport: encrypted, by: func(f *fakeAPI) { f.edit(configMaps, system, injection, "none", "data", "identity") },
		want: []string{"WARN identity: is not set to a source, and these namespaces have the label mizzen.dev/identity: shop. Their pods get no certificate."},
	},
	"identity: an installation that knows no source": {
		by: func(f *fakeAPI) {
			f.edit(namespaces, "", "shop", "spiffe", "metadata", "labels", "mizzen.dev/identity")
		},
		want: []string{"WARN identity: these namespaces have the label mizzen.dev/identity: shop"},
	},
	"identity: labels without effect": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: till, labels: {mizzen.dev/identity: spiffe}}}")
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {mizzen.dev/inject: enabled, mizzen.dev/identity: SPIFFE}}}")
			f.add("{apiVersion: v1, kind: Namespace, metadata: {name: none, labels: {mizzen.dev/identity: none}}}")
		},
		want: []string{
			`WARN identity: another value of the label mizzen.dev/identity: bank ("SPIFFE")`,
			"WARN identity: have the label mizzen.dev/identity and are not injected: till. Their pods do not get a certificate.",
		},
	},
	"identity: an API server without requests": {
		transport: encrypted, by: func(f *fakeAPI) { f.served["/apis/certificates.k8s.io/v1"] = []string{"clustertrustbundles"} },
		want: []string{"FAIL identity: The API server does not serve PodCertificateRequest in version v1."},
	},
	"identity: an API server without bundles": {
		transport: encrypted, by: func(f *fakeAPI) { f.served["/apis/certificates.k8s.io/v1"] = []string{"podcertificaterequests"} },
		want: []string{"FAIL identity: The API server does not serve ClusterTrustBundle in version v1."},
	},
	"identity: kubelets that are too old": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.add("{apiVersion: v1, kind: Node, metadata: {name: node-b}, status: {nodeInfo: {kubeletVersion: v1.36.4-gke.1}}}")
			f.add("{apiVersion: v1, kind: Node, metadata: {name: node-c}, status: {nodeInfo: {kubeletVersion: v1.38.0}}}")
		},
		want: []string{"FAIL identity: The kubelets of these nodes do not request certificates: node-b (v1.36.4-gke.1)."},
	},
	"identity: no bundle": {
		transport: encrypted, by: func(f *fakeAPI) { f.remove(trustBundles, "", "mizzen.dev:spiffe:a") },
		want: []string{"FAIL identity: There is no ClusterTrustBundle of the signer mizzen.dev/spiffe."},
	},
	"identity: the bundle of another signer": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.edit(trustBundles, "", "mizzen.dev:spiffe:a", "example.org/spiffe", "spec", "signerName")
		},
		want: []string{"FAIL identity: There is no ClusterTrustBundle of the signer mizzen.dev/spiffe."},
	},
	"identity: a text is missing": {
		transport: encrypted, by: func(f *fakeAPI) { f.edit(configMaps, system, injection, nil, "data", "tls-identity.json") },
		want: []string{"FAIL identity: The key tls-identity.json of the ConfigMap mizzen-system/mizzen-injection is missing."},
	},
	"identity: a text is not JSON": {
		transport: encrypted, by: func(f *fakeAPI) { f.edit(configMaps, system, injection, "{", "data", "tls-identity.json") },
		want: []string{"FAIL identity: tls-identity.json of the ConfigMap mizzen-system/mizzen-injection is not a valid bootstrap: it is not JSON"},
	},
	"identity: a text without the provider": {
		transport: encrypted, by: func(f *fakeAPI) { f.copyKey("tls.json", "tls-identity.json") },
		want: []string{`FAIL identity: does not configure and declare the certificate provider "default".`},
	},
	"identity: a text for another control plane": {
		transport: encrypted, by: func(f *fakeAPI) { f.copyKey("tls-identity.json", "plaintext-identity.json") },
		want: []string{"FAIL identity: The key plaintext-identity.json of the ConfigMap mizzen-system/mizzen-injection is for another control plane than the key plaintext.json."},
	},
	"identity: pods without a certificate": {
		transport: encrypted, by: func(f *fakeAPI) {
			for _, metadata := range []string{
				"{name: older}", "{name: declines, annotations: {mizzen.dev/identity: none}}", "{name: not-injected, annotations: {mizzen.dev/inject: \"false\"}}",
				"{name: mirror, annotations: {kubernetes.io/config.mirror: x}}",
			} {
				f.add("{apiVersion: v1, kind: Pod, metadata: " + metadata[:len(metadata)-1] + ", namespace: shop}}")
			}
			f.add("{apiVersion: v1, kind: Pod, metadata: {name: ended, namespace: shop}, status: {phase: Succeeded}}")
		},
		want: []string{"WARN identity: 1 of 2 pods in namespaces with the label mizzen.dev/identity have no certificate: shop/older."},
	},
	"identity: a node without the driver": {
		transport: encrypted, by: func(f *fakeAPI) {
			f.edit(configMaps, system, injection, "csi", "data", "identity")
			f.add("{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: node-a}, spec: {drivers: [{name: other}, {name: spiffe.csi.cert-manager.io}]}}")
			f.add("{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: node-b}, spec: {drivers: [{name: other}]}}")
		},
		want: []string{"FAIL identity: These nodes do not have the CSI driver spiffe.csi.cert-manager.io: node-b."},
	},
}

// copyKey gives one key of the ConfigMap the text of another.
func (f *fakeAPI) copyKey(from, to string) {
	f.t.Helper()
	for _, o := range f.objects[pathOf(configMaps, system)] {
		if data, _ := o.Object["data"].(map[string]any); o.GetName() == injection {
			data[to] = data[from]
		}
	}
}
