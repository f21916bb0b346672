package object

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Kind is a kind of object that is watched, by its API name.
type Kind string

// The kinds that are watched. Each has a row in Kinds.
const (
	KindService         Kind = "Service"
	KindServiceImport   Kind = "ServiceImport"
	KindEndpointSlice   Kind = "EndpointSlice"
	KindEndpoints       Kind = "Endpoints"
	KindPod             Kind = "Pod"
	KindNode            Kind = "Node"
	KindNamespace       Kind = "Namespace"
	KindInjectionPolicy Kind = "MutatingAdmissionPolicy"
	KindDestinationRule Kind = "DestinationRule"
	KindVirtualService  Kind = "VirtualService"
	KindServiceEntry    Kind = "ServiceEntry"
	KindWorkloadEntry   Kind = "WorkloadEntry"
	KindSidecar         Kind = "Sidecar"
	KindGRPCRoute       Kind = "GRPCRoute"
	KindHTTPRoute       Kind = "HTTPRoute"

	KindBackendTLSPolicy Kind = "BackendTLSPolicy"

	KindPeerAuthentication    Kind = "PeerAuthentication"
	KindAuthorizationPolicy   Kind = "AuthorizationPolicy"
	KindRequestAuthentication Kind = "RequestAuthentication"
)

// KindRow is everything that differs between kinds, except how the assembler indexes their values. Whatever depends
// on a kind reads its row: clusters and files, conversion, the stored state, status conditions, and the tools that
// write or install objects.
//
// A new kind needs a row here, a converter, a codec and, if its values are indexed separately, an index in package
// assemble.
type KindRow struct {
	Kind Kind
	// Resource is the resource of the API server, with the version that is read.
	Resource schema.GroupVersionResource
	// OtherVersions are versions of the group whose objects have the same form. Files may use them.
	OtherVersions []string
	// Selector is a label selector. Objects that do not match it are not read, unless they match AndSelector, which is another
	// one. No object matches both.
	Selector, AndSelector string
	// ClusterScoped means that the objects have no namespace. They are read even if namespaces are restricted.
	ClusterScoped bool
	// Optional means that a CustomResourceDefinition defines the kind: it may be absent, come and go. Its objects are
	// read untyped, because a typed client fails a whole list if one object does not fit the type.
	Optional bool
	// Live means that the objects are read from clusters only: in files they mean nothing.
	Live bool
	// Without names what is unknown if the control plane is not allowed to read the kind; empty if it must be allowed.
	Without string
	// After is the kind that must be read first if both appear late. Its row comes before this one.
	After Kind
	// Authored means that people write the objects as configuration of the mesh: World.ConfigObjects lists them, status
	// conditions are written to them, and "inspect wait" waits for them.
	Authored bool
	// Configuration means that hosts or rules come from the objects: they are kept as they were written, and a change of one makes
	// a generation of the history. Kinds that say where servers are have no such row: endpoints are not configuration.
	Configuration bool
	// OnlyMeshKeys means that the objects are mostly about other things: of their configuration only the labels and annotations
	// count that the mesh reads.
	OnlyMeshKeys bool
	// ParentStatus is the list of entries in the status of the objects, one for each of their parents, in place of conditions of
	// its own: parents or ancestors; empty for other kinds.
	ParentStatus string
	// Elective means that a mesh may do without the kind: its definition is installed by those who use it.
	Elective bool
	// Traced means that translation reports Problems on fields of the objects. For files the line of each field is
	// kept.
	Traced bool
	// NameIsLabel means that a name must be a DNS label. A Service with a dot in its name would have the host of
	// another.
	NameIsLabel bool
	// Rejections returns why every API server rejects an object, beyond the types of its fields and its metadata; nil if
	// that is not known for the kind. It is for files.
	Rejections func(typed metav1.Object) field.ErrorList
	// Remote means that the objects of remote clusters are read, too: those behind hosts. Rules are those of the control plane's
	// own cluster.
	Remote bool
	// Fields is a field selector, as Selector is one of labels.
	Fields string
	// ForServers means that the kind configures servers. A mesh whose servers are not configured by xDS needs no such kind.
	ForServers bool
	// Close makes an object, with Object.Closed, of one that cannot be read. It is for kinds without whose objects callers
	// could get in, or calls would go elsewhere or not be encrypted. The annotations and parts are what can be read of it. It is nil for other
	// kinds.
	Close func(key Key, domain string, annotations map[string]string, parts Parts) Object
	// Misplaced has what to do about fields that authors take for those of the kind.
	Misplaced map[string]string
	// NewList makes an empty list of a built-in kind, which is read in protocol buffers; nil if the kind is Optional.
	NewList func() runtime.Object

	converter
	codec
}

// Kinds are all kinds that are watched. Rows are constant.
var Kinds = []*KindRow{
	{
		Kind: KindService, Configuration: true, Remote: true, Resource: corev1.SchemeGroupVersion.WithResource("services"), Traced: true, NameIsLabel: true,
		NewList: func() runtime.Object { return &corev1.ServiceList{} }, Rejections: rejectionsOf(rejectService),
		converter: converterOf(convertService), codec: codecOf(serviceField, storeAsIs[mesh.Service], storeAsIs[mesh.Service]),
	},
	{
		Kind: KindServiceImport, Configuration: true, Resource: schema.GroupVersionResource{Group: "multicluster.x-k8s.io", Version: "v1beta1", Resource: "serviceimports"},
		OtherVersions: []string{"v1alpha1"}, Optional: true, Elective: true, Without: "the hosts of ServiceImports",
		converter: converterOf(convertServiceImport), codec: codecOf(serviceField, storeAsIs[mesh.Service], storeAsIs[mesh.Service]),
	},
	{
		// Only EndpointSlices that belong to a Service, or to a ServiceImport.
		Kind: KindEndpointSlice, Remote: true, Resource: discoveryv1.SchemeGroupVersion.WithResource("endpointslices"),
		Selector: discoveryv1.LabelServiceName, AndSelector: multiclusterServiceName + ",!" + discoveryv1.LabelServiceName,
		NewList: func() runtime.Object { return &discoveryv1.EndpointSliceList{} }, Rejections: rejectionsOf(rejectEndpointSlice),
		converter: converterOf(convertEndpointSlice), codec: codecOf(sliceField, storeSlice, loadSlice),
	},
	{
		// Not the Endpoints that Kubernetes writes itself, because they have EndpointSlices, too.
		Kind: KindEndpoints, Remote: true, Resource: corev1.SchemeGroupVersion.WithResource("endpoints"),
		Selector: "endpoints.kubernetes.io/managed-by!=endpoint-controller",
		NewList:  func() runtime.Object { return &corev1.EndpointsList{} }, Rejections: rejectionsOf(rejectEndpoints),
		converter: converterOf(convertEndpoints), codec: codecOf(sliceField, storeSlice, loadSlice),
	},
	{
		// Not those that have finished, and not those that have no node yet.
		Fields: "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!=",
		Kind:   KindPod, Remote: true, Resource: corev1.SchemeGroupVersion.WithResource("pods"),
		NewList:   func() runtime.Object { return &corev1.PodList{} },
		converter: converterOf(convertPod), codec: codecOf(podField, storePod, loadPod),
	},
	{
		Kind: KindNode, Remote: true, Resource: corev1.SchemeGroupVersion.WithResource("nodes"), ClusterScoped: true,
		Without:   "the regions of endpoints",
		NewList:   func() runtime.Object { return &corev1.NodeList{} },
		converter: converterOf(convertNode), codec: codecOf(nodeField, storeNode, loadNode),
	},
	{
		Kind: KindNamespace, Configuration: true, OnlyMeshKeys: true, Resource: corev1.SchemeGroupVersion.WithResource("namespaces"), ClusterScoped: true, Traced: true, NameIsLabel: true,
		Without: "the annotations of namespaces, and which pods came without the bootstrap",
		NewList: func() runtime.Object { return &corev1.NamespaceList{} },

		converter: converterOf(convertNamespace), codec: codecOf(namespaceField, storeNamespace, loadNamespace),
	},
	{
		// Of the policies only the one that injects. API servers have the kind from Kubernetes 1.36 on.
		Kind: KindInjectionPolicy, ClusterScoped: true, Live: true, Optional: true,
		Resource:  schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingadmissionpolicies"},
		Without:   "whether pods get the bootstrap",
		converter: converterOf(convertInjectionPolicy), codec: codecOf(policyField, storePolicy, loadPolicy),
	},
	{
		Kind: KindDestinationRule, Configuration: true, Resource: istiov1.SchemeGroupVersion.WithResource("destinationrules"),
		OtherVersions: []string{"v1beta1", "v1alpha3"}, Optional: true, Authored: true, Traced: true,
		Misplaced: notInDestinationRule, Close: closeDestinationRule,
		converter: converterOf(convertDestinationRule),
		codec:     codecOf(destinationRuleField, storeDestinationRule, loadDestinationRule),
	},
	{
		Kind: KindVirtualService, Configuration: true, Resource: istiov1.SchemeGroupVersion.WithResource("virtualservices"),
		OtherVersions: []string{"v1beta1", "v1alpha3"}, Optional: true, Authored: true, Traced: true,
		After:     KindDestinationRule,
		Misplaced: notInVirtualService, Close: closeVirtualService,
		converter: converterOf(convertVirtualService),
		codec:     codecOf(virtualServiceField, storeVirtualService, loadVirtualService),
	},
	{
		Kind: KindServiceEntry, Configuration: true, Resource: istiov1.SchemeGroupVersion.WithResource("serviceentries"),
		OtherVersions: []string{"v1beta1", "v1alpha3"}, Optional: true, Elective: true, Authored: true, Traced: true,
		Misplaced: notInServiceEntry,
		converter: converterOf(convertServiceEntry),
		codec:     codecOf(serviceEntryField, storeAsIs[ServiceEntry], storeAsIs[ServiceEntry]),
	},
	{
		Kind: KindWorkloadEntry, Resource: istiov1.SchemeGroupVersion.WithResource("workloadentries"),
		OtherVersions: []string{"v1beta1", "v1alpha3"}, Optional: true, Elective: true, Authored: true, Traced: true,
		Misplaced: notInWorkloadEntry,
		converter: converterOf(convertWorkloadEntry),
		codec:     codecOf(workloadField, storeAsIs[Workload], storeAsIs[Workload]),
	},
	{
		Kind: KindSidecar, Configuration: true, Resource: istiov1.SchemeGroupVersion.WithResource("sidecars"),
		OtherVersions: []string{"v1beta1", "v1alpha3"}, Optional: true, Elective: true, Authored: true, Traced: true,
		converter: converterOf(convertSidecar), codec: codecOf(sidecarField, storeSidecar, loadSidecar),
	},
	{
		Kind: KindGRPCRoute, Configuration: true, Resource: gatewayResource("grpcroutes"),
		Optional: true, Elective: true, Authored: true, ParentStatus: "parents", Traced: true, After: KindDestinationRule, Close: closeGRPCRoute,
		Misplaced: notInGRPCRoute, Rejections: rejectionsOf(rejectGRPCRoute),
		converter: converterOf(convertGRPCRoute), codec: codecOf(grpcRouteField, storeRoute, loadGRPCRoute),
	},
	{
		Kind: KindHTTPRoute, Configuration: true, Resource: gatewayResource("httproutes"), OtherVersions: []string{"v1beta1"},
		Optional: true, Elective: true, Authored: true, ParentStatus: "parents", Traced: true, After: KindDestinationRule, Close: closeHTTPRoute,
		Misplaced: notInHTTPRoute, Rejections: rejectionsOf(rejectHTTPRoute),
		converter: converterOf(convertHTTPRoute), codec: codecOf(httpRouteField, storeRoute, loadHTTPRoute),
	},
	{
		Kind: KindBackendTLSPolicy, Configuration: true, Resource: gatewayResource("backendtlspolicies"),
		Optional: true, Elective: true, Authored: true, ParentStatus: "ancestors", Traced: true, Close: closeBackendTLSPolicy,
		converter: converterOf(convertBackendTLSPolicy), codec: codecOf(backendTLSPolicyField, storeBackendTLSPolicy, loadBackendTLSPolicy),
	},
	{
		Kind: KindPeerAuthentication, Configuration: true, Resource: securityv1.SchemeGroupVersion.WithResource("peerauthentications"),
		OtherVersions: []string{"v1beta1"}, Optional: true, Authored: true, Traced: true, ForServers: true, Close: closePeerAuthentication,
		converter: converterOf(convertPeerAuthentication),
		codec:     codecOf(peerAuthenticationField, storePeerAuthentication, loadPeerAuthentication),
	},
	{
		Kind: KindAuthorizationPolicy, Configuration: true, Resource: securityv1.SchemeGroupVersion.WithResource("authorizationpolicies"),
		OtherVersions: []string{"v1beta1"}, Optional: true, Authored: true, Traced: true, ForServers: true, Close: closeAuthorizationPolicy,
		converter: converterOf(convertAuthorizationPolicy),
		codec:     codecOf(authorizationPolicyField, storeAuthorizationPolicy, loadAuthorizationPolicy),
	},
	{
		Kind: KindRequestAuthentication, Configuration: true, Resource: securityv1.SchemeGroupVersion.WithResource("requestauthentications"),
		OtherVersions: []string{"v1beta1"}, Optional: true, Authored: true, Traced: true, ForServers: true,
		converter: converterOf(convertRequestAuthentication),
		codec:     codecOf(requestAuthenticationField, storeRequestAuthentication, loadRequestAuthentication),
	},
}

// Protects reports whether objects of the kind protect servers.
func (r *KindRow) Protects() bool { return r.ForServers && r.Close != nil }

// Row returns the row of the kind, or nil if the kind is not watched.
func (k Kind) Row() *KindRow {
	for _, row := range Kinds {
		if row.Kind == k {
			return row
		}
	}
	return nil
}

// Authored yields the rows of the kinds that people write as configuration of the mesh.
func Authored() iter.Seq[*KindRow] {
	return func(yield func(*KindRow) bool) {
		for _, row := range Kinds {
			if row.Authored && !yield(row) {
				return
			}
		}
	}
}

// InFiles yields the rows of the kinds that are read from files.
func InFiles() iter.Seq[*KindRow] {
	return func(yield func(*KindRow) bool) {
		for _, row := range Kinds {
			if !row.Live && !yield(row) {
				return
			}
		}
	}
}

// RowOf returns the row of an object in a file, or nil if its kind is not read from files in that version.
func RowOf(apiVersion, kind string) *KindRow {
	row := Kind(kind).Row()
	if row != nil && row.Live {
		return nil
	}
	if row == nil || apiVersion == row.Resource.GroupVersion().String() {
		return row
	}
	group, version, _ := strings.Cut(apiVersion, "/")
	if group != row.Resource.Group || !slices.Contains(row.OtherVersions, version) {
		return nil
	}
	return row
}

// converter makes values of the objects of a kind.
type converter struct {
	// New makes an empty typed object.
	New func() metav1.Object
	// Convert converts a typed object for the assembler. It is pure, and retains only strings and messages of the
	// object.
	Convert func(typed metav1.Object, domain string) Object
}

func converterOf[T any, P interface {
	*T
	metav1.Object
}](convert func(typed P, domain string) Object,
) converter {
	return converter{
		New: func() metav1.Object { return P(new(T)) },
		Convert: func(typed metav1.Object, domain string) Object {
			return convert(typed.(P), domain) // another type is a bug; the informer recovers
		},
	}
}

// Decode fills a typed object from plain values, matching names exactly.
func Decode(value any, typed metav1.Object) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return kjson.Unmarshal(data, typed)
}
