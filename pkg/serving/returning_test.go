package serving_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// subsetNamed makes a host all of whose calls go to one subset.
func subsetNamed(subset string) []string {
	return []string{aService("cart"), `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: demo, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
`, fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: demo}
spec: {host: cart, subsets: [{name: %s}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: demo}
spec: {hosts: [cart], http: [{route: [{destination: {host: cart, subset: %s}}]}]}
`, subset, subset)}
}

const cartRoutes = "outbound|8080||cart.demo.svc.cluster.local"

func subsetCluster(subset string) string {
	return "outbound|8080|" + subset + "|cart.demo.svc.cluster.local"
}

// returningClient is a client of the incremental protocol that keeps what it has from one stream to the next.
type returningClient struct {
	session *serving.Session
	has     map[snapshot.Type]map[string]string
}

func (c *returningClient) open(store *serving.Store, node *corev3.Node) {
	c.session = store.Open(serving.ClientInfoOf(node, "", ""), nil)
}

func (c *returningClient) ask(t snapshot.Type, names ...string) {
	c.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), ResourceNamesSubscribe: names, InitialResourceVersions: c.has[t]})
}

// take takes all that is due and acknowledges it. It returns the type and name of each resource that it was sent, or lost, in order.
func (c *returningClient) take() (got []string) {
	for r := c.session.Next(); r != nil; r = c.session.Next() {
		if c.has[r.Type] == nil {
			c.has[r.Type] = map[string]string{}
		}
		for _, v := range r.Resources {
			c.has[r.Type][v.Name] = v.Version
			event := r.Type.ShortName() + " " + v.Name
			if v.Removes() {
				event = "-" + event
			}
			got = append(got, event)
		}
		for _, name := range r.Removed {
			delete(c.has[r.Type], name)
			got = append(got, "-"+r.Type.ShortName()+" "+name)
		}
		c.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
	}
	return got
}

// takeWithin takes what becomes due within a time.
func (c *returningClient) takeWithin(within time.Duration) []string {
	<-time.After(within)
	synctest.Wait()
	return c.take()
}

// TestReturningEnvoy has the subset of a host renamed, with the rule that leads to it, while an Envoy has no stream. When it returns it asks for
// clusters first. It keeps the old cluster until a second after its routes have left it, and its routes until it has the new cluster.
func TestReturningEnvoy(t *testing.T) {
	for name, pairs := range map[string][]string{"by names of routes": nil, "with egress": {"EGRESS", "127.0.0.1:15001"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { returningEnvoy(t, snapshottest.Metadata(append(pairs, "NAMESPACE", "demo")...)) })
		})
	}
}

func returningEnvoy(t *testing.T, metadata *structpb.Struct) {
	store := serving.NewStore(serving.Options{})
	world := snapshottest.Load(t, subsetNamed("v1"))
	store.Publish(world)
	node := &corev3.Node{UserAgentName: "envoy", Metadata: metadata}
	c := &returningClient{has: map[snapshot.Type]map[string]string{}}
	c.open(store, node)
	askForRoutes := func() {
		if metadata.GetFields()["EGRESS"] != nil {
			c.ask(snapshot.ListenerType)
			c.ask(snapshot.ScopeType)
			c.take()
		}
		c.ask(snapshot.RouteType, cartRoutes)
	}
	c.ask(snapshot.ClusterType)
	c.ask(snapshot.EndpointType, subsetCluster("v1"))
	askForRoutes()
	c.take()
	c.session.Close()

	store.Publish(share(world, snapshottest.Load(t, subsetNamed("w1"))))
	c.open(store, node)
	defer c.session.Close()
	c.ask(snapshot.ClusterType)
	if got, want := c.take(), []string{"cds " + subsetCluster("w1")}; !slices.Equal(got, want) {
		t.Errorf("asked for clusters, got %q, want %q", got, want)
	}
	c.ask(snapshot.EndpointType, subsetCluster("v1"))
	if got := c.take(); len(got) > 0 {
		t.Errorf("asked for the old endpoints, got %q, want nothing", got)
	}
	askForRoutes()
	if got := c.take(); len(got) > 0 {
		t.Errorf("asked for routes, got %q before it has the endpoints, want nothing", got)
	}
	if got := c.takeWithin(2 * time.Second); len(got) > 0 {
		t.Errorf("got %q after two seconds, want nothing before the new endpoints", got)
	}
	c.ask(snapshot.EndpointType, subsetCluster("w1"))
	if got, want := c.take(), []string{"eds " + subsetCluster("w1"), "rds " + cartRoutes}; !slices.Equal(got, want) {
		t.Errorf("asked for the new endpoints, got %q, want %q", got, want)
	}
	if got := c.takeWithin(time.Second / 2); len(got) > 0 {
		t.Errorf("got %q within half a second, want nothing", got)
	}
	if got, want := c.takeWithin(time.Second), "-cds "+subsetCluster("v1"); !slices.Contains(got, want) {
		t.Errorf("got %q a second after the routes, want %q", got, want)
	}
}

// returnWith has an Envoy ask for names of a type, and return after the subset was renamed.
func returnWith(t *testing.T, of snapshot.Type, names ...string) *returningClient {
	store := serving.NewStore(serving.Options{})
	world := snapshottest.Load(t, subsetNamed("v1"))
	store.Publish(world)
	c := &returningClient{has: map[snapshot.Type]map[string]string{}}
	c.open(store, shopEnvoy)
	c.ask(of, names...)
	c.take()
	c.session.Close()
	store.Publish(share(world, snapshottest.Load(t, subsetNamed("w1"))))
	c.open(store, shopEnvoy)
	return c
}

// TestReturnWithoutRoutes has a client that does not ask for routes. What is gone is removed from it after five seconds.
func TestReturnWithoutRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := returnWith(t, snapshot.ClusterType)
		defer c.session.Close()
		c.ask(snapshot.ClusterType)
		if got, want := c.take(), []string{"cds " + subsetCluster("w1")}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := c.takeWithin(4 * time.Second); len(got) > 0 {
			t.Errorf("got %q within four seconds, want nothing", got)
		}
		if got, want := c.takeWithin(2*time.Second), []string{"-cds " + subsetCluster("v1")}; !slices.Equal(got, want) {
			t.Errorf("got %q after six seconds, want %q", got, want)
		}
	})
}

// TestReturningAndUnsubscribing has a client give up all clusters while its routes, of which only its claim is known, wait for one. It is
// sent the routes; nothing can be added to those that it has.
func TestReturningAndUnsubscribing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := returnWith(t, snapshot.RouteType, cartRoutes)
		defer c.session.Close()
		c.ask(snapshot.ClusterType, "*", subsetCluster("w1"))
		c.ask(snapshot.EndpointType, subsetCluster("w1"))
		c.ask(snapshot.RouteType, cartRoutes)
		c.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.ClusterType), ResourceNamesUnsubscribe: []string{"*"}})
		got := append(c.take(), c.takeWithin(time.Minute)...)
		if want := []string{"cds " + subsetCluster("w1"), "eds " + subsetCluster("w1"), "rds " + cartRoutes}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
