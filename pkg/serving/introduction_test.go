package serving_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
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
	expect("the edit is taken back, and the client does not know the Cluster", "1 of 1 pending ", 1, 5)
	<-time.After(5 * time.Second)
	synctest.Wait()
	c.settle(t)
	expect("the wait for the client is over", "0 of 1 pending ", 3, 15)

	publish("a")
	introduction = c.session.Next()
	publish("b")
	c.nonces[introduction.Type] = introduction.Nonce
	c.request(introduction.Type, &statuspb.Status{Message: "no"})
	c.settle(t)
	expect("the edit is taken back, and the client rejects the introduction", "0 of 1 pending ", 5, 15)
}

// expectSync returns a function that has the client answer all responses, and compares the sync status of the VirtualService.
func expectSync(t *testing.T, store *serving.Store, c *client) func(when, want string) {
	t.Helper()
	return func(when, want string) {
		t.Helper()
		synctest.Wait()
		c.settle(t)
		if got := objectSync(t, store, "VirtualService", "echo"); got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
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
		expect := expectSync(t, store, c)
		expect("the client has acknowledged everything", "1 of 1 pending ")
		<-time.After(199 * time.Millisecond)
		expect("before the pause is over", "1 of 1 pending ")
		<-time.After(time.Millisecond)
		expect("after the pause", "0 of 1 pending ")
	})
}

// TestIntroducedAgain has a client that is late: it acknowledges the routes which introduce a Cluster, leaves the Cluster because of
// the routes before, and asks for it again. The pause begins when it has it again.
func TestIntroducedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		publish := func(subset string) { store.Publish(snapshottest.Load(t, routedTo(subset))) }
		publish("a")
		c := newClient(t, store, "demo")
		const name = "outbound|8080|b|echo.demo.svc.cluster.local"
		subscribe := func(typ snapshot.Type, names ...string) {
			t.Helper()
			for range 2 { // The second request acknowledges the response to the first one.
				c.session.Request(&serving.Request{Type: typ, Names: append(slices.Clone(subscriptions[typ]), names...), Nonce: c.nonces[typ]})
				r := c.session.Next()
				if r == nil {
					break
				}
				c.nonces[r.Type] = r.Nonce
			}
		}
		for _, typ := range []snapshot.Type{snapshot.ClusterType, snapshot.EndpointType} {
			subscribe(typ, name)
		}
		publish("b")
		expect := expectSync(t, store, c)
		expect("the client has acknowledged everything", "1 of 1 pending ")
		<-time.After(150 * time.Millisecond)
		for _, names := range [][]string{nil, {name}} {
			subscribe(snapshot.ClusterType, names...)
			subscribe(snapshot.EndpointType, names...)
		}
		<-time.After(199 * time.Millisecond)
		expect("before the pause is over that began again", "1 of 1 pending ")
		<-time.After(time.Millisecond)
		expect("after the pause", "0 of 1 pending ")
	})
}

// TestWeightRaisedAtOnce has routes name a Cluster with the weight 0, and an edit raise the weight before the client has the Cluster.
func TestWeightRaisedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		publish := func(route string) {
			objects := routedTo("a")
			objects[2] = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\nspec: {hosts: [echo], http: [{route: [" + route + "]}]}\n"
			store.Publish(snapshottest.Load(t, objects))
		}
		const first, second = "{destination: {host: echo}, weight: 100}", "{destination: {host: echo, subset: b}, weight: 0}"
		publish(first)
		c := newClient(t, store, "demo")
		publish(first + ", " + second)
		c.settle(t)
		publish(first + ", {destination: {host: echo, subset: b}, weight: 50}")
		expect := expectSync(t, store, c)
		expect("the client does not have the Cluster", "1 of 1 pending ")
		<-time.After(4 * time.Second)
		expect("the client does not have the Cluster yet", "1 of 1 pending ")
		<-time.After(time.Second)
		expect("the wait for the client is over", "0 of 1 pending ")
	})
}

// TestTakenBackWhileIntroduced has an edit taken back while the client is about to subscribe to the Cluster that the edit
// names. The client is sent the routes without the Cluster only when it has acknowledged the Cluster and its endpoints.
func TestTakenBackWhileIntroduced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		publish := func(subset string) { store.Publish(snapshottest.Load(t, routedTo(subset))) }
		publish("a")
		c := newClient(t, store, "demo")
		publish("b")
		c.settle(t)
		publish("a")
		expect := func(when, want string) {
			t.Helper()
			synctest.Wait()
			if r := c.session.Next(); r != nil {
				t.Fatalf("%s: got a response of %s, want none", when, r.Type.ShortName())
			}
			if got := objectSync(t, store, "VirtualService", "echo"); got != want {
				t.Errorf("%s: got %q, want %q", when, got, want)
			}
		}
		expect("the client has acknowledged the routes", "1 of 1 pending ")
		for _, typ := range []snapshot.Type{snapshot.ClusterType, snapshot.EndpointType} {
			names := append(slices.Clone(subscriptions[typ]), "outbound|8080|b|echo.demo.svc.cluster.local")
			request := func() {
				c.session.Request(&serving.Request{Type: typ, Names: slices.Clone(names), Nonce: c.nonces[typ]})
			}
			request()
			r := c.session.Next()
			if r == nil || r.Type != typ {
				t.Fatalf("got response %v, want one of %s", r, typ.ShortName())
			}
			expect("the client has the "+typ.ShortName(), "1 of 1 pending ")
			c.nonces[typ] = r.Nonce
			request()
		}
		c.settle(t)
		if got := objectSync(t, store, "VirtualService", "echo"); got != "0 of 1 pending " {
			t.Errorf("the client has acknowledged everything: got %q", got)
		}
	})
}
