package snapshot_test

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// nodeWithProviders is a node that declares certificate providers.
func nodeWithProviders(userAgent, version string, providers *structpb.Value) *corev3.Node {
	return nodeWith("CERTIFICATE_PROVIDERS", userAgent, version, providers)
}

// nodeWith is a node with one key in its metadata.
func nodeWith(key, userAgent, version string, value *structpb.Value) *corev3.Node {
	return &corev3.Node{
		UserAgentName: userAgent, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: version},
		Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{key: value}},
	}
}

func listOf(texts ...string) *structpb.Value {
	list := &structpb.ListValue{}
	for _, text := range texts {
		list.Values = append(list.Values, structpb.NewStringValue(text))
	}
	return structpb.NewListValue(list)
}

func TestClientOf(t *testing.T) {
	labelled := snapshottest.Metadata("NAMESPACE", "shop", "SERVICE_ACCOUNT", "cart", "NODE_NAME", "n1", "CLUSTER_ID", "c1")
	labelled.Fields["LABELS"] = structpb.NewStructValue(snapshottest.Metadata("app", "cart", "version", "v1"))
	wrong := &structpb.Struct{Fields: map[string]*structpb.Value{
		"NAMESPACE": structpb.NewNumberValue(7), "LABELS": structpb.NewStringValue("app=cart"),
	}}
	long := strings.Repeat("é", 1000)
	tests := map[string]struct {
		node *corev3.Node
		want mesh.Client
	}{
		"no node": {nil, mesh.Client{Namespace: "default"}},
		"all that counts": {
			&corev3.Node{
				Metadata: labelled, Locality: &corev3.Locality{Region: "r", Zone: "z", SubZone: "s"}, UserAgentName: "gRPC Go",
				UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1.85.0"},
			},
			mesh.Client{
				Namespace: "shop", Node: "n1",
				Labels:   mesh.MakeLabels(map[string]string{"version": "v1", "app": "cart"}),
				Locality: mesh.Locality{Region: "r", Zone: "z", SubZone: "s"}, Kind: mesh.GRPCGo, Version: "1.85.0",
			},
		},
		"certificates, as a list": {
			nodeWithProviders("gRPC Go", "1.85.0", structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{
				structpb.NewStringValue("shop"), structpb.NewStringValue("default"), structpb.NewNumberValue(1), structpb.NewStringValue("shop"),
			}})),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCGo, Version: "1.85.0", Providers: mesh.MakeProviders("default", "shop")},
		},
		"certificates, as a text": {
			nodeWithProviders("gRPC C-core linux Python", "C-core 58.0.0 Python 1.85.1", structpb.NewStringValue("shop, default,")),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCCore, Version: "C-core 58.0.0 Python 1.85.1", Providers: mesh.MakeProviders("default", "shop")},
		},
		"the java agent": {
			nodeWith("PROTOCOLS", "mizzen-java-agent", "0.1.0", listOf("http/1.1")), mesh.Client{Namespace: "default", Kind: mesh.JavaAgent, Version: "0.1.0"},
		},
		"another HTTP client": {
			nodeWith("PROTOCOLS", "armeria", "1.30.0", listOf("h2c", "http/1.1")), mesh.Client{Namespace: "default", Kind: mesh.HTTPClient, Version: "1.30.0"},
		},
		"one protocol in capitals": {
			nodeWith("PROTOCOLS", "armeria", "1.30.0", listOf("HTTP/1.1")), mesh.Client{Namespace: "default", Kind: mesh.HTTPClient, Version: "1.30.0"},
		},
		"one protocol as a text": {
			nodeWith("PROTOCOLS", "armeria", "1.30.0", structpb.NewStringValue("h2c, http/1.1")), mesh.Client{Namespace: "default", Kind: mesh.HTTPClient, Version: "1.30.0"},
		},
		"a gRPC client that also speaks HTTP": {
			nodeWith("PROTOCOLS", "gRPC Go", "1.85.0", listOf("http/1.1")), mesh.Client{Namespace: "default", Kind: mesh.GRPCGo, Version: "1.85.0"},
		},
		"too many certificates": {
			nodeWithProviders("gRPC Java", "1.85.0", structpb.NewStringValue(strings.Repeat("a,", 40))),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCJava, Version: "1.85.0"},
		},
		"too old for certificates": {
			nodeWithProviders("gRPC Node Pure JS", "1.10.2", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCNode, Version: "1.10.2"},
		},
		"certificates of a framework in go": {
			nodeWithProviders("mizzen-go", "0.1.0", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.GoClient, Version: "0.1.0"},
		},
		"plain HTTP of a framework in go": {
			nodeWithProviders("mizzen-go-http", "0.1.0", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.GoHTTPClient, Version: "0.1.0"},
		},
		"certificates of a framework in java": {
			nodeWithProviders("mizzen-java-rpc", "0.1.0", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.JavaClient, Version: "0.1.0"},
		},
		"certificates of a client that falls back to plain text": {
			nodeWithProviders("tonic-xds", "0.1.0", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCRust, Version: "0.1.0"},
		},
		"certificates of an old C-core": {
			nodeWithProviders("gRPC C-core linux Python", "C-core 17.0.0 Python 1.38.0", structpb.NewStringValue("default")),
			mesh.Client{Namespace: "default", Kind: mesh.GRPCCore, Version: "C-core 17.0.0 Python 1.38.0"},
		},
		"certificates of a stranger":       {nodeWithProviders("", "", structpb.NewStringValue("default")), mesh.Client{Namespace: "default", ServerCertificate: true}},
		"other certificates of a stranger": {nodeWithProviders("", "", structpb.NewStringValue("mesh")), mesh.Client{Namespace: "default"}},
		"wrong kinds of values":            {&corev3.Node{Metadata: wrong}, mesh.Client{Namespace: "default"}},
		"python":                           {&corev3.Node{UserAgentName: "gRPC C-core linux Python"}, mesh.Client{Namespace: "default", Kind: mesh.GRPCCore}},
		"node.js":                          {&corev3.Node{UserAgentName: "gRPC Node Pure JS"}, mesh.Client{Namespace: "default", Kind: mesh.GRPCNode}},
		"too long":                         {&corev3.Node{Metadata: snapshottest.Metadata("NAMESPACE", long)}, mesh.Client{Namespace: strings.Repeat("é", 128)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.want.Missing = mesh.FeaturesMissingIn(test.want.Kind, test.want.Version)
			if got := snapshot.ClientOf(test.node, ""); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestDeclaredVariables: a declared variable changes what a client lacks only in versions that read it.
func TestDeclaredVariables(t *testing.T) {
	const roots, sni = "GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS", "GRPC_EXPERIMENTAL_XDS_SNI"
	for name, test := range map[string]struct {
		key, agent, version string
		value               *structpb.Value
		declared, enabled   mesh.Features
	}{
		"a text":               {roots, "gRPC Go", "1.85.0", structpb.NewStringValue("True"), mesh.FeatureSystemRoots, mesh.FeatureSystemRoots},
		"a bool":               {sni, "gRPC Go", "1.85.0", structpb.NewBoolValue(true), mesh.FeatureSNI, mesh.FeatureSNI},
		"read by no version":   {sni, "gRPC Java", "1.76.0", structpb.NewStringValue("true"), mesh.FeatureSNI, 0},
		"false":                {sni, "gRPC Go", "1.85.0", structpb.NewStringValue("false"), 0, 0},
		"a number":             {sni, "gRPC Go", "1.85.0", structpb.NewNumberValue(1), 0, 0},
		"not replaced":         {sni, "gRPC Go", "1.85.0", structpb.NewStringValue("$(GRPC_EXPERIMENTAL_XDS_SNI)"), 0, 0},
		"another variable":     {"GRPC_XDS_EXPERIMENTAL_RBAC", "gRPC Go", "1.85.0", structpb.NewStringValue("true"), 0, 0},
		"a client without TLS": {roots, "tonic-xds", "0.1.0", structpb.NewStringValue("true"), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := snapshot.ClientOf(nodeWith(test.key, test.agent, test.version, test.value), "")
			want := mesh.FeaturesMissingIn(got.Kind, test.version) &^ test.enabled
			if got.Declared != test.declared || got.Missing != want || got.UsesXDSCredentials() != (test.declared != 0) {
				t.Errorf("got %+v, want %b declared and %b missing", got, test.declared, want)
			}
		})
	}
}

// TestProvidersOfIstiosAgent: the agent cannot declare the provider in its bootstraps, so a label of the pod does.
func TestProvidersOfIstiosAgent(t *testing.T) {
	for name, test := range map[string]struct {
		generator, mode string
		declared        *structpb.Value
		want            mesh.Providers
	}{
		"labeled":                {"grpc", "istio", nil, mesh.MakeProviders("default")},
		"not labeled":            {"grpc", "", nil, ""},
		"disabled":               {"grpc", "disabled", nil, ""},
		"a sidecar":              {"", "istio", nil, ""},
		"another is declared":    {"grpc", "istio", structpb.NewStringValue("own"), mesh.MakeProviders("own")},
		"none is declared":       {"grpc", "istio", structpb.NewStringValue(""), ""},
		"declared without label": {"grpc", "", structpb.NewStringValue("default"), mesh.MakeProviders("default")},
	} {
		t.Run(name, func(t *testing.T) {
			node := nodeWith("GENERATOR", "gRPC Go", "1.85.0", structpb.NewStringValue(test.generator))
			node.Metadata.Fields["LABELS"] = structpb.NewStructValue(snapshottest.Metadata("security.istio.io/tlsMode", test.mode))
			if test.declared != nil {
				node.Metadata.Fields["CERTIFICATE_PROVIDERS"] = test.declared
			}
			if got := snapshot.ClientOf(node, "").Providers; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestClientKinds has what each client was seen to send.
func TestClientKinds(t *testing.T) {
	const sidecar = "sidecar~10.0.0.1~pod.shop~shop.svc.cluster.local"
	named := func(name, version string) *corev3.Node { return snapshottest.Node(name, version) }
	envoy := &corev3.Node{Id: "edge", UserAgentName: "envoy", UserAgentVersionType: &corev3.Node_UserAgentBuildVersion{
		UserAgentBuildVersion: &corev3.BuildVersion{Version: &typev3.SemanticVersion{MajorNumber: 1, MinorNumber: 40, Patch: 2}},
	}}
	istio := snapshottest.Metadata("ISTIO_VERSION", "")
	for name, test := range map[string]struct {
		node                *corev3.Node
		header              string
		kind                mesh.ClientKind
		version, namespaced string
	}{
		"gRPC for Go":              {named("gRPC Go", "1.85.0"), "grpc-go/1.85.0", mesh.GRPCGo, "1.85.0", "demo"},
		"gRPC for Rust":            {named("gRPC Rust tonic-xds", "0.1.0-alpha.4"), "tonic/0.14.9", mesh.GRPCRust, "0.1.0-alpha.4", "demo"},
		"gRPC for Rust, earlier":   {named("tonic-xds", "0.1.0-alpha.1"), "tonic/0.14.2", mesh.GRPCRust, "0.1.0-alpha.1", "demo"},
		"Envoy":                    {envoy, "", mesh.Envoy, "1.40.2", "default"},
		"Kitex":                    {&corev3.Node{Id: sidecar, Metadata: istio}, "kitex/v0.14.1", mesh.Kitex, "0.14.1", "shop"},
		"Armeria":                  {&corev3.Node{Id: "a"}, "armeria/1.35.0", mesh.Armeria, "1.35.0", "default"},
		"Armeria for HTTP/1.1":     {nodeWith("PROTOCOLS", "", "", listOf("http/1.1")), "armeria/1.35.0", mesh.HTTPClient, "", "default"},
		"Dubbo":                    {&corev3.Node{Id: sidecar, Cluster: "Kubernetes"}, "grpc-java-netty/1.59.0", mesh.Dubbo, "", "shop"},
		"Sermant":                  {&corev3.Node{Id: sidecar}, "grpc-java-netty/1.52.1", mesh.Sermant, "", "shop"},
		"another sidecar":          {&corev3.Node{Id: sidecar, Cluster: "web", Metadata: istio}, "grpc-java-netty/1.52.1", mesh.UnknownClient, "", "shop"},
		"another gRPC Java":        {&corev3.Node{Id: "a"}, "grpc-java-netty/1.52.1", mesh.UnknownClient, "", "default"},
		"a sidecar without domain": {&corev3.Node{Id: "sidecar~10.0.0.1~pod.shop~shop"}, "", mesh.UnknownClient, "", "shop"},
		"Istio's grpc-simple":      {&corev3.Node{Id: "sidecar~10.0.0.1~pod.0.shop~cluster.local"}, "", mesh.UnknownClient, "", "shop"},
		"a sidecar without a pod":  {&corev3.Node{Id: "sidecar~10.0.0.1~shop~cluster.local"}, "", mesh.UnknownClient, "", "default"},
		"a namespace in metadata":  {&corev3.Node{Id: sidecar, Metadata: snapshottest.Metadata("NAMESPACE", "own")}, "kitex/v0.14.1", mesh.Kitex, "0.14.1", "own"},
	} {
		t.Run(name, func(t *testing.T) {
			got := snapshot.ClientOf(test.node, test.header)
			if got.Kind != test.kind || got.Version != test.version || got.Namespace != test.namespaced || snapshot.AccountOf(test.node).Namespace != test.namespaced {
				t.Errorf("got %s %q in %q, want %s %q in %q", got.Kind, got.Version, got.Namespace, test.kind, test.version, test.namespaced)
			}
		})
	}
}
