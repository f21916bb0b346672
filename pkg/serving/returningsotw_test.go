package serving_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// wholeClient is a client of the state-of-the-world protocol. It knows the versions of what it has from one stream to the next.
type wholeClient struct {
	session  *serving.Session
	names    map[snapshot.Type][]string
	versions map[snapshot.Type]string
}

func (c *wholeClient) open(store *serving.Store) {
	node := &corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo")}
	c.session = store.Open(serving.ClientInfoOf(node, "", ""), nil)
}

func (c *wholeClient) ask(t snapshot.Type, names ...string) {
	c.names[t] = names
	c.session.Request(&serving.Request{Type: t, Names: slices.Clone(names), Version: c.versions[t]})
}

// take takes all that is due and acknowledges it. It returns the type and names of each response.
func (c *wholeClient) take() (got []string) {
	for r := c.session.Next(); r != nil; r = c.session.Next() {
		event := r.Type.ShortName()
		for _, v := range r.Resources {
			if event += " " + v.Name; v.Empty {
				event += " (empty)"
			}
		}
		got = append(got, event)
		c.versions[r.Type] = r.Version
		c.session.Request(&serving.Request{Type: r.Type, Names: slices.Clone(c.names[r.Type]), Version: r.Version, Nonce: r.Nonce})
	}
	return got
}

func (c *wholeClient) takeWithin(within time.Duration) []string {
	<-time.After(within)
	synctest.Wait()
	return c.take()
}

// TestReturningEnvoyOfStateOfTheWorld is TestReturningEnvoy by the protocol in which a client loses what a response does not have. The
// response about clusters waits for the names of endpoints, and has the old cluster until a second after the routes have left it.
func TestReturningEnvoyOfStateOfTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		world := snapshottest.Load(t, subsetNamed("v1"))
		store.Publish(world)
		c := &wholeClient{names: map[snapshot.Type][]string{}, versions: map[snapshot.Type]string{}}
		whole, old, renamed := cartRoutes, subsetCluster("v1"), subsetCluster("w1")
		c.open(store)
		c.ask(snapshot.ClusterType)
		c.ask(snapshot.EndpointType, whole, old)
		c.ask(snapshot.RouteType, cartRoutes)
		c.take()
		c.session.Close()

		store.Publish(share(world, snapshottest.Load(t, subsetNamed("w1"))))
		c.open(store)
		defer c.session.Close()
		expect := func(when string, got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s, got %q, want %q", when, got, want)
			}
		}
		c.ask(snapshot.ClusterType)
		expect("asked for clusters", c.take())
		c.ask(snapshot.EndpointType, whole, old)
		expect("asked for the old endpoints", c.take(), "cds "+old+" "+renamed+" "+whole, "eds "+whole)
		c.ask(snapshot.RouteType, cartRoutes)
		expect("asked for routes", c.take())
		expect("two seconds later", c.takeWithin(2*time.Second))
		c.session.Request(&serving.Request{Type: snapshot.EndpointType, Names: []string{whole, old, renamed}})
		c.names[snapshot.EndpointType] = []string{whole, old, renamed}
		expect("asked for the new endpoints", c.take(), "eds "+renamed, "rds "+cartRoutes)
		expect("half a second later", c.takeWithin(time.Second/2))
		if got, want := c.takeWithin(time.Second), "cds "+renamed+" "+whole; !slices.Contains(got, want) {
			t.Errorf("a second after the routes, got %q, want %q", got, want)
		}
	})
}

// TestReturnWithoutEndpoints has a client with clusters that does not ask for endpoints. It is answered after five seconds.
func TestReturnWithoutEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		store.Publish(snapshottest.Load(t, subsetNamed("v1")))
		var woken atomic.Int32
		c := &wholeClient{names: map[snapshot.Type][]string{}, versions: map[snapshot.Type]string{snapshot.ClusterType: "another"}}
		node := &corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo")}
		c.session = store.Open(serving.ClientInfoOf(node, "", ""), func() { woken.Add(1) })
		defer c.session.Close()
		c.ask(snapshot.ClusterType)
		if got := c.takeWithin(4 * time.Second); len(got) > 0 || c.session.Due() {
			t.Errorf("got %q within four seconds, want nothing", got)
		}
		before := woken.Load()
		if got := c.takeWithin(2 * time.Second); len(got) != 1 || woken.Load() == before {
			t.Errorf("got %q after six seconds, want the clusters, and was woken %d times", got, woken.Load()-before)
		}
	})
}

// TestKeep has a cluster that does not exist kept as that of its port.
func TestKeep(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, subsetNamed("v1")))
	client := snapshot.ClientOf(&corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo")}, "")
	for _, name := range []string{"another", "outbound|81|v1|cart.demo.svc.cluster.local", "outbound|8080|v1|gone.demo.svc.cluster.local"} {
		if v := store.Current().Keep(name, client); v != nil {
			t.Errorf("%s: got %s, want nothing", name, v.Any())
		}
	}
	cluster := &clusterv3.Cluster{}
	if err := store.Current().Keep(subsetCluster("gone"), client).Any().UnmarshalTo(cluster); err != nil {
		t.Fatal(err)
	}
	if of := cluster.GetEdsClusterConfig(); cluster.GetName() != subsetCluster("gone") || of.GetServiceName() != subsetCluster("gone") || of.GetEdsConfig().GetInitialFetchTimeout().AsDuration() != time.Millisecond {
		t.Errorf("got %v", cluster)
	}
}
