package translate

import (
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestListener(t *testing.T) {
	const name = "echo.demo:80"
	manager := managerOf(t, Listener(name, "outbound|80||echo"), name)
	if got := manager.GetRds().GetRouteConfigName(); got != "outbound|80||echo" {
		t.Errorf("got routes %q, want those asked for", got)
	}
	if manager.GetRds().GetConfigSource().GetAds() == nil {
		t.Error("the routes do not come over the same stream")
	}
	filters := manager.GetHttpFilters()
	if len(filters) != 2 || filters[0].GetName() != faultFilter || !filters[0].GetIsOptional() || filters[1].GetName() != routerFilter {
		t.Errorf("got filters %v, want an optional fault and the router", filters)
	}
}

func TestUnknownListener(t *testing.T) {
	const name = "nobody:80"
	for agent, want := range map[mesh.Agent]string{
		mesh.AgentGRPCGo: unknownDomain, mesh.AgentGRPCJava: unknownDomain, mesh.AgentGRPCCore: unknownDomain, mesh.AgentGRPCRust: unknownDomain,
		mesh.AgentGRPCNode: anyDomain, mesh.AgentUnknown: anyDomain, mesh.AgentEnvoy: anyDomain,
	} {
		t.Run(agent.String(), func(t *testing.T) {
			table := managerOf(t, UnknownListener(name, agent), name).GetRouteConfig()
			routes := 0
			if agent == mesh.AgentGRPCCore {
				routes = 1 // that nobody takes
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

func managerOf(t *testing.T, r Resource, name string) *hcmv3.HttpConnectionManager {
	t.Helper()
	listener := r.Message.(*listenerv3.Listener)
	if r.Name != name || listener.GetName() != name {
		t.Errorf("got names %q and %q, want %q as it was asked for", r.Name, listener.GetName(), name)
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	return manager
}
