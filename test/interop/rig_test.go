//go:build interop

package interop

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// rig is a control plane that serves what it is given, right or wrong, so that it is seen what servers make of it.
type rig struct {
	t       *testing.T
	address string

	mu sync.Mutex
	// resources are by type URL and name.
	resources map[string]map[string]*anypb.Any
	streams   map[string]*rigStream
	// generation counts the changes.
	generation int
	// refused has what the node of each stream said of what it refused.
	refused map[string]string
}

// rigStream is the stream of a node; mu of the rig protects it.
type rigStream struct {
	subscriptions map[string]*rigSubscription
	// generation is what was sent.
	generation int
	wake       chan struct{}
}

// rigSubscription is what a stream has of one type.
type rigSubscription struct {
	names []string
	// sent are the bytes that were sent last. nonce is empty when they are answered.
	sent  string
	nonce string
}

// startRig serves until the test ends.
func startRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, resources: map[string]map[string]*anypb.Any{}, streams: map[string]*rigStream{}, refused: map[string]string{}}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	r.address = listener.Addr().String()
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, &rigService{rig: r})
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return r
}

// set adds or replaces resources by name, and wakes the streams.
func (r *rig) set(resources map[string]proto.Message) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, message := range resources {
		packed := must(anypb.New(message))(r.t)
		if r.resources[packed.GetTypeUrl()] == nil {
			r.resources[packed.GetTypeUrl()] = map[string]*anypb.Any{}
		}
		r.resources[packed.GetTypeUrl()][name] = packed
	}
	r.generation++
	clear(r.refused)
	for _, s := range r.streams {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// settle waits until all of these nodes have answered what they were sent last, or have gone. It returns what they said of what
// they refused.
func (r *rig) settle(nodes map[string]*server) map[string]string {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		waiting := r.waiting(nodes)
		if len(waiting) == 0 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return maps.Clone(r.refused)
		}
		if time.Now().After(end) {
			r.t.Fatalf("%q have not answered within %v", waiting, patience)
		}
	}
}

func (r *rig) waiting(nodes map[string]*server) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, server := range nodes {
		s := r.streams[name]
		if server.ended() || s != nil && s.generation == r.generation && s.answered() {
			continue
		}
		names = append(names, name)
	}
	return names
}

func (s *rigStream) answered() bool {
	for _, subscription := range s.subscriptions {
		if subscription.nonce != "" {
			return false
		}
	}
	return len(s.subscriptions) > 0
}

// rigService are its streams.
type rigService struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	rig *rig
}

func (s *rigService) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	requests := make(chan *discoveryv3.DiscoveryRequest)
	go func() {
		defer close(requests)
		for request := first; err == nil; request, err = stream.Recv() {
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	node := first.GetNode().GetId()
	own := &rigStream{subscriptions: map[string]*rigSubscription{}, wake: make(chan struct{}, 1)}
	s.rig.mu.Lock()
	s.rig.streams[node] = own
	s.rig.mu.Unlock()
	for {
		select {
		case request, ok := <-requests:
			if !ok {
				return nil
			}
			s.rig.take(node, own, request)
		case <-own.wake:
		case <-stream.Context().Done():
			return nil
		}
		for _, response := range s.rig.due(own) {
			if err := stream.Send(response); err != nil {
				return err
			}
		}
	}
}

// take notes what a node subscribes to, and whether it took the last response.
func (r *rig) take(node string, s *rigStream, request *discoveryv3.DiscoveryRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	subscription := s.subscriptions[request.GetTypeUrl()]
	if subscription == nil {
		subscription = &rigSubscription{}
		s.subscriptions[request.GetTypeUrl()] = subscription
	}
	if request.GetResponseNonce() != "" && request.GetResponseNonce() == subscription.nonce {
		subscription.nonce = ""
		if request.GetErrorDetail() != nil {
			r.refused[node] = request.GetErrorDetail().GetMessage()
		}
	}
	subscription.names = request.GetResourceNames()
}

// due are the responses for which something has changed.
func (r *rig) due(s *rigStream) (responses []*discoveryv3.DiscoveryResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.generation = r.generation
	for url, subscription := range s.subscriptions {
		response := &discoveryv3.DiscoveryResponse{TypeUrl: url}
		var bytes strings.Builder
		for _, name := range slices.Sorted(slices.Values(subscription.names)) {
			if resource := r.resources[url][name]; resource != nil {
				response.Resources = append(response.Resources, resource)
				fmt.Fprintf(&bytes, "%s %d %s", name, len(resource.GetValue()), resource.GetValue())
			}
		}
		if bytes.String() == subscription.sent {
			continue
		}
		subscription.sent = bytes.String()
		subscription.nonce = strconv.Itoa(r.generation) + "." + strconv.Itoa(len(subscription.names))
		response.VersionInfo, response.Nonce = subscription.nonce, subscription.nonce
		responses = append(responses, response)
	}
	return responses
}
