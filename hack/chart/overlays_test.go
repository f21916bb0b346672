package chart

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// overlays are kustomizations as users write them, and the values that make the same of the chart.
var overlays = map[string]struct {
	kustomization string
	values        []string
}{
	"dev": {"resources: [MANIFESTS/overlays/dev]", nil},
	"production": {
		"resources: [MANIFESTS/overlays/production]",
		[]string{"values-production.yaml"},
	},
	"production with cert-manager": {
		"resources: [MANIFESTS/overlays/production]\ncomponents: [MANIFESTS/components/cert-manager]",
		[]string{"values-production.yaml", "tls.certManager.enabled=true"},
	},
	"production as in docs/INSTALL.md": {
		`
resources: [MANIFESTS/overlays/production]
images:
- {name: ghcr.io/mizzen-mesh/controlplane, newName: registry.example.org/mizzen, newTag: v1}
configMapGenerator:
- name: mizzen-settings
  namespace: mizzen-system
  behavior: merge
  literals: [CLUSTER_DOMAIN=example.internal, LOG_LEVEL=debug]
- name: mizzen-injection
  namespace: mizzen-system
  behavior: merge
  literals: [agent-image=registry.example.org/mizzen:v1]
`,
		[]string{"values-production.yaml", "image.repository=registry.example.org/mizzen", "image.tag=v1", "settings.clusterDomain=example.internal", "settings.logLevel=debug"},
	},
	"with the signer": {"resources: [MANIFESTS/overlays/dev, MANIFESTS/signer]", []string{"signer.enabled=true"}},
	"with the signer as in docs/INSTALL.md": {
		`
resources: [MANIFESTS/overlays/dev, MANIFESTS/signer]
replicas: [{name: mizzen-signer, count: 3}]
configMapGenerator:
- {name: mizzen-settings, namespace: mizzen-system, behavior: merge, literals: [TRUST_DOMAIN=example.internal]}
- {name: mizzen-signer-settings, namespace: mizzen-system, behavior: merge, literals: [TRUST_DOMAIN=example.internal, LEAF_LIFETIME=12h]}
`,
		[]string{"signer.enabled=true", "signer.replicas=3", "signer.leafLifetime=12h", "identity.trustDomain=example.internal"},
	},
	"the base":                    {"resources: [MANIFESTS/base]", []string{"injection.enabled=false", "warnings.enabled=false"}},
	"for Kubernetes without 1.36": {"resources: [MANIFESTS/base, MANIFESTS/admission]", []string{"injection.enabled=false"}},
	"remote clusters": {
		`
resources: [MANIFESTS/overlays/dev]
components: [MANIFESTS/components/remote-clusters]
configMapGenerator:
- {name: mizzen-settings, namespace: mizzen-system, behavior: merge, literals: [CLUSTER_ID=a, NETWORK=n, REMOTE_CLUSTERS=secrets, "TRUST_DOMAIN_ALIASES=b.example,c.example"]}
`,
		[]string{"settings.clusterId=a", "settings.network=n", "settings.remoteClusters=secrets", `identity.trustDomainAliases=b.example\,c.example`},
	},
	"the example with a second cluster": {"resources: [MANIFESTS/../examples/clusters/a]", []string{"settings.clusterId=a", "settings.remoteClusters=secrets"}},
	"a volume that outlives pods": { // as in docs/CLUSTERS.md, without the claim itself
		`
resources: [MANIFESTS/overlays/dev]
patches:
- target: {kind: Deployment, name: mizzen}
  patch: |
    - {op: replace, path: /spec/template/spec/volumes/0, value: {name: state, persistentVolumeClaim: {claimName: mizzen-state}}}
`,
		[]string{"stateClaim=mizzen-state"},
	},
	"a control plane to fall back to": {
		`
resources: [MANIFESTS/overlays/dev]
components: [MANIFESTS/components/fallback]
patches:
- target: {kind: Service, name: mizzen-fallback}
  patch: '[{"op": "replace", "path": "/spec/externalName", "value": "mizzen.b.example"}]'
`,
		[]string{"injection.fallback=mizzen.b.example"},
	},
	"rules are denied": {
		`
resources: [MANIFESTS/overlays/dev]
patches:
- target: {kind: ValidatingAdmissionPolicyBinding}
  patch: '[{"op": "replace", "path": "/spec/validationActions", "value": ["Deny"]}]'
`,
		[]string{"warnings.deny=true"},
	},
	"without rights for view and edit": {
		`
resources: [MANIFESTS/overlays/dev]
patches:
- target: {kind: ClusterRole, name: mizzen-aggregate-to-.*}
  patch: '{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x}, $patch: delete}'
`,
		[]string{"rbac.aggregate=false"},
	},
	"nodes may connect, and another namespace may watch": {
		`
resources: [MANIFESTS/overlays/dev]
patches:
- target: {kind: NetworkPolicy}
  patch: |
    - {op: add, path: /spec/ingress/0/from/-, value: {ipBlock: {cidr: 10.0.0.0/24}}}
    - {op: replace, path: /spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name, value: observe}
`,
		[]string{"networkPolicy.nodeCIDRs={10.0.0.0/24}", "monitoring.namespace=observe"},
	},
	"pods get certificates from the signer": {
		`
resources: [MANIFESTS/overlays/dev]
configMapGenerator:
- {name: mizzen-injection, namespace: mizzen-system, behavior: merge, literals: [identity=podcertificate]}
`,
		[]string{"injection.identity=podcertificate"},
	},
	"pods get certificates from a CSI driver": {
		`
resources: [MANIFESTS/overlays/dev]
configMapGenerator:
- {name: mizzen-injection, namespace: mizzen-system, behavior: merge, literals: [identity=csi]}
`,
		[]string{"injection.identity=csi"},
	},
	"the agent is in a mounted image": {
		`
resources: [MANIFESTS/overlays/dev]
configMapGenerator:
- {name: mizzen-injection, namespace: mizzen-system, behavior: merge, literals: [agent=image]}
`,
		[]string{"injection.agent.from=image"},
	},
	"the agent is in the application's image": {
		`
resources: [MANIFESTS/overlays/dev]
configMapGenerator:
- {name: mizzen-injection, namespace: mizzen-system, behavior: merge, literals: [agent=own, agent-jar=/opt/agent.jar]}
`,
		[]string{"injection.agent.from=own", "injection.agent.jar=/opt/agent.jar"},
	},
	"three replicas with more memory": {
		`
resources: [MANIFESTS/overlays/dev]
replicas: [{name: mizzen, count: 3}]
patches:
- target: {kind: Deployment}
  patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/memory", "value": "1Gi"}]'
`,
		[]string{"replicas=3", "resources.limits.memory=1Gi"},
	},
}

// TestOverlays: with the values of an overlay, the chart is what kustomize makes of it, object by object.
func TestOverlays(t *testing.T) {
	for name, overlay := range overlays {
		for helm := range helms {
			t.Run(name+", "+helm, func(t *testing.T) {
				got, want := rendered(t, helm, sets(t, overlay.values...)), built(t, overlay.kustomization)
				forKustomize(t, got, want)
				if len(want) < 10 {
					t.Errorf("kustomize makes %d objects, want more", len(want))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("manifests/chart and manifests differ: change both (-kustomize +%s):\n%s", helm, diff)
				}
			})
		}
	}
}

// TestElsewhere: the chart keeps to the namespace of its release, and its objects have the same names in every release.
func TestElsewhere(t *testing.T) {
	values := sets(t, "values-production.yaml", "tls.certManager.enabled=true", "signer.enabled=true", "monitoring.serviceMonitor.enabled=true", "monitoring.alerts.enabled=true", "monitoring.dashboard.enabled=true")
	for helm, render := range helms {
		here, err := render(values, "mizzen", home)
		if err != nil {
			t.Fatal(err)
		}
		there, err := render(values, "control", "mesh")
		if err != nil {
			t.Fatal(err)
		}
		moved := maps.Clone(here)
		for name := range moved {
			moved[name] = strings.ReplaceAll(moved[name], home, "mesh")
		}
		if diff := cmp.Diff(parsed(t, moved), parsed(t, there)); diff != "" {
			t.Errorf("%s (-with the namespace replaced +in the namespace):\n%s", helm, diff)
		}
	}
}
