package serving

import (
	"fmt"
	"slices"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	echoHost    = "echo.demo.svc.cluster.local"
	echoCluster = "outbound|80||" + echoHost
)

// echoWorld has one Service with one endpoint. The last part of the address is the revision.
func echoWorld(revision uint64) *mesh.World {
	service := &mesh.Service{
		Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}, Host: echoHost, Ports: []mesh.Port{{Name: "grpc", Number: 80}},
	}
	set := &mesh.EndpointSet{Host: echoHost, Endpoints: []mesh.Endpoint{{
		Address: fmt.Sprintf("10.0.0.%d", revision), Ports: []mesh.Port{{Name: "grpc", Number: 80}},
	}}}
	return &mesh.World{
		Revision: revision, Domain: "cluster.local", Changed: mesh.HostKeys([]string{echoHost}),
		Services:  mesh.Map[*mesh.Service]{}.With(map[string]*mesh.Service{echoHost: service}, nil),
		Endpoints: mesh.Map[*mesh.EndpointSet]{}.With(map[string]*mesh.EndpointSet{echoHost: set}, nil),
	}
}

func newRequest(t snapshot.Type, nonce string, names ...string) *Request {
	return &Request{Type: t, Names: names, Nonce: nonce}
}

// TestPublishedWhileAsking publishes Worlds while a client's first request is being translated. The client is sent
// what is newest, and receives later changes.
func TestPublishedWhileAsking(t *testing.T) {
	for published := range maxAttempts + 1 { // each attempt translates once; after the last it is done under the lock
		t.Run(fmt.Sprint(published), func(t *testing.T) {
			var store *Store
			left, revision := published, uint64(1)
			store = NewStore(Options{Check: func(string, proto.Message, clientrules.Audience) []clientrules.Finding {
				if left > 0 {
					left--
					revision++
					store.Publish(echoWorld(revision))
				}
				return nil
			}})
			store.Publish(echoWorld(revision))
			session := store.Open(ClientInfoOf(nil, "", ""), nil)
			defer session.Close()
			session.Request(newRequest(snapshot.EndpointType, "", echoCluster))
			expectCurrent(t, store, session)
			store.Publish(echoWorld(100))
			session.Request(newRequest(snapshot.EndpointType, "1", echoCluster))
			expectCurrent(t, store, session)
		})
	}
}

func expectCurrent(t *testing.T, store *Store, session *Session) {
	t.Helper()
	r := session.Next()
	want := store.Current().Resource(snapshot.EndpointType, echoCluster, session.client)
	if r == nil || len(r.Resources) != 1 || r.Resources[0].Version != want.Version {
		t.Fatalf("got %v, want the current endpoints", r)
	}
}

// TestRequestsAfterTheEnd serves a request after its stream was closed, as happens if the request was being read at
// that moment.
func TestRequestsAfterTheEnd(t *testing.T) {
	store := NewStore(Options{})
	store.Publish(echoWorld(1))
	session := store.Open(ClientInfoOf(nil, "", ""), nil)
	session.Request(newRequest(snapshot.EndpointType, "", echoCluster))
	session.Close()
	for _, typ := range snapshot.Types {
		session.Request(newRequest(typ, "", echoCluster, wildcardName))
		session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(typ), ResourceNamesSubscribe: []string{echoCluster, wildcardName}})
	}
	store.Publish(echoWorld(2))
	if len(store.interests) != 0 || len(store.wildcards) != 0 || len(store.sessions) != 0 {
		t.Errorf("got %v, %v, %v, want no trace of the stream", store.interests, store.wildcards, store.sessions)
	}
	if r := session.Next(); r != nil {
		t.Errorf("got %v, want no response", r)
	}
}

// TestUnsubscribedAndRemoved has a client with a wildcard unsubscribe from a name before it answers. It sends another
// request before the response with the removal is built. It is sent the removal all the same.
func TestUnsubscribedAndRemoved(t *testing.T) {
	store := NewStore(Options{})
	store.Publish(echoWorld(1))
	session := store.Open(ClientInfoOf(nil, "", ""), nil)
	defer session.Close()
	request := func(subscribe, unsubscribe []string) {
		session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{
			TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: subscribe, ResourceNamesUnsubscribe: unsubscribe,
		})
	}
	const nowhere = "outbound|80||nowhere.demo.svc.cluster.local"
	request([]string{wildcardName, nowhere, echoCluster}, nil)
	if got := len(session.Next().Resources); got != 2 {
		t.Fatalf("got %d resources, want 2", got)
	}
	request(nil, []string{nowhere, echoCluster})
	store.Publish(&mesh.World{Revision: 2, Domain: "cluster.local", Changed: mesh.HostKeys([]string{echoHost})})
	request([]string{"outbound|80||another.demo.svc.cluster.local"}, nil)
	if got, want := session.Next().Removed, []string{echoCluster, nowhere}; !slices.Equal(got, want) {
		t.Errorf("got removals %q, want %q", got, want)
	}
}

func TestWithoutWildcard(t *testing.T) {
	for name, test := range map[string]struct {
		names, want []string
		wildcard    bool
	}{
		"none":              {nil, nil, false},
		"in order, once":    {[]string{"b", "a", "b"}, []string{"a", "b"}, false},
		"everything":        {[]string{"*"}, nil, true},
		"everything and a":  {[]string{"a", "*", "*"}, []string{"a"}, true},
		"what sorts before": {[]string{"*", "!", "a"}, []string{"!", "a"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, wildcard := withoutWildcard(slices.Clone(test.names))
			if !slices.Equal(got, test.want) || wildcard != test.wildcard {
				t.Errorf("got %q, %v, want %q, %v", got, wildcard, test.want, test.wildcard)
			}
		})
	}
}
