package serving_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const serverListener = "grpc/server?xds.resource.listening_address=[::]:50051"

// ofPod is a proven client in a pod whose servers are configured by xDS.
func ofPod(name string) serving.ClientInfo {
	return serving.ClientInfo{
		NodeID: name, Identity: "pod/shop/" + name, Proof: "token", Account: mesh.Account{Namespace: "shop", Name: "cart"},
		Client: mesh.Client{Namespace: "shop", Kind: mesh.GRPCGo, Providers: mesh.MakeProviders("default"), Labels: mesh.MakeLabels(map[string]string{
			mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS,
		})},
	}
}

// TestSilentServers has a pod in which no server asks for a Listener, and one in which another stream does.
func TestSilentServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		store.Publish(snapshottest.Load(t, nil))
		states := func() []string {
			all := []string{}
			for _, s := range store.Servers() {
				all = append(all, fmt.Sprintf("%s %d %s", s.Identity, s.Port, s.State))
			}
			return all
		}
		quiet, client, server := store.Open(ofPod("quiet-0"), nil), store.Open(ofPod("cart-0"), nil), store.Open(ofPod("cart-0"), nil)
		defer quiet.Close()
		defer client.Close()
		defer server.Close()
		server.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{serverListener}})
		server.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{serverListener}, Nonce: server.Next().Nonce})
		if diff := cmp.Diff([]string{"pod/shop/cart-0 50051 in force"}, states()); diff != "" {
			t.Errorf("at first (-want +got):\n%s", diff)
		}
		before := store.StatusRevision()
		<-time.After(31 * time.Second) // in the time of the bubble
		synctest.Wait()
		if diff := cmp.Diff([]string{"pod/shop/cart-0 50051 in force", "pod/shop/quiet-0 0 silent"}, states()); diff != "" {
			t.Errorf("after 31 s (-want +got):\n%s", diff)
		}
		if store.StatusRevision() == before {
			t.Error("the status revision did not change when the pod became silent")
		}
	})
}

// TestClosedServers: why a server takes no calls.
func TestClosedServers(t *testing.T) {
	strict := `{"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "a", "namespace": "shop"}, "spec": {"mtls": {"mode": "STRICT"}}}`
	identity, xds := map[string]string{mesh.LabelIdentity: mesh.IdentitySPIFFE}, map[string]string{mesh.LabelServer: mesh.ServerXDS}
	both := map[string]string{mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS}
	for want, test := range map[string]struct {
		labels    map[string]string
		providers mesh.Providers
	}{
		"":                                       {both, mesh.MakeProviders(mesh.MeshProvider)},
		"it has no label mizzen.dev/server: xds": {identity, mesh.MakeProviders(mesh.MeshProvider)},
		"it has no label mizzen.dev/identity: spiffe":              {xds, mesh.MakeProviders(mesh.MeshProvider)},
		`its bootstrap declares no certificate provider "default"`: {both, ""},
	} {
		t.Run(want, func(t *testing.T) {
			store := serving.NewStore(serving.Options{})
			store.Publish(snapshottest.Load(t, []string{strict}))
			info := ofPod("cart-0")
			info.Client.Labels, info.Client.Providers = mesh.MakeLabels(test.labels), test.providers
			session := store.Open(info, nil)
			defer session.Close()
			session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{serverListener}})
			states := store.Servers()
			if len(states) != 1 || !strings.HasSuffix(states[0].Reason, want) || (want == "") != (states[0].Reason == "") {
				t.Errorf("got %+v, want the reason %q", states, want)
			}
		})
	}
}

// TestRejectedListener: what an operator does about a Listener that servers reject.
func TestRejectedListener(t *testing.T) {
	const nodeText = "Listener xds.resource.listening_address validation failed: rbac.deny filter validation failed"
	policy := `{"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "a", "namespace": "shop"}, "spec": {}}`
	for name, test := range map[string]struct {
		kind         mesh.ClientKind
		reason, want string
	}{
		"Node without the variable": {mesh.GRPCNode, nodeText, "Set the variable GRPC_XDS_EXPERIMENTAL_RBAC=true in the containers of the servers, and restart them."},
		"Node, another reason":      {mesh.GRPCNode, "bad port", "Edit the object to retry."},
		"Go":                        {mesh.GRPCGo, nodeText, "Edit the object to retry."},
	} {
		t.Run(name, func(t *testing.T) {
			store := serving.NewStore(serving.Options{})
			store.Publish(snapshottest.Load(t, []string{policy}))
			info := ofPod("cart-0")
			info.Client.Kind = test.kind
			session := store.Open(info, nil)
			defer session.Close()
			session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{serverListener}})
			session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{serverListener}, Nonce: session.Next().Nonce, Refusal: &statuspb.Status{Message: test.reason}})
			var got []string
			for _, p := range store.Problems() {
				if p.Code == mesh.CodeRefused {
					got = append(got, p.Message)
				}
			}
			if len(got) != 1 || !strings.Contains(got[0], " "+test.want+" Servers: ") {
				t.Errorf("got %q, want one with %q", got, test.want)
			}
		})
	}
}

// TestMergeServers: a pod is silent only if no replica knows a server in it.
func TestMergeServers(t *testing.T) {
	silent := func(pod, replica string) serving.ServerState {
		return serving.ServerState{Identity: pod, State: serving.Silent, Replica: replica}
	}
	got := serving.MergeServers([]serving.ServerState{
		silent("pod/a/b", "1"), {Identity: "pod/a/c", Port: 80, State: serving.InForce, Replica: "2"}, silent("pod/a/c", "1"), silent("pod/a/b", "2"),
	})
	want := []serving.ServerState{silent("pod/a/b", "1"), {Identity: "pod/a/c", Port: 80, State: serving.InForce, Replica: "2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}

// called has a Service with mTLS for each number, and policies that allow few accounts.
func called(services, policies int) []string {
	var objects []string
	for i := range services {
		name := fmt.Sprintf("s%d", i)
		objects = append(objects, fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {selector: {app: %[1]s}, ports: [{name: grpc, port: 80}]}\n", name),
			fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s, namespace: shop, labels: {kubernetes.io/service-name: %[1]s}}\naddressType: IPv4\n"+
				"ports: [{name: grpc, port: 8080}]\nendpoints: [{addresses: [10.0.%d.%d], targetRef: {kind: Pod, namespace: shop, name: %[1]s}}]\n", name, i/250, i%250+1),
			fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: shop, labels: {app: %[1]s, mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}\n"+
				"spec: {serviceAccountName: %[1]s, containers: [{name: a, image: a}]}\nstatus: {podIP: 10.0.%d.%d}\n", name, i/250, i%250+1))
	}
	for i := range policies {
		objects = append(objects, fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p%d, namespace: shop}\n"+
			"spec: {selector: {matchLabels: {app: s%[1]d}}, rules: [{from: [{source: {serviceAccounts: [web/a%[1]d]}}]}]}\n", i))
	}
	return objects
}

// subscribeAll opens streams of as many accounts, each of which subscribes to the clusters of some of the Services.
func subscribeAll(store *serving.Store, accounts, services, each int) {
	for i := range accounts {
		session := store.Open(serving.ClientInfo{
			NodeID: fmt.Sprintf("c%d", i), Account: mesh.Account{Namespace: "web", Name: fmt.Sprintf("a%d", i)},
			Client: mesh.Client{Namespace: "web", Providers: mesh.MakeProviders("default")},
		}, nil)
		var names []string
		for j := range each {
			names = append(names, fmt.Sprintf("outbound|80||s%d.shop.svc.cluster.local", (i+j)%services))
		}
		session.Request(&serving.Request{Type: snapshot.ClusterType, Names: names})
	}
}

func TestPoliciesCountCallers(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, called(3, 2)))
	subscribeAll(store, 3, 3, 3)
	var got []string
	for _, p := range store.Policies() {
		for _, c := range p.Callers {
			got = append(got, fmt.Sprintf("%s: %s %v of %v", p.Object.Name, c.To, c.Refused, c.Accounts))
		}
	}
	want := []string{
		"p0: s0.shop:80 [web/a1 web/a2] of [web/a0 web/a1 web/a2]",
		"p1: s1.shop:80 [web/a0 web/a2] of [web/a0 web/a1 web/a2]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("callers (-want +got):\n%s", diff)
	}
}

// BenchmarkCallers finds what 200 policies do to the clients of 200 Services: 1,000 accounts that each subscribe to 20. It
// does so after an edit of one policy, and again when only clients came or went.
func BenchmarkCallers(b *testing.B) {
	world := snapshottest.Load(b, called(200, 200))
	store := serving.NewStore(serving.Options{})
	store.Publish(world)
	subscribeAll(store, 1000, 200, 20)
	b.Run("after an edit of all", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			fresh := serving.NewStore(serving.Options{})
			fresh.Publish(world)
			subscribeAll(fresh, 1000, 200, 20)
			b.StartTimer()
			fresh.Policies()
		}
	})
	b.Run("after a client has come", func(b *testing.B) {
		for range b.N {
			store.Open(serving.ClientInfo{NodeID: "x"}, nil).Close()
			store.Policies()
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for range b.N {
			store.Policies()
		}
	})
}
