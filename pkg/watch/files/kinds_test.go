package files

import (
	"slices"
	"strings"
	"testing"

	istionetworking "istio.io/client-go/pkg/apis/networking/v1"
	istioalpha "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istiobeta "istio.io/client-go/pkg/apis/networking/v1beta1"
	istiosecurity "istio.io/client-go/pkg/apis/security/v1"
	istiotelemetry "istio.io/client-go/pkg/apis/telemetry/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestNearKinds expects an error and a suggestion for an object that is nearly of a kind that is read, and an info for
// an object of another kind.
func TestNearKinds(t *testing.T) {
	const did, write, not = "Did you mean ", "Write apiVersion: ", "info UnknownKind"
	tests := map[string]string{
		"networking.istio.io/v1 VirtualServcie":        did + `"VirtualService"?`,
		"networking.istio.io/v1 virtualservice":        did + `"VirtualService"?`,
		"networking.istio.io/v1 VirtualServices":       did + `"VirtualService"?`,
		"networking.istio.io/v1 DestinationRules":      did + `"DestinationRule"?`,
		"networking.istio.io/v1 ServiceEntri":          did + `"ServiceEntry"?`,
		"networking.istio.io/v1 RouteRule":             "The object is not used. Write one of the kinds that are read: DestinationRule, ServiceEntry, Sidecar, VirtualService, WorkloadEntry.",
		"networking.istio.oi/v1 VirtualServcie":        did + `"VirtualService"?`,
		"networking.istio.oi/v1 VirtualService":        write + "networking.istio.io/v1",
		"networking.istio.io/v1alpha4 VirtualService":  write + "networking.istio.io/v1",
		"networking.istio.io/v2 DestinationRule":       write + "networking.istio.io/v1",
		"config.istio.io/v1alpha2 VirtualService":      write + "networking.istio.io/v1",
		"security.istio.io/v1 DestinationRule":         write + "networking.istio.io/v1",
		"networking.k8s.io/v1 VirtualService":          write + "networking.istio.io/v1",
		"v1 VirtualService":                            write + "networking.istio.io/v1",
		"v1beta1 DestinationRule":                      write + "networking.istio.io/v1",
		"v2 Service":                                   write + "v1",
		"apps/v1 Service":                              write + "v1",
		"core/v1 Pod":                                  write + "v1",
		"multicluster.x-k8s.io/v1beta1 ServiceExport":  not,
		"multicluster.x-k8s.io/v1beta1 ServiceExports": did + `"ServiceExport"?`,
		"multicluster.x-k8s.io/v1beta1 ServiceImprt":   did + `"ServiceImport"?`,
		"v1 Sevice":                                    did + `"Service"?`,
		"v1 Endpoint":                                  did + `"Endpoints"?`,
		"v1 EndpointSlice":                             write + "discovery.k8s.io/v1",
		"discovery.k8s.io/v1beta1 EndpointSlice":       write + "discovery.k8s.io/v1",
		"discovery.k8s.io/v1 EndpointSlices":           did + `"EndpointSlice"?`,
		"gateway.networking.k8s.io/v1alpha2 TCPRoute":  "Write a GRPCRoute.",
		"gateway.networking.k8s.io/v1alpha2 GRPCRoute": write + "gateway.networking.k8s.io/v1",
		"gateway.networking.k8s.io/v1 GrpcRoute":       did + `"GRPCRoute"?`,
		"istio.networking.io/v1 VirtualService":        write + "networking.istio.io/v1",
		"networking.istio/v1 DestinationRule":          write + "networking.istio.io/v1",
		"networking.isto.io/v1 VirtualService":         write + "networking.istio.io/v1",
		"networking.istio.com/v1 VirtualService":       write + "networking.istio.io/v1",
		"networking-istio-io/v1 VirtualService":        write + "networking.istio.io/v1",
		"networking/v1 VirtualService":                 write + "networking.istio.io/v1",
		"istio/v1 DestinationRule":                     write + "networking.istio.io/v1",
		"istio.io/networking/v1 DestinationRule":       write + "networking.istio.io/v1",
		"networking.istio.io VirtualService":           write + "networking.istio.io/v1",
		"networking.istio.io/V1 VirtualService":        write + "networking.istio.io/v1",
		"istio.networking.io/v1 VirtualServcie":        did + `"VirtualService"?`,
		"networking.istio.io/v1 VirtualServiceLst":     did + `"VirtualServiceList"?`,
		"v1 VirtualServiceList":                        write + "networking.istio.io/v1",
		"networking.istio.io/v2 VirtualServiceList":    write + "networking.istio.io/v1",
		"v1 Lsit":                    did + `"List"?`,
		"v1 list":                    did + `"List"?`,
		"v1 Lists":                   did + `"List"?`,
		"v1 ServiceLst":              did + `"ServiceList"?`,
		"v1 PodLists":                did + `"PodList"?`,
		"k8s.io/v1 Service":          write + "v1",
		"v1/ Service":                write + "v1",
		"discovery/v1 EndpointSlice": write + "discovery.k8s.io/v1",
		"discovery.kubernetes.io/v1 EndpointSlice":         write + "discovery.k8s.io/v1",
		"gateway.network.k8s.io/v1 HTTPRoute":              write + "gateway.networking.k8s.io/v1",
		"gateway.k8s.io/v1 GRPCRoute":                      write + "gateway.networking.k8s.io/v1",
		"gateway.networking.k8s/v1 HTTPRoute":              write + "gateway.networking.k8s.io/v1",
		"gateway.network.k8s.io/v1 TLSRoute web":           `Did you mean the group "gateway.networking.k8s.io"?`,
		"networking.isto.io/v1 ProxyConfig":                `Did you mean the group "networking.istio.io"?`,
		"security/v1 PeerAuthentication":                   write + "security.istio.io/v1",
		"security.istio.io/v1 AuthorisationPolicy":         did + `"AuthorizationPolicy"?`,
		"security.istio.io/v1 Foo":                         `has no kind "Foo". The object is not used. Write one of the kinds that are read: AuthorizationPolicy, PeerAuthentication, RequestAuthentication.`,
		"telemetry.istio.io/v1 Foo":                        `has no kind "Foo". The object is not used. Correct the kind, or remove the object.`,
		"security.istio.io/v9 AuthorizationPolicy":         "is not read. The object closes, as any AuthorizationPolicy that cannot be read. " + write + "security.istio.io/v1",
		"security.istio.io/v1 PeerAuthenticaton":           "The object closes, as any PeerAuthentication that cannot be read. " + did + `"PeerAuthentication"?`,
		"security.istio.io/v1 RequestAuthenticaton":        "The object is not used. " + did + `"RequestAuthentication"?`,
		"policy.linkerd.io/v1alpha1 AuthorizationPolicy":   not,
		"serving.knative.dev/v1 Service":                   not,
		"gateway.solo.io/v1 VirtualService":                not,
		"networking.gke.io/v1 ManagedCertificate":          not,
		"networking.k8s.io/v1 Ingress":                     not,
		"networking.k8s.io/v1 NetworkPolicy":               not,
		"networking.x-k8s.io/v1alpha1 HTTPRoute":           not,
		"policy.linkerd.io/v1beta1 HTTPRoute":              not,
		"networking.internal.knative.dev/v1 Ingress":       not,
		"traefik.io/v1alpha1 IngressRoute":                 not,
		"traefik.io/v1alpha1 TraefikService":               not,
		"k8s.nginx.org/v1 VirtualServer":                   not,
		"projectcontour.io/v1 HTTPProxy":                   not,
		"cert-manager.io/v1 Certificate":                   not,
		"apiextensions.k8s.io/v1 CustomResourceDefinition": not,
		"apps/v1 Deployment":                               not,
		"v1 ConfigMap":                                     not,
		"v1 LimitRange":                                    not,
		"example.com/v1 AllowList":                         not,
		"example.com/v1 Least":                             not,
		"appmesh.k8s.aws/v1beta2 VirtualService":           not,
		"rbac.authorization.k8s.io/v1 Role":                not,
		"batch/v1 Job":                                     not,
		"networking.istio.io/v1 ProxyConfig":               not,
		"install.istio.io/v1alpha1 IstioOperator":          not,
		"gateway.networking.k8s.io/v1 Gateway":             not,
		"monitoring.coreos.com/v1 ServiceMonitor":          not,
		"kustomize.config.k8s.io/v1beta1 Kustomization":    not,
		"gateway.networking.k8s.io/v1alpha2 TLSRoute web":  not,
	}
	for of, want := range tests {
		t.Run(of, func(t *testing.T) {
			words := strings.Fields(of)
			text := "apiVersion: " + words[0] + "\nkind: " + words[1] + "\nmetadata: {name: a}\nspec: {parentRefs: [{kind: Service, name: a}]}\n"
			if len(words) > 2 {
				text = strings.Replace(text, "kind: Service", "kind: Gateway", 1)
			}
			severity := "error UnknownKind " + words[1]
			if want == not || strings.Contains(want, "the group") {
				severity = not
			}
			closed := func(line string) bool { return strings.HasPrefix(line, "error Closed ") }
			got := slices.DeleteFunc(watchtest.ProblemLines(loadText(t, text)), closed)
			if want == not && len(got) == 1 && strings.Contains(got[0], "mean") || len(got) != 1 || !strings.HasPrefix(got[0], severity) || !strings.Contains(got[0], want) {
				t.Errorf("got %q, want %s and %q", got, severity, want)
			}
		})
	}
}

// TestKindsOfTheAPIs expects no error for any kind that Kubernetes or Istio has, in any version, and compares the list
// of Istio's kinds with Istio's own.
func TestKindsOfTheAPIs(t *testing.T) {
	istio := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		istionetworking.AddToScheme, istiobeta.AddToScheme, istioalpha.AddToScheme, istiosecurity.AddToScheme, istiotelemetry.AddToScheme,
	} {
		if err := add(istio); err != nil {
			t.Fatal(err)
		}
	}
	checked := 0
	for _, s := range []*runtime.Scheme{scheme.Scheme, istio} {
		for gvk, typ := range s.AllKnownTypes() {
			row := object.Kind(gvk.Kind).Row()
			read := row != nil && row.Resource.Group == gvk.Group
			if strings.HasPrefix(typ.PkgPath(), "k8s.io/apimachinery/") || strings.HasSuffix(gvk.Kind, "List") || read {
				continue
			}
			checked++
			if s == istio && !slices.Contains(unreadKinds[gvk.Group], gvk.Kind) {
				t.Errorf("Istio has the kind %s, which is not listed", gvk)
			}
			if why := nearly(nil, head{apiVersion: gvk.GroupVersion().String(), kind: gvk.Kind}); why != "" {
				t.Errorf("%s: got %q, want nothing", gvk, why)
			}
		}
	}
	if checked < 100 {
		t.Errorf("checked only %d kinds", checked)
	}
}

// TestLists reads the forms in which lists of objects come.
func TestLists(t *testing.T) {
	const service = "apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec: {ports: [{port: 1}]}\n"
	const bare = "metadata: {name: a}\n  spec: {ports: [{port: 1}]}\n"
	tests := map[string]struct {
		text     string
		services int
		want     []string
	}{
		"List":                {"apiVersion: v1\nkind: List\nitems:\n- " + service, 1, nil},
		"ServiceList":         {"apiVersion: v1\nkind: ServiceList\nitems:\n- " + bare, 1, nil},
		"full items":          {"apiVersion: v1\nkind: ServiceList\nitems:\n- " + service, 1, nil},
		"DestinationRules":    {"apiVersion: networking.istio.io/v1\nkind: DestinationRuleList\nitems:\n- metadata: {name: d}\n  spec: {host: a}\n", 0, []string{"warning NoSuchHost DestinationRule default/d"}},
		"VirtualServices":     {"apiVersion: networking.istio.io/v1beta1\nkind: VirtualServiceList\nmetadata: {resourceVersion: '1'}\nitems:\n- metadata: {name: v}\n  spec: {hosts: [a]}\n", 0, []string{"warning NoSuchHost VirtualService default/v spec.hosts[0] (objects.yaml:6)"}},
		"another kind":        {"apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: c}\n", 0, []string{"info UnknownKind ConfigMap c"}},
		"of a custom kind":    {"apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: c}\n", 0, []string{"info UnknownKind AllowList c"}},
		"another, misspelled": {"apiVersion: v1\nkind: Lsit\nitems:\n- " + service, 0, []string{"error UnknownKind Lsit  (objects.yaml:1): Unknown kind \"Lsit\". The object is not used. Did you mean \"List\"?"}},
		"of another group":    {"apiVersion: example.com/v1\nkind: Lits\nitems:\n- " + service, 0, []string{`error UnknownKind Lits  (objects.yaml:1): Unknown kind "Lits". The object is not used. Did you mean "List"?`}},
		"items of others":     {"apiVersion: example.com/v1\nkind: Least\nitems: [a, b]\n", 0, []string{"info UnknownKind Least"}},
		"Services, no items":  {"apiVersion: v1\nkind: ServiceList\nspec: {}\n", 0, []string{"error InvalidValue File objects.yaml items (objects.yaml:1): The ServiceList has no list of items. It is not used. Write its objects under items."}},
		"rules, no items":     {"apiVersion: networking.istio.io/v1\nkind: VirtualServiceList\nmetadata: {name: a}\nspec: {hosts: [a]}\n", 0, []string{"error InvalidValue File objects.yaml items (objects.yaml:1): The VirtualServiceList has no list of items."}},
		"items that are null": {"apiVersion: v1\nkind: ServiceList\nitems: null\n", 0, nil},
		"of the wrong group":  {"apiVersion: v1\nkind: VirtualServiceList\nitems:\n- metadata: {name: v}\n", 0, []string{`error UnknownKind VirtualService v (objects.yaml:4): There is no VirtualService in apiVersion "v1". The object is not used. Write apiVersion: networking.istio.io/v1`}},
		"of a wrong kind":     {"apiVersion: v1\nkind: ServcieList\nitems:\n- metadata: {name: v}\n", 0, []string{`error UnknownKind Servcie v (objects.yaml:4): Unknown kind "Servcie". The object is not used. Did you mean "Service"?`}},
		"without items":       {"apiVersion: v1\nkind: List\nobjects: []\n", 0, []string{"error InvalidValue File objects.yaml items (objects.yaml:1): The List has no list of items. It is not used. Write its objects under items."}},
		"empty":               {"apiVersion: v1\nkind: List\nitems: []\n", 0, nil},
		"a List in a List":    {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceList\n  items:\n  - metadata: {name: a}\n    spec: {ports: [{port: 1}]}\n", 1, nil},
		"an item of no kind":  {"apiVersion: v1\nkind: List\nitems:\n- " + bare, 0, []string{"error Unreadable File objects.yaml (objects.yaml:4)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := loadText(t, test.text)
			got := watchtest.ProblemLines(w)
			if len(got) != len(test.want) || len(got) > 0 && !strings.Contains(got[0], test.want[0]) || w.Services.Len() != test.services {
				t.Errorf("got %d Services and %q, want %d and %q", w.Services.Len(), got, test.services, test.want)
			}
		})
	}
}

// TestOtherDocumentsOfAFolder loads what is no object: a folder may have it, a file that was named may not.
func TestOtherDocumentsOfAFolder(t *testing.T) {
	tests := map[string]struct {
		text string
		// folder and file are the severities.
		folder, file string
	}{
		"JSON patch":        {"- op: replace\n  path: /spec/replicas\n  value: 2\n", "info", "error"},
		"values":            {"replicas: 2\nimage: {tag: v1}\n", "info", "error"},
		"a kind in values":  {"kind: Deployment\nreplicas: 2\n", "info", "error"},
		"Prometheus rules":  {"groups: [{name: a, rules: []}]\n", "info", "error"},
		"a text":            {"just a text\n", "info", "error"},
		"not YAML":          {"a: [\n", "info", "error"},
		"JSON with remarks": {"// A remark.\n{\"a\": 1}\n", "info", "error"},
		"a template":        {"apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Values.name }}}\n", "error", "error"},
		"a broken object":   {"apiVersion: v1\nkind: Service\nspec: [\n", "error", "error"},
		"no apiVersion":     {"kind: Service\nmetadata: {name: a}\n", "error", "error"},
		"no kind":           {"apiVersion: v1\nmetadata: {name: a}\n", "error", "error"},
		"misspelled keys":   {"apiversion: v1\nKind: Service\nmetadata: {name: a}\n", "error", "error"},
		"similar keys":      {"kinds: [a]\nmetadata: {name: a}\n", "info", "error"},
		"a kind alone":      {"kind: VirtualService\nspec: {}\n", "error", "error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "a.yaml", test.text)
			for path, want := range map[string]string{dir: test.folder, path: test.file} {
				w, err := Load(watch.Options{}, path)
				if err != nil {
					t.Fatal(err)
				}
				if len(w.Problems) != 1 || string(w.Problems[0].Severity) != want {
					t.Errorf("%s: got %v, want one %s", path, w.Problems, want)
				}
			}
		})
	}
}

// TestKeysOfNamespaces expects the labels and annotations of namespaces to be checked in files, too, although those for injection
// have an effect only in clusters.
func TestKeysOfNamespaces(t *testing.T) {
	for metadata, want := range map[string]string{
		"labels:\n    mizzen.dev/inject: enabled":                 "",
		"labels:\n    mizzen.dev/inject: disabled":                "",
		"labels:\n    mizzen.dev/inject: 'true'":                  `warning InvalidValue Namespace a metadata.labels[mizzen.dev/inject] (objects.yaml:6): Pods of the namespace do not get the bootstrap, because the value is "true". Write enabled.`,
		"labels:\n    mizzen.dev/injct: enabled":                  `warning UnknownField Namespace a metadata.labels[mizzen.dev/injct] (objects.yaml:6): Unknown label is ignored. Did you mean "mizzen.dev/inject"?`,
		"labels:\n    mizzen.io/inject: enabled":                  `Did you mean "mizzen.dev/inject"?`,
		"labels:\n    istio-injection: enabled":                   "",
		"annotations:\n    mizzen.dev/inject: enabled":            "The annotation has no effect. Write it under metadata.labels.",
		"annotations:\n    mizzen.dev/load-reports: 'true'":       "",
		"annotations:\n    mizzen.dev/load-reports: 'on'":         `warning InvalidValue Namespace a metadata.annotations[mizzen.dev/load-reports] (objects.yaml:6): "on" is neither true nor false. The annotation is ignored.`,
		"annotations:\n    mizzen.dev/ignore: UnknownKind=a test": "",
	} {
		got := watchtest.ProblemLines(loadText(t, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  "+metadata+"\n"))
		switch {
		case want == "" && len(got) == 0:
		case want != "" && len(got) == 1 && strings.Contains(got[0], want):
		default:
			t.Errorf("%s: got %q, want %q", metadata, got, want)
		}
	}
}
