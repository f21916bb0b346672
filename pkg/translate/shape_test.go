package translate

import (
	"slices"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestListener(t *testing.T) {
	const name = "echo.demo:80"
	service := translatetest.Echo(80)
	r := Listeners(Facts{Service: service}.ProjectListener(name, 80, mesh.Client{})).Listeners[0]
	manager := managerOf(t, r, name)
	if got, want := manager.GetRds().GetRouteConfigName(), resource.RouteName(80, service.Host); got != want {
		t.Errorf("got routes %q, want %q", got, want)
	}
	if !slices.Equal(r.Refs, []mesh.Ref{service.Ref}) {
		t.Errorf("got refs %v, want the Service", r.Refs)
	}
	if manager.GetRds().GetConfigSource().GetAds() == nil {
		t.Error("the config source of the routes is not ADS")
	}
	filters := manager.GetHttpFilters()
	if len(filters) != 2 || filters[0].GetName() != routes.FaultFilter || !filters[0].GetIsOptional() || filters[1].GetName() != routerFilter {
		t.Errorf("got filters %v, want an optional fault and the router", filters)
	}
}

func TestNotFoundListener(t *testing.T) {
	const name = "nobody:80"
	for kind, want := range map[mesh.ClientKind]string{
		mesh.GRPCGo: resource.UnknownDomain, mesh.GRPCJava: resource.UnknownDomain, mesh.GRPCCore: resource.UnknownDomain, mesh.GRPCRust: resource.UnknownDomain,
		mesh.GRPCNode: resource.AnyDomain, mesh.UnknownClient: resource.AnyDomain,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			client := mesh.Client{Kind: kind, Version: "1.85.0", Missing: mesh.FeaturesMissingIn(kind, "1.85.0")}
			table := managerOf(t, NotFoundListener(name, client), name).GetRouteConfig()
			routes := 0
			if kind == mesh.GRPCCore {
				routes = 1 // which makes calls fail
			}
			if len(table.GetVirtualHosts()) != 1 || len(table.GetVirtualHosts()[0].GetRoutes()) != routes {
				t.Fatalf("got %v, want one virtual host with %d routes", table, routes)
			}
			if got := table.GetVirtualHosts()[0].GetDomains(); len(got) != 1 || got[0] != want {
				t.Errorf("got domains %q, want %q", got, want)
			}
		})
	}
}

// TestNotFoundListenerForOldNode has a client that does not come back from a listener with routes in it look for them elsewhere, and find none.
func TestNotFoundListenerForOldNode(t *testing.T) {
	for version, want := range map[string]string{"1.10.1": "outbound|80||" + resource.UnknownDomain, "1.13.0": ""} {
		listener := NotFoundListener("nobody:80", mesh.Client{Kind: mesh.GRPCNode, Version: version})
		if got := managerOf(t, listener, "nobody:80").GetRds().GetRouteConfigName(); got != want {
			t.Errorf("%s: got the route table %q, want %q", version, got, want)
		}
	}
}

func managerOf(t *testing.T, r resource.Resource, name string) *hcmv3.HttpConnectionManager {
	t.Helper()
	listener := r.Message.(*listenerv3.Listener)
	if r.Name != name || listener.GetName() != name {
		t.Errorf("got names %q and %q, want %q as it was dialed", r.Name, listener.GetName(), name)
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	return manager
}

// TestNotFoundEndpoints: clients that would go on calling the last endpoints of a subset that is gone get one that refuses.
func TestNotFoundEndpoints(t *testing.T) {
	for client, want := range map[mesh.Client]int{
		{Kind: mesh.GRPCJava, Version: "1.75.0"}: 0, {Kind: mesh.GRPCJava, Version: "1.76.0"}: 1, {Kind: mesh.GRPCGo, Version: "1.85.0"}: 0,
		{Kind: mesh.JavaAgent}: 0, {Kind: mesh.Envoy}: 0, {}: 0,
	} {
		cla := NotFoundEndpoints("outbound|80|v1|echo.demo.svc.cluster.local", client).Message.(*endpointv3.ClusterLoadAssignment)
		if got := len(cla.GetEndpoints()); got != want || !resource.IsEmpty(cla) {
			t.Errorf("%s %s: got %d localities, want %d that refuse", client.Kind, client.Version, got, want)
		}
	}
}
