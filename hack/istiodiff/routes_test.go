package istiodiff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"istio.io/istio/pilot/pkg/config/kube/gateway"
	"istio.io/istio/pilot/pkg/model"
	kubecontroller "istio.io/istio/pilot/pkg/serviceregistry/kube/controller"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/kube/krt"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/pkg/consts"
)

// ofGatewayAPI reports whether there is an object of the Gateway API.
func ofGatewayAPI(objects []runtime.Object) bool {
	for _, o := range objects {
		if strings.HasPrefix(o.GetObjectKind().GroupVersionKind().Group, "gateway.networking.") {
			return true
		}
	}
	return false
}

// newRoutes makes istiod's controller that turns Routes into VirtualServices.
func newRoutes(t *testing.T, client kube.CLIClient, updater model.XDSUpdater) *gateway.Controller {
	for _, kind := range []schema.GroupVersionResource{
		gvr.KubernetesGateway, gvr.ReferenceGrant, gvr.ListenerSet, gvr.GatewayClass, gvr.HTTPRoute, gvr.GRPCRoute, gvr.TCPRoute,
		gvr.TLSRoute, gvr.ServiceEntry, gvr.XBackendTrafficPolicy, gvr.BackendTLSPolicy, gvr.InferencePool,
	} {
		clienttest.MakeCRDWithAnnotations(t, client, kind, map[string]string{consts.BundleVersionAnnotation: consts.BundleVersion})
	}
	options := kubecontroller.Options{DomainSuffix: "cluster.local", ClusterID: cluster, KrtDebugger: krt.GlobalDebugHandler}
	return gateway.NewController(client, func(schema.GroupVersionResource, <-chan struct{}) bool { return true }, options, updater)
}

// settle waits until the controller of the Gateway API has done its work, which no event ends, and has istiod read it.
func settle(env *model.Environment) {
	for last, unchanged := "", 0; unchanged < 10; unchanged++ {
		if text := fmt.Sprint(env.VirtualServiceController.MergedVirtualServices()); text != last {
			last, unchanged = text, 0
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // istiod says nothing
	}
	push := model.NewPushContext()
	push.InitContext(env, nil, nil)
	env.SetPushContext(push)
}

// completeRoute sets what the API server sets in a Route that leaves it out.
func completeRoute(o runtime.Object) {
	switch o := o.(type) {
	case *gatewayv1.HTTPRoute:
		completeParents(o.Spec.ParentRefs)
		for i := range o.Spec.Rules {
			rule := &o.Spec.Rules[i]
			if len(rule.Matches) == 0 {
				rule.Matches = []gatewayv1.HTTPRouteMatch{{}}
			}
			for j := range rule.Matches {
				match := &rule.Matches[j]
				if match.Path == nil {
					match.Path = &gatewayv1.HTTPPathMatch{}
				}
				set(&match.Path.Type, gatewayv1.PathMatchPathPrefix)
				set(&match.Path.Value, "/")
				for k := range match.Headers {
					set(&match.Headers[k].Type, gatewayv1.HeaderMatchExact)
				}
				for k := range match.QueryParams {
					set(&match.QueryParams[k].Type, gatewayv1.QueryParamMatchExact)
				}
			}
			for j := range rule.BackendRefs {
				completeBackend(&rule.BackendRefs[j].BackendRef)
			}
		}
	case *gatewayv1.GRPCRoute:
		completeParents(o.Spec.ParentRefs)
		for i := range o.Spec.Rules {
			rule := &o.Spec.Rules[i]
			for j := range rule.Matches {
				if method := rule.Matches[j].Method; method != nil {
					set(&method.Type, gatewayv1.GRPCMethodMatchExact)
				}
				for k := range rule.Matches[j].Headers {
					set(&rule.Matches[j].Headers[k].Type, gatewayv1.GRPCHeaderMatchExact)
				}
			}
			for j := range rule.BackendRefs {
				completeBackend(&rule.BackendRefs[j].BackendRef)
			}
		}
	}
}

func completeParents(all []gatewayv1.ParentReference) {
	for i := range all {
		set(&all[i].Group, gatewayv1.GroupName)
		set(&all[i].Kind, "Gateway")
	}
}

func completeBackend(b *gatewayv1.BackendRef) {
	set(&b.Group, "")
	set(&b.Kind, "Service")
	set(&b.Weight, 1)
}

// set sets a field that has no value.
func set[V any](field **V, value V) {
	if *field == nil {
		*field = &value
	}
}
