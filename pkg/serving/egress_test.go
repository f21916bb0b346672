package serving_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// aService makes a Service.
func aService(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {ports: [{name: http, port: 8080}]}\n---\n", name)
}

// manyServices makes that many Services, in one file, the first of which has a rule with weights.
func manyServices(n, weight int) []string {
	var all strings.Builder
	for i := range n {
		all.WriteString(aService(fmt.Sprintf("s%04d", i)))
	}
	return append([]string{all.String()}, fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: s0000, namespace: demo}\n"+
		"spec: {hosts: [s0000], http: [{route: [{destination: {host: s0000}, weight: %d}, {destination: {host: s0001}, weight: %d}]}]}\n", 100-weight, weight))
}

// egressProxy is an Envoy with egress, as the control plane sees it.
type egressProxy struct {
	session *serving.Session
	delta   bool
	// names are the names that it names itself; none is a wildcard.
	names map[snapshot.Type][]string
}

// sent is what a stream was sent of a type.
type sent struct{ responses, resources, bytes, removed int }

func (p *egressProxy) ask(t snapshot.Type, names ...string) {
	if p.names[t] = names; p.delta {
		p.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), ResourceNamesSubscribe: names})
		return
	}
	p.session.Request(&serving.Request{Type: t, Names: slices.Clone(names)})
}

// take takes all that is due, and acknowledges it.
func (p *egressProxy) take() map[snapshot.Type]sent {
	all := map[snapshot.Type]sent{}
	for r := p.session.Next(); r != nil; r = p.session.Next() {
		got := all[r.Type]
		got.responses, got.resources, got.removed = got.responses+1, got.resources+len(r.Resources), got.removed+len(r.Removed)
		for _, v := range r.Resources {
			got.bytes += len(v.Wire())
		}
		all[r.Type] = got
		if p.delta {
			p.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
		} else {
			p.session.Request(&serving.Request{Type: r.Type, Names: slices.Clone(p.names[r.Type]), Version: r.Version, Nonce: r.Nonce})
		}
	}
	return all
}

// TestCostOfEgress has 1,000 Services behind one listener. A change of weights is one response with the routes of one host, and no
// scope changes.
func TestCostOfEgress(t *testing.T) {
	for _, delta := range []bool{true, false} {
		t.Run(fmt.Sprintf("delta=%t", delta), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { costOfEgress(t, delta) })
		})
	}
}

func costOfEgress(t *testing.T, delta bool) {
	const services = 1000
	store := serving.NewStore(serving.Options{})
	last := snapshottest.Load(t, manyServices(services, 10))
	store.Publish(last)
	node := &corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo", "EGRESS", "127.0.0.1:15001")}
	p := &egressProxy{session: store.Open(serving.ClientInfoOf(node, "", ""), nil), delta: delta, names: map[snapshot.Type][]string{}}
	defer p.session.Close()
	var hosts []string
	for i := range services {
		hosts = append(hosts, fmt.Sprintf("outbound|8080||s%04d.demo.svc.cluster.local", i))
	}
	for _, of := range []snapshot.Type{snapshot.ClusterType, snapshot.ListenerType, snapshot.ScopeType} {
		p.ask(of)
	}
	p.ask(snapshot.EndpointType, hosts...)
	p.ask(snapshot.RouteType, hosts...)
	first := p.take()
	t.Logf("at first %d scopes of %d bytes, %d routes of %d bytes", first[snapshot.ScopeType].resources, first[snapshot.ScopeType].bytes, first[snapshot.RouteType].resources, first[snapshot.RouteType].bytes)
	// s, s.demo, s.demo.svc and the full name, with and without the port.
	if got := first[snapshot.ScopeType].resources; got != 8*services {
		t.Errorf("got %d scopes, want %d", got, 8*services)
	}
	if got := first[snapshot.ListenerType].resources; got != 1 {
		t.Errorf("got %d listeners, want 1", got)
	}
	publish := func(objects []string) map[snapshot.Type]sent {
		last = share(last, snapshottest.Load(t, objects))
		store.Publish(last)
		got := p.take()
		for range 3 { // Removals wait.
			<-time.After(20 * time.Second)
			synctest.Wait()
			for of, more := range p.take() {
				all := got[of]
				got[of] = sent{all.responses + more.responses, all.resources + more.resources, all.bytes + more.bytes, all.removed + more.removed}
			}
		}
		return got
	}
	weights := publish(manyServices(services, 20))
	if got := weights[snapshot.RouteType]; len(weights) != 1 || got.responses != 1 || got.resources != 1 {
		t.Errorf("got %v for a change of weights, want one response with one RouteConfiguration", weights)
	}
	t.Logf("a change of weights: %v", weights)
	added := publish(append(manyServices(services, 20), aService("new")))
	if want := map[bool]int{true: 8, false: 8 * (services + 1)}[delta]; added[snapshot.ScopeType].resources != want {
		t.Errorf("got %v for a new host, want %d scopes", added, want)
	}
	t.Logf("a new host: %v", added)
	t.Logf("its removal: %v", publish(manyServices(services, 20)))
}

// TestEgressOfOthers: only an Envoy that declares an address on loopback has a listener, and scopes.
func TestEgressOfOthers(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, manyServices(1, 0)))
	for _, kind := range []string{"envoy", "gRPC Go", "mizzen-java-agent", "unknown"} {
		for at, ok := range map[string]bool{"127.0.0.1:15001": true, "[::1]:15001": true, "0.0.0.0:15001": false, "10.0.0.1:15001": false, "": false, "x": false, "127.0.0.1:0": false, "[::1%lo]:1": false, "[::ffff:127.0.0.1]:1": false} {
			client := snapshot.ClientOf(&corev3.Node{UserAgentName: kind, Metadata: snapshottest.Metadata("EGRESS", at)}, "")
			if got, want := client.Egress != "", ok && client.Kind == mesh.Envoy; got != want {
				t.Errorf("%s at %q: got %t, want %t", kind, at, got, want)
			}
			if got, want := len(store.Current().Names(snapshot.ScopeType, client)) > 0, client.Egress != ""; got != want {
				t.Errorf("%s at %q has scopes: %t, want %t", kind, at, got, want)
			}
		}
	}
}

// TestRedirectedScope has a Service that gets the port 80, which calls without a port mean from then on. Their scope leads there once the
// Envoy has the routes and the endpoints, and when the port is gone, its routes and its cluster go after the scope.
func TestRedirectedScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wide = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: demo}\nspec: {ports: [{name: http, port: 8080}, {name: web, port: 80}]}\n"
		store := serving.NewStore(serving.Options{})
		last := snapshottest.Load(t, []string{aService("web")})
		store.Publish(last)
		publish := func(objects string) {
			last = share(last, snapshottest.Load(t, []string{objects}))
			store.Publish(last)
		}
		node := &corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "shop", "EGRESS", "127.0.0.1:15001")}
		p := &egressProxy{session: store.Open(serving.ClientInfoOf(node, "", ""), nil), delta: true, names: map[snapshot.Type][]string{}}
		defer p.session.Close()
		const old, fresh = "outbound|8080||web.demo.svc.cluster.local", "outbound|80||web.demo.svc.cluster.local"
		p.ask(snapshot.ClusterType)
		p.ask(snapshot.ScopeType)
		p.ask(snapshot.EndpointType, old)
		p.ask(snapshot.RouteType, old)
		p.take()
		publish(wide)
		// The new port has three names. The three without a port wait.
		if got := p.take()[snapshot.ScopeType]; got.resources != 3 {
			t.Errorf("at first got %d scopes, want those of the new port", got.resources)
		}
		p.ask(snapshot.RouteType, fresh)
		if got := p.take()[snapshot.ScopeType]; got.resources != 0 {
			t.Errorf("got %d scopes before the endpoints", got.resources)
		}
		p.ask(snapshot.EndpointType, fresh)
		if got := p.take()[snapshot.ScopeType]; got.resources != 3 {
			t.Errorf("got %d scopes with the routes and the endpoints, want those without a port", got.resources)
		}
		publish(aService("web"))
		first := p.session.Next()
		if first == nil || first.Type != snapshot.ScopeType || len(first.Resources) != 3 || len(first.Removed) != 3 {
			t.Fatalf("got %+v, want the scopes first", first)
		}
		if then := p.session.Next(); then != nil {
			t.Errorf("got %s before the scopes were acknowledged", then.Type.ShortName())
		}
		p.session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.ScopeType), ResponseNonce: first.Nonce})
		clusters := 0
		for range 3 {
			clusters += p.take()[snapshot.ClusterType].removed
			<-time.After(2 * time.Second)
			synctest.Wait()
		}
		if clusters += p.take()[snapshot.ClusterType].removed; clusters != 1 {
			t.Errorf("%d clusters were removed in the end, want that of the port", clusters)
		}
	})
}
