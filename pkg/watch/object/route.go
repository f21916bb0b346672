package object

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	networking "istio.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Route is what is kept of a GRPCRoute or HTTPRoute that has parents with hosts, or has entries of mesh.ControllerName in
// its status. Its rules are compiled to rules of VirtualServices.
type Route struct {
	Written mesh.Route
	// Annotations are those that are read.
	Annotations map[string]string
	Created     time.Time
	// Domain is the domain that the names of Services were completed with.
	Domain  string
	Parents []mesh.ParentRef
	// Rules has a rule for each match, in the order of the spec. None of them has a port.
	Rules []RouteRule
}

// RouteRule is the compiled form of one match of a Route.
type RouteRule struct {
	// Rule is read-only. Without an action, its calls fail: there is no Service to which they could go.
	Rule *networking.HTTPRoute
	// Rank decides which of several matches of a call applies: the one with the larger rank, compared number by number.
	Rank   [5]int
	Author *mesh.Author
}

// Equal reports whether two Routes are equal. What is compiled depends on the rest.
func (r *Route) Equal(o *Route) bool {
	return r.Written.Ref == o.Written.Ref && r.Created.Equal(o.Created) && r.Domain == o.Domain && maps.Equal(r.Annotations, o.Annotations) &&
		slices.Equal(r.Parents, o.Parents) && reflect.DeepEqual(r.Written.Spec, o.Written.Spec)
}

// ParentHost returns the host of a parent; empty for a ServiceEntry, which has a list.
func (r *Route) ParentHost(parent mesh.ParentRef) string {
	switch Kind(parent.Kind) {
	case KindServiceEntry:
		return ""
	case KindServiceImport:
		return serviceHost(parent.Name, r.ParentNamespace(parent), clusterSetDomain)
	default:
		return serviceHost(parent.Name, r.ParentNamespace(parent), r.Domain)
	}
}

// ParentNamespace returns the namespace of a parent.
func (r *Route) ParentNamespace(parent mesh.ParentRef) string {
	return cmp.Or(parent.Namespace, r.Written.Ref.Namespace)
}

// Consumer reports whether the Route applies only to clients of its own namespace, because the parent is in another one.
func (r *Route) Consumer(parent mesh.ParentRef) bool {
	return r.ParentNamespace(parent) != r.Written.Ref.Namespace
}

// Matches returns the number of matches of each rule. A rule without matches has one, for all calls.
func (r *Route) Matches() (counts []int) {
	switch spec := r.Written.Spec.(type) {
	case *gatewayv1.GRPCRouteSpec:
		for i := range spec.Rules {
			counts = append(counts, max(1, len(spec.Rules[i].Matches)))
		}
	case *gatewayv1.HTTPRouteSpec:
		for i := range spec.Rules {
			counts = append(counts, max(1, len(spec.Rules[i].Matches)))
		}
	}
	return counts
}

func serviceHost(name, namespace, domain string) string {
	return Intern(name + "." + namespace + ".svc." + domain)
}

// gatewayResource returns a resource of the Gateway API.
func gatewayResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: gatewayv1.GroupName, Version: gatewayv1.GroupVersion.Version, Resource: name}
}

// routeAnnotations are the annotations of Routes that are read.
var routeAnnotations = []string{mesh.AnnotationTimeout, mesh.AnnotationRetries}

// convertRoute makes the part of an object that is the same for all kinds of Routes. It returns nil, and an object without
// a value, if the Route is not Mizzen's. The caller compiles the rules.
func convertRoute(kind Kind, meta *metav1.ObjectMeta, spec any, common *gatewayv1.CommonRouteSpec, status gatewayv1.RouteStatus, domain string) (Object, *Route) {
	out := newObject(kind, meta)
	r := &Route{Written: mesh.Route{Ref: out.Key.Ref(), Spec: spec}, Created: created(meta), Domain: domain, Annotations: map[string]string{}}
	r.Parents = parentsOf(common, &out)
	ours := slices.ContainsFunc(status.Parents, func(p gatewayv1.RouteParentStatus) bool { return p.ControllerName == mesh.ControllerName })
	if len(r.Parents) == 0 && !ours {
		return out, nil
	}
	for _, name := range routeAnnotations {
		if text, ok := meta.Annotations[name]; ok {
			r.Annotations[name] = text
		}
	}
	out.Value = r
	return out, r
}

func valueOr[T any](p *T, unset T) T {
	if p == nil {
		return unset
	}
	return *p
}
