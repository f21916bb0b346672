package serving_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// routedTo has a VirtualService whose routes name that subset, to which no client of these tests subscribes.
func routedTo(subset string) []string {
	return []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\n" +
			"spec: {host: echo, subsets: [{name: a, labels: {}}, {name: b, labels: {}}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\n" +
			"spec: {hosts: [echo], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: echo, subset: " + subset + "}}]}, " +
			"{route: [{destination: {host: echo}}]}]}\n",
	}
}

// TestIntroducedRoutesArePending has a client that accepts the routes which introduce a Cluster. The edit is pending, and
// the change is counted as received when the client has accepted the new routes. It is counted, too, if the client does
// not need them any more.
func TestIntroducedRoutesArePending(t *testing.T) { synctest.Test(t, introduceRoutes) }

func introduceRoutes(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	publish := func(subset string) { store.Publish(snapshottest.Load(t, routedTo(subset))) }
	expect := func(when, sync string, count uint64, sum float64) {
		t.Helper()
		if n, s := histogram(t, registry, "mizzen_propagation_seconds"); n != count || s != sum {
			t.Errorf("%s: got %d changes and %v seconds, want %d and %v", when, n, s, count, sum)
		}
		if got := objectSync(t, store, "VirtualService", "echo"); got != sync {
			t.Errorf("%s: got %q, want %q", when, got, sync)
		}
	}
	publish("a")
	c := newClient(t, store, "demo")
	publish("b")
	c.settle(t)
	expect("the Cluster is introduced", "1 of 1 pending ", 0, 0)
	<-time.After(5 * time.Second)
	synctest.Wait()
	c.settle(t)
	expect("the client has the new routes", "0 of 1 pending ", 1, 5)

	publish("a")
	introduction := c.session.Next()
	publish("b")
	c.nonces[introduction.Type] = introduction.Nonce
	c.request(introduction.Type, nil)
	c.settle(t)
	expect("the edit is taken back, and the client answers", "0 of 1 pending ", 3, 5)

	publish("a")
	introduction = c.session.Next()
	publish("b")
	c.nonces[introduction.Type] = introduction.Nonce
	c.request(introduction.Type, &statuspb.Status{Message: "no"})
	c.settle(t)
	expect("the edit is taken back, and the client rejects the introduction", "0 of 1 pending ", 5, 5)
}

// TestIntroductionPause has routes name a Cluster that the client has acknowledged for the routes of another host. The
// balancer of this host may get it only now.
func TestIntroductionPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		publish := func(to string) {
			store.Publish(snapshottest.Load(t, []string{
				"apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
				"apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
				"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\n" +
					"spec: {hosts: [echo], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: " + to + "}}]}, " +
					"{route: [{destination: {host: echo}}]}]}\n",
			}))
		}
		publish("echo")
		c := newClient(t, store, "demo")
		publish("cart")
		expect := func(when, want string) {
			t.Helper()
			synctest.Wait()
			c.settle(t)
			if got := objectSync(t, store, "VirtualService", "echo"); got != want {
				t.Errorf("%s: got %q, want %q", when, got, want)
			}
		}
		expect("the client has acknowledged everything", "1 of 1 pending ")
		<-time.After(199 * time.Millisecond)
		expect("before the pause is over", "1 of 1 pending ")
		<-time.After(time.Millisecond)
		expect("after the pause", "0 of 1 pending ")
	})
}
