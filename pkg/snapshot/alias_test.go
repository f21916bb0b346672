package snapshot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// aliases is a Service with two ports whose names decide nothing, and other names for it. VirtualServices may follow.
const aliases = `apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: fin%s}
spec: {ports: [{name: a, port: 7300}, {name: b, port: 7301}]}
---
apiVersion: v1
kind: Service
metadata: {name: billing, namespace: shop}
spec: {type: ExternalName, externalName: ledger.fin.svc, ports: [{name: main, port: 7301}]}
---
apiVersion: v1
kind: Service
metadata: {name: bare, namespace: shop}
spec: {type: ExternalName, externalName: ledger.fin.svc}
---
apiVersion: v1
kind: Service
metadata: {name: pod, namespace: shop}
spec: {type: ExternalName, externalName: ledger-0.ledger.fin.svc, ports: [{port: 7300}]}
%s`

const billingRules = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: billing, namespace: shop}
spec: {hosts: [billing], exportTo: [.], http: [{route: [{destination: {host: bare, subset: own, port: {number: 7300}}}]}]}
`

const ledgerRules = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ledger, namespace: fin}
spec: {hosts: [ledger], http: [{route: [{destination: {host: ledger, subset: all, port: {number: 7300}}}]}]}
`

// TestAliases checks to which cluster the calls to each name go; empty for a name that does not exist.
func TestAliases(t *testing.T) {
	const hidden = `, annotations: {networking.istio.io/exportTo: "."}`
	tests := []struct{ annotations, rules, namespace, dialed, want string }{
		{"", "", "shop", "billing", "outbound|7301||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "billing:7300", "outbound|7300||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "billing:main", "outbound|7301||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "billing:a", "outbound|7300||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "billing:7302", ""},
		{"", "", "fin", "billing.shop.svc.cluster.local.:7301", "outbound|7301||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "bare", ""}, // one of two ports
		{"", "", "shop", "bare:b", "outbound|7301||ledger.fin.svc.cluster.local"},
		{"", "", "shop", "pod", "outbound|7300||ledger-0.ledger.fin.svc.cluster.local"},
		{"", "", "shop", "pod:b", "outbound|7301||ledger-0.ledger.fin.svc.cluster.local"},
		{"", billingRules, "shop", "billing", "outbound|7300|own|ledger.fin.svc.cluster.local"},
		{"", billingRules, "fin", "billing.shop", "outbound|7301||ledger.fin.svc.cluster.local"}, // not exported
		{"", ledgerRules, "shop", "billing", "outbound|7300|all|ledger.fin.svc.cluster.local"},
		{"", ledgerRules, "shop", "bare:b", "outbound|7300|all|ledger.fin.svc.cluster.local"},
		{"", ledgerRules, "shop", "pod", "outbound|7300||ledger-0.ledger.fin.svc.cluster.local"},
		{"", ledgerRules + billingRules, "shop", "billing", "outbound|7300|own|ledger.fin.svc.cluster.local"},
		{"", ledgerRules + billingRules, "fin", "billing.shop", "outbound|7300|all|ledger.fin.svc.cluster.local"},
		{hidden, "", "shop", "billing", "outbound|7301||ledger.fin.svc.cluster.local does not exist"},
	}
	for _, test := range tests {
		s := snapshot.New(snapshottest.Load(t, []string{fmt.Sprintf(aliases, test.annotations, test.rules)}))
		if got := clusterOf(t, s, test.dialed, test.namespace); got != test.want {
			t.Errorf("%s dialed from %s goes to %q, want %q", test.dialed, test.namespace, got, test.want)
		}
	}
}

// clusterOf returns the cluster to which the calls to a name go.
func clusterOf(t *testing.T, s *snapshot.Snapshot, dialed, namespace string) string {
	t.Helper()
	client := mesh.Client{Namespace: namespace}
	listener := s.Resource(snapshot.ListenerType, dialed, client)
	if listener.NotFound {
		return ""
	}
	var manager hcmv3.HttpConnectionManager
	if err := unmarshal[*listenerv3.Listener](t, listener).GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	routes := unmarshal[*routev3.RouteConfiguration](t, s.Resource(snapshot.RouteType, manager.GetRds().GetRouteConfigName(), client))
	name := routes.GetVirtualHosts()[0].GetRoutes()[0].GetRoute().GetCluster()
	port, subset, host, _ := resource.ParseName(name)
	if subset == "" && s.Resource(snapshot.EndpointType, resource.ClusterName(port, subset, host), client).NotFound && !strings.HasPrefix(host, "ledger-0") {
		return name + " does not exist"
	}
	return name
}

func unmarshal[M proto.Message](t *testing.T, v *snapshot.Versioned) M {
	t.Helper()
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	return message.(M)
}

// TestAliasHasNoClusters: a wildcard subscription has the Listeners and the routes of an alias. The routes name the clusters
// of the Service.
func TestAliasHasNoClusters(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{fmt.Sprintf(aliases, "", "")}))
	for _, typ := range snapshot.Types {
		want := typ == snapshot.ListenerType || typ == snapshot.RouteType
		has := slices.ContainsFunc(s.Names(typ, mesh.Client{Namespace: "shop"}), func(name string) bool { return strings.Contains(name, "billing") })
		if has != want {
			t.Errorf("an alias has %s: %t, want %t", typ.ShortName(), has, want)
		}
	}
}
