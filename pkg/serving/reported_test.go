package serving_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestRulesTo has a client that dials hosts whose routes lead to one Cluster, on two streams, and a client on another connection.
func TestRulesTo(t *testing.T) {
	const (
		echo     = "outbound|8080||echo.demo.svc.cluster.local"
		second   = "outbound|80||second.example.com"
		wildcard = "outbound|80||a.example.org"
		other    = "outbound|8080|b|echo.demo.svc.cluster.local"
	)
	store := serving.NewStore(serving.Options{})
	publish := func(to string) {
		objects := append(routedTo("b"),
			"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: second, namespace: demo}\nspec: {hosts: [second.example.com], http: [{delegate: {name: inner}}]}\n",
			"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: inner, namespace: demo}\nspec: {http: [{route: [{destination: {host: echo"+to+"}}]}]}\n",
			"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: below, namespace: demo}\nspec: {hosts: ['*.example.org'], http: [{route: [{destination: {host: echo.demo.svc.cluster.local}}]}]}\n")
		store.Publish(snapshottest.Load(t, objects))
	}
	publish("")
	dial := func(peer, name string) (*serving.Session, *serving.ClientInfo) {
		info := serving.ClientInfoOf(node("demo"), peer, "")
		session := store.Open(info, nil)
		t.Cleanup(session.Close)
		session.Request(&serving.Request{Type: snapshot.RouteType, Names: []string{name}})
		r := session.Next()
		session.Request(&serving.Request{Type: snapshot.RouteType, Names: []string{name}, Nonce: r.Nonce})
		return session, &info
	}
	first, at := dial("10.0.0.1:1", echo)
	_, elsewhere := dial("10.0.0.2:1", second)
	expect := func(when string, of *serving.ClientInfo, cluster string, want ...string) {
		t.Helper()
		rules, routes := store.RulesTo(of, cluster)
		var got []string
		for _, route := range routes {
			var names []string
			for _, ref := range route {
				if ref.Kind == "VirtualService" && !slices.Contains(names, ref.Name) { // Both versions are the same here.
					names = append(names, ref.Name)
				}
			}
			got = append(got, strings.Join(names, " "))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
		if !slices.ContainsFunc(rules, isDestinationRule) {
			t.Errorf("%s: got the cluster of %v, want its DestinationRule", when, rules)
		}
	}
	expect("its own name", at, echo, "echo")
	expect("its own name", at, other, "echo")
	expect("another name", elsewhere, echo, "second inner")
	expect("no route leads there", elsewhere, other)
	more, _ := dial("10.0.0.1:1", wildcard)
	expect("two streams of one process", at, echo, "below", "echo")
	publish(", subset: b")
	expect("the client still has the old routes", elsewhere, echo, "second inner")
	first.Close()
	expect("a stream is closed", at, echo, "below")
	more.Close()
	expect("all are", at, echo)
}

func isDestinationRule(ref mesh.Ref) bool { return ref.Kind == "DestinationRule" }
