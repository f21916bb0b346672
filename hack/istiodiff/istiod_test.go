package istiodiff

import (
	"testing"

	"istio.io/istio/pilot/pkg/config/kube/gateway"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/networking/grpcgen"
	"istio.io/istio/pilot/pkg/serviceregistry"
	kubecontroller "istio.io/istio/pilot/pkg/serviceregistry/kube/controller"
	"istio.io/istio/pilot/pkg/xds"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/test"
	"k8s.io/apimachinery/pkg/runtime"
)

// cluster is what the metadata of injected pods call the cluster.
const cluster = "Kubernetes"

// istiod is istiod's registry, configuration and generators for GENERATOR=grpc, with its default settings.
type istiod struct {
	*core.ConfigGenTest

	generators map[string]model.XdsResourceGenerator
}

func newIstiod(t *testing.T, objects []runtime.Object, configs []config.Config) *istiod {
	t.Helper()
	settings := mesh.DefaultMeshConfig()
	endpoints := model.NewEndpointIndex(model.DisabledCache{})
	updater := model.NewEndpointIndexUpdater(endpoints)
	client := kube.NewFakeClient(objects...)
	registry, _ := kubecontroller.NewFakeControllerWithOptions(t, kubecontroller.FakeControllerOptions{
		Client: client, ClusterID: cluster, DomainSuffix: "cluster.local", XDSUpdater: updater,
		MeshWatcher: meshwatcher.NewTestWatcher(settings), SkipRun: true, ConfigCluster: true,
	})
	options := core.TestOptions{
		Configs: configs, MeshConfig: settings, XDSUpdater: updater, ClusterID: cluster, SkipRun: true,
		ServiceRegistries: []serviceregistry.Instance{registry},
	}
	var routes *gateway.Controller
	if ofGatewayAPI(objects) {
		routes = newRoutes(t, client, updater)
		options.ConfigStoreCaches = []model.ConfigStoreController{routes}
	}
	generator := core.NewConfigGenTest(t, options)
	generator.Env().EndpointIndex = endpoints
	generator.ServiceEntryRegistry.AppendWorkloadHandler(registry.WorkloadInstanceHandler)
	registry.AppendWorkloadHandler(generator.ServiceEntryRegistry.WorkloadInstanceHandler)
	client.RunAndWait(test.NewStop(t))
	if err := generator.Env().InitNetworksManager(updater); err != nil {
		t.Fatal(err)
	}
	if routes != nil {
		generator.Env().GatewayAPIController = routes
		routes.Reconcile(generator.PushContext())
	}
	generator.Run()
	generator.PushContext().InitContext(generator.Env(), nil, nil)
	if routes != nil {
		settle(generator.Env())
	}
	grpc := &grpcgen.GrpcConfigGenerator{}
	return &istiod{generator, map[string]model.XdsResourceGenerator{
		v3.ListenerType: grpc, v3.RouteType: grpc, v3.ClusterType: grpc,
		v3.EndpointType: &xds.EdsGenerator{Cache: model.DisabledCache{}, EndpointIndex: endpoints},
	}}
}
