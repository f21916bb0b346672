package object

import (
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// storedRoute is what a Route is converted from. Loading it converts it again.
type storedRoute struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	Domain      string            `json:"domain"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Spec        json.RawMessage   `json:"spec"`
}

func grpcRouteField(o *storedObject) **storedRoute { return &o.GRPCRoute }

func httpRouteField(o *storedObject) **storedRoute { return &o.HTTPRoute }

func storeRoute(r *Route) (*storedRoute, error) {
	ref := r.Written.Ref
	spec, err := json.Marshal(r.Written.Spec)
	return &storedRoute{Namespace: ref.Namespace, Name: ref.Name, Domain: r.Domain, Created: r.Created, Annotations: r.Annotations, Spec: spec}, err
}

func (s *storedRoute) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, CreationTimestamp: metav1.Time{Time: s.Created}, Annotations: s.Annotations}
}

// storedStatus makes a Route be kept whatever its parents are.
var storedStatus = gatewayv1.RouteStatus{Parents: []gatewayv1.RouteParentStatus{{ControllerName: mesh.ControllerName}}}

func loadGRPCRoute(s *storedRoute) (*Route, error) {
	typed := &gatewayv1.GRPCRoute{ObjectMeta: s.meta(), Status: gatewayv1.GRPCRouteStatus{RouteStatus: storedStatus}}
	if err := json.Unmarshal(s.Spec, &typed.Spec); err != nil {
		return nil, err
	}
	return loadedRoute(convertGRPCRoute(typed, s.Domain))
}

func loadHTTPRoute(s *storedRoute) (*Route, error) {
	typed := &gatewayv1.HTTPRoute{ObjectMeta: s.meta(), Status: gatewayv1.HTTPRouteStatus{RouteStatus: storedStatus}}
	if err := json.Unmarshal(s.Spec, &typed.Spec); err != nil {
		return nil, err
	}
	return loadedRoute(convertHTTPRoute(typed, s.Domain))
}

// loadedRoute returns the value of an object that was converted again.
func loadedRoute(o Object) (*Route, error) {
	if route, ok := o.Value.(*Route); ok {
		return route, nil
	}
	return nil, fmt.Errorf("%s has no value", o.Key.Ref())
}
