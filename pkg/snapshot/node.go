package snapshot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// defaultNamespace is the namespace of a client that names none.
const defaultNamespace = "default"

// maxLabels bounds the labels of one client, so that a node cannot fill the memory.
const maxLabels = 64

// ClientOf makes a Client from a node and the HTTP/2 header user-agent of its stream. Except for AccountOf, no other code reads a node's metadata. The keys of the metadata are Istio's
// NAMESPACE, LABELS, NODE_NAME, INSTANCE_IPS and GENERATOR, Mizzen's CERTIFICATE_PROVIDERS, PROTOCOLS and EGRESS, and the variables that mesh.FeatureVariables
// yields. A value of the wrong type is treated as absent. The node may be nil.
func ClientOf(node *corev3.Node, userAgent string) mesh.Client {
	fields := node.GetMetadata().GetFields()
	c := mesh.Client{
		Namespace: namespaceOf(node),
		Labels:    labels(fields["LABELS"]),
		Node:      text(fields["NODE_NAME"]),
		Addresses: text(fields["INSTANCE_IPS"]),
		Locality: mesh.Locality{
			Region:  clip(node.GetLocality().GetRegion()),
			Zone:    clip(node.GetLocality().GetZone()),
			SubZone: clip(node.GetLocality().GetSubZone()),
		},
		Providers: providersOf(fields),
		Declared:  declared(fields),
		Bucket:    BucketOf(node.GetId()),
	}
	kind, version := clientKindOf(node, userAgent)
	c.Egress = egress(kind, fields["EGRESS"])
	return WithUserAgent(c, kind, clip(version))
}

// clientKindOf returns the kind and version of a client. A user_agent_name comes first, then what the node declares. Kinds
// without either are known by the header, or by the form of their node.
func clientKindOf(node *corev3.Node, userAgent string) (kind mesh.ClientKind, version string) {
	version = node.GetUserAgentVersion()
	if build := node.GetUserAgentBuildVersion().GetVersion(); build != nil { // Envoy has no other version.
		version = fmt.Sprintf("%d.%d.%d", build.GetMajorNumber(), build.GetMinorNumber(), build.GetPatch())
	}
	if kind := mesh.ClientKindOf(node.GetUserAgentName()); kind != mesh.UnknownClient {
		return kind, version
	}
	if speaksHTTP(node.GetMetadata().GetFields()["PROTOCOLS"]) {
		return mesh.HTTPClient, version
	}
	if kind, version := mesh.ClientKindByHeader(userAgent); kind != mesh.UnknownClient {
		return kind, version
	}
	return sidecarKind(node, userAgent), version
}

// sidecarKind tells apart the clients with the library of gRPC for Java that take themselves for sidecars of Istio.
func sidecarKind(node *corev3.Node, userAgent string) mesh.ClientKind {
	_, sidecar := sidecarNamespace(node.GetId())
	switch {
	case !sidecar || node.GetUserAgentName() != "" || node.GetMetadata() != nil || !strings.HasPrefix(userAgent, "grpc-java"):
		return mesh.UnknownClient
	case node.GetCluster() == "Kubernetes":
		return mesh.Dubbo
	case node.GetCluster() == "":
		return mesh.Sermant
	}
	return mesh.UnknownClient
}

// namespaceOf returns the namespace that a node claims, in its metadata or as a sidecar of Istio in its ID.
func namespaceOf(node *corev3.Node) string {
	if named := text(node.GetMetadata().GetFields()["NAMESPACE"]); named != "" {
		return named
	}
	inID, _ := sidecarNamespace(node.GetId())
	return cmp.Or(clip(inID), clip(podNamespace(node.GetId())), defaultNamespace)
}

// sidecarNamespace returns the namespace in an ID of the form sidecar~ADDRESS~POD.NAMESPACE~NAMESPACE.svc.DOMAIN.
func sidecarNamespace(id string) (namespace string, ok bool) {
	parts := sidecarParts(id)
	if parts == nil {
		return "", false
	}
	if namespace, _, ok = strings.Cut(parts[3], ".svc."); !ok {
		return "", false
	}
	return namespace, true
}

// podNamespace returns the namespace after the name of the pod in such an ID. Istio's injection template grpc-simple ends the ID with the
// domain of the cluster alone.
func podNamespace(id string) string {
	if parts := sidecarParts(id); parts != nil {
		if i := strings.LastIndexByte(parts[2], '.'); i > 0 {
			return parts[2][i+1:]
		}
	}
	return ""
}

// sidecarParts returns the four parts of the ID of a sidecar of Istio; nil for any other ID.
func sidecarParts(id string) []string {
	if parts := strings.Split(id, "~"); len(parts) == 4 && parts[0] == "sidecar" {
		return parts
	}
	return nil
}

// speaksHTTP reports whether a client states that its calls are HTTP/1.1.
func speaksHTTP(protocols *structpb.Value) bool {
	return slices.ContainsFunc(texts(protocols), func(p string) bool { return strings.EqualFold(strings.TrimSpace(p), "http/1.1") })
}

// texts reads a list of texts, or one text with commas between them.
func texts(v *structpb.Value) []string {
	all := strings.Split(v.GetStringValue(), ",")
	for _, element := range v.GetListValue().GetValues() {
		all = append(all, element.GetStringValue())
	}
	return all
}

// AccountOf is the service account that a node claims to be; without a name if it claims none. The node may be nil.
func AccountOf(node *corev3.Node) mesh.Account {
	fields := node.GetMetadata().GetFields()
	return mesh.Account{Namespace: namespaceOf(node), Name: text(fields["SERVICE_ACCOUNT"])}
}

// NodeID is the identity in the node, clipped. The node may be nil.
func NodeID(node *corev3.Node) string { return clip(node.GetId()) }

// WithUserAgent returns c as a client of that kind and version.
func WithUserAgent(c mesh.Client, kind mesh.ClientKind, version string) mesh.Client {
	return c.WithUserAgent(kind, version)
}

// declared reads which variables that enable features a node states to be set in its process. Its metadata have the
// variable itself, with the value that the library reads as true. Any other value declares nothing, such as the text
// of a reference to a variable that was not replaced.
func declared(fields map[string]*structpb.Value) mesh.Features {
	var features mesh.Features
	for name, feature := range mesh.FeatureVariables() {
		if v := fields[name]; v.GetBoolValue() || strings.EqualFold(v.GetStringValue(), "true") {
			features |= feature
		}
	}
	return features
}

// maxProviders bounds the certificate providers of one client.
const maxProviders = 32

// providersOf returns the certificate providers that a node declares. Istio's agent writes no metadata but Istio's. The provider in its
// bootstraps is declared by the pod's label that Istio has for applications that use xDS credentials.
func providersOf(fields map[string]*structpb.Value) mesh.Providers {
	const agentsProvider = "default"
	labels := fields["LABELS"].GetStructValue().GetFields()
	if fields["CERTIFICATE_PROVIDERS"] == nil && fields["GENERATOR"].GetStringValue() == "grpc" && labels["security.istio.io/tlsMode"].GetStringValue() == "istio" {
		return mesh.MakeProviders(agentsProvider)
	}
	return providers(fields["CERTIFICATE_PROVIDERS"])
}

// providers reads the names of the certificate providers that a node declares.
func providers(v *structpb.Value) mesh.Providers {
	names := texts(v)
	if len(names) > maxProviders {
		return ""
	}
	for i := range names {
		names[i] = clip(strings.TrimSpace(names[i]))
	}
	return mesh.MakeProviders(names...)
}

func labels(v *structpb.Value) mesh.Labels {
	fields := v.GetStructValue().GetFields()
	if len(fields) == 0 || len(fields) > maxLabels {
		return ""
	}
	set := make(map[string]string, len(fields))
	for k, v := range fields {
		set[clip(k)] = text(v)
	}
	return mesh.MakeLabels(set)
}

func text(v *structpb.Value) string { return clip(v.GetStringValue()) }

// clip bounds a string from a client. The longest names in Kubernetes have 253 characters and the longest label
// values 63.
func clip(s string) string {
	const longest = 256
	if len(s) > longest {
		s = s[:longest]
	}
	// A cut or forged string may be invalid UTF-8, and it may become part of messages that must be valid.
	return strings.ToValidUTF8(strings.Clone(s), "")
}
