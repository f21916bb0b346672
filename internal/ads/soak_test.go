package ads

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const soakHosts = 8

// TestSoak changes the World continuously while some clients subscribe, unsubscribe, reject, disconnect and reconnect
// at random, and others only listen. At the end the listeners have the current resources, and nothing is left of
// closed streams. It serves the race detector as much as its own checks.
func TestSoak(t *testing.T) {
	const roamers, listeners, worlds = 20, 5, 2000
	r := start(t, 0)
	random := rand.New(rand.NewPCG(1, 1))
	w := soakWorld(random, &mesh.World{})
	r.store.Publish(w)

	chaos, calm := context.WithCancel(t.Context())
	var roaming, listening sync.WaitGroup
	for id := range roamers {
		roaming.Go(func() { roam(chaos, r, id) })
	}
	last := make(chan struct{})
	for id := range listeners {
		listening.Go(func() { listenOn(t, r, id, last) })
	}
	for range worlds {
		w = soakWorld(random, w)
		r.store.Publish(w)
	}
	close(last)
	// A listener that already had all resources before it knew that this World is the last is woken once more.
	r.store.Publish(soakService(w, 0, "10.1.0.1"))
	listening.Wait()
	calm()
	roaming.Wait()

	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	close(r.ended)
	if left := r.store.Clients(); len(left) != 0 {
		t.Errorf("%d streams are still open", len(left))
	}
}

// soakWorld adds, changes or removes one Service.
func soakWorld(random *rand.Rand, old *mesh.World) *mesh.World {
	i, address := random.IntN(soakHosts), fmt.Sprintf("10.0.%d.%d", random.IntN(250), random.IntN(250))
	if random.IntN(6) == 0 {
		address = ""
	}
	return soakService(old, i, address)
}

// soakService sets the only endpoint of a Service, or removes the Service if the address is empty.
func soakService(old *mesh.World, i int, address string) *mesh.World {
	host := fmt.Sprintf("s%d.demo.svc.cluster.local", i)
	w := *old
	w.Revision, w.Domain, w.Changed = old.Revision+1, "cluster.local", mesh.HostKeys([]string{host})
	if address == "" {
		w.Services, w.Endpoints = old.Services.With(nil, []string{host}), old.Endpoints.With(nil, []string{host})
		return &w
	}
	service := &mesh.Service{
		Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: fmt.Sprint("s", i)}, Host: host, Ports: []mesh.Port{{Number: 80}},
	}
	set := &mesh.EndpointSet{Host: host, Endpoints: []mesh.Endpoint{{Address: address, Ports: []mesh.Port{{Number: 1}}}}}
	w.Services = old.Services.With(map[string]*mesh.Service{host: service}, nil)
	w.Endpoints = old.Endpoints.With(map[string]*mesh.EndpointSet{host: set}, nil)
	return &w
}

func soakName(i int) string { return fmt.Sprintf("outbound|80||s%d.demo.svc.cluster.local", i) }

// roam opens streams, one after the other, until ctx ends.
func roam(ctx context.Context, r *rig, id int) {
	random := rand.New(rand.NewPCG(uint64(id), 7))
	for ctx.Err() == nil {
		visit, leave := context.WithCancel(ctx)
		// The error does not matter: all of them are expected.
		_ = stay(visit, r, random, id)
		leave()
	}
}

// stay subscribes to random names on one stream, and accepts or rejects the responses.
func stay(ctx context.Context, r *rig, random *rand.Rand, id int) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn).StreamAggregatedResources(ctx)
	if err != nil {
		return err
	}
	node := &corev3.Node{Id: fmt.Sprint("roamer-", id), UserAgentName: "gRPC Go"}
	for _, t := range snapshot.Types {
		req := &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: string(t), ResourceNames: someNames(t, random)}
		node = nil
		if err := stream.Send(req); err != nil {
			return err
		}
	}
	for random.IntN(30) != 0 {
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		t := snapshot.Type(resp.GetTypeUrl())
		req := &discoveryv3.DiscoveryRequest{
			TypeUrl: resp.GetTypeUrl(), ResourceNames: someNames(t, random), VersionInfo: resp.GetVersionInfo(), ResponseNonce: resp.GetNonce(),
		}
		if random.IntN(5) == 0 {
			req.ErrorDetail = &statuspb.Status{Code: 3, Message: "no"}
		}
		if err := stream.Send(req); err != nil {
			return err
		}
	}
	return nil
}

func someNames(t snapshot.Type, random *rand.Rand) []string {
	var names []string
	for i := range soakHosts {
		if random.IntN(2) == 0 {
			continue
		}
		if t == snapshot.ListenerType {
			names = append(names, fmt.Sprintf("s%d.demo:80", i))
		} else {
			names = append(names, soakName(i))
		}
	}
	return names
}

// listenOn subscribes to all endpoints and accepts everything, until the last World is published and its resources
// have arrived.
func listenOn(t *testing.T, r *rig, id int, last <-chan struct{}) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn).StreamAggregatedResources(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	names := make([]string, soakHosts)
	for i := range names {
		names[i] = soakName(i)
	}
	held := map[string]string{}
	req := request(&corev3.Node{Id: fmt.Sprint("listener-", id), UserAgentName: "gRPC Go"}, names...)
	for {
		if err := stream.Send(req); err != nil {
			t.Error(err)
			return
		}
		if isClosed(last) && holdsAll(r.store.Current(), held) {
			return
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Errorf("listener %d did not get the current resources: %v", id, err)
			return
		}
		for _, resource := range resp.GetResources() {
			held[nameOf(resource)] = string(resource.GetValue())
		}
		req = request(nil, names...)
		req.VersionInfo, req.ResponseNonce = resp.GetVersionInfo(), resp.GetNonce()
	}
}

func holdsAll(s *snapshot.Snapshot, held map[string]string) bool {
	for i := range soakHosts {
		v := s.Resource(snapshot.EndpointType, soakName(i), mesh.Client{Namespace: "default", Kind: mesh.GRPCGo})
		if held[soakName(i)] != string(v.Any().GetValue()) {
			return false
		}
	}
	return true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
