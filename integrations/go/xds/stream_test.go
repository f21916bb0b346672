package xds

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// script is a control plane that says what a test has it say.
type script struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	t        *testing.T
	listen   string
	server   *grpc.Server
	requests chan *discoveryv3.DeltaDiscoveryRequest
	mu       sync.Mutex
	stream   grpc.BidiStreamingServer[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]
	opened   []time.Time
	// refuse has streams end at once.
	refuse bool
	nonce  int
}

func (s *script) DeltaAggregatedResources(stream grpc.BidiStreamingServer[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]) error {
	s.mu.Lock()
	s.stream, s.opened = stream, append(s.opened, time.Now())
	refuse := s.refuse
	s.mu.Unlock()
	if refuse {
		return status.Error(codes.Unavailable, "not now")
	}
	for {
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		s.requests <- r
	}
}

func newScript(t *testing.T, refuse bool) (*script, *Client) {
	t.Helper()
	s := &script{t: t, listen: "127.0.0.1:0", refuse: refuse, requests: make(chan *discoveryv3.DeltaDiscoveryRequest, 100)}
	s.start()
	t.Cleanup(func() { s.server.Stop() })
	boot, err := ParseBootstrap([]byte(fmt.Sprintf(`{"xds_servers": [{"server_uri": "passthrough:///%s", "channel_creds": [{"type": "insecure"}]}], "node": {"id": "n"}}`, s.listen)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(Options{Bootstrap: boot, Patience: 20 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

func (s *script) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.listen, s.server = listener.Addr().String(), grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(s.server, s)
	go func() { _ = s.server.Serve(listener) }()
}

// request waits for a request of a type that subscribes, or that answers, or that ends a subscription.
func (s *script) request(k kind, want func(*discoveryv3.DeltaDiscoveryRequest) bool) *discoveryv3.DeltaDiscoveryRequest {
	s.t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case r := <-s.requests:
			if r.GetTypeUrl() == kindTable[k].url && want(r) {
				return r
			}
		case <-late:
			s.t.Fatalf("no such request of a %s came", kindTable[k].name)
		}
	}
}

func subscribing(name string) func(*discoveryv3.DeltaDiscoveryRequest) bool {
	return func(r *discoveryv3.DeltaDiscoveryRequest) bool {
		return slices.Contains(r.GetResourceNamesSubscribe(), name)
	}
}

func unsubscribing(name string) func(*discoveryv3.DeltaDiscoveryRequest) bool {
	return func(r *discoveryv3.DeltaDiscoveryRequest) bool {
		return slices.Contains(r.GetResourceNamesUnsubscribe(), name)
	}
}

// say sends a response with a resource, or that the name does not exist, and returns the answer.
func (s *script) say(k kind, name string, m proto.Message) *discoveryv3.DeltaDiscoveryRequest {
	s.t.Helper()
	s.mu.Lock()
	s.nonce++
	nonce := fmt.Sprint(s.nonce)
	r := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: kindTable[k].url, Nonce: nonce}
	if m == nil {
		r.RemovedResources = []string{name}
	} else {
		resource, err := anypb.New(m)
		if err != nil {
			s.t.Fatal(err)
		}
		r.Resources = []*discoveryv3.Resource{{Name: name, Version: "v" + nonce, Resource: resource}}
	}
	err := s.stream.Send(r)
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	return s.request(k, func(r *discoveryv3.DeltaDiscoveryRequest) bool { return r.GetResponseNonce() == nonce })
}

const manager = `{"apiListener": {"apiListener": {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
	"rds": {"configSource": {"ads": {}}, "routeConfigName": %q}}}}`

func (s *script) listener(routes string) *listenerv3.Listener {
	return parsed[listenerv3.Listener](s.t, fmt.Sprintf(manager, routes))
}

func (s *script) routes(cluster string) *routev3.RouteConfiguration {
	return parsed[routev3.RouteConfiguration](s.t, `{"virtualHosts": [{"domains": ["*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "`+cluster+`"}}]}]}`)
}

func (s *script) cluster() *clusterv3.Cluster {
	return parsed[clusterv3.Cluster](s.t, `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}}}`)
}

func (s *script) endpoints(address string) *endpointv3.ClusterLoadAssignment {
	return parsed[endpointv3.ClusterLoadAssignment](s.t, `{"endpoints": [{"loadBalancingWeight": 1, "lbEndpoints": [{"endpoint": {"address": {"socketAddress": {"address": "`+address+`", "portValue": 80}}}}]}]}`)
}

// called returns the address that a call to h:80 goes to, or the error.
func called(t *testing.T, c *Client) string {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := ""
	if err := c.Do(ctx, Call{Host: "h:80", Path: "/a/b"}, func(_ context.Context, to Target) Outcome { got = to.Address; return Outcome{} }); err != nil {
		return err.Error()
	}
	return got
}

// serve answers for the host h:80 up to its endpoint 10.0.0.1.
func (s *script) serve(c *Client) {
	s.t.Helper()
	go func() { _ = c.Watch(context.Background(), "h:80") }()
	r := s.request(listeners, subscribing("h:80"))
	if r.GetNode().GetId() != "n" || r.GetNode().GetUserAgentName() != UserAgent {
		s.t.Errorf("got the node %v in the first request, want the bootstrap's", r.GetNode())
	}
	s.say(listeners, "h:80", s.listener("r"))
	s.request(routes, subscribing("r"))
	s.say(routes, "r", s.routes("one"))
	s.request(clusters, subscribing("one"))
	s.say(clusters, "one", s.cluster())
	s.request(endpoints, subscribing("one"))
	s.say(endpoints, "one", s.endpoints("10.0.0.1"))
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMakeBeforeBreak has calls follow the old routes until everything that the new ones name is known.
func TestMakeBeforeBreak(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	expect(t, called(t, c), "10.0.0.1:80")
	s.say(routes, "r", s.routes("two"))
	expect(t, called(t, c), "10.0.0.1:80")
	s.request(clusters, subscribing("two"))
	s.say(clusters, "two", s.cluster())
	s.request(endpoints, subscribing("two"))
	expect(t, called(t, c), "10.0.0.1:80")
	s.say(endpoints, "one", s.endpoints("10.0.0.9"))
	expect(t, called(t, c), "10.0.0.9:80")
	s.say(endpoints, "two", s.endpoints("10.0.0.2"))
	expect(t, called(t, c), "10.0.0.2:80")
	s.request(clusters, unsubscribing("one"))
	s.request(endpoints, unsubscribing("one"))
}

// TestRejection keeps the last good resource and tells the control plane why, by name.
func TestRejection(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	bad := s.routes("one")
	bad.VirtualHosts[0].Routes[0].Match.PathSpecifier = nil
	answer := s.say(routes, "r", bad)
	expect(t, answer.GetErrorDetail().GetMessage(), "r: virtual host")
	expect(t, called(t, c), "10.0.0.1:80")
	if answer := s.say(routes, "r", s.routes("one")); answer.GetErrorDetail() != nil {
		t.Errorf("got %v, want the next good one acknowledged", answer)
	}
	s.say(clusters, "one", parsed[clusterv3.Cluster](t, `{"type": "STATIC"}`))
	expect(t, called(t, c), "10.0.0.1:80")
	s.say(routes, "r", s.routes("never"))
	s.request(clusters, subscribing("never"))
	s.say(clusters, "never", parsed[clusterv3.Cluster](t, `{"type": "STATIC"}`))
	expect(t, called(t, c), "rejected the Cluster never: the type STATIC is not supported")
}

// TestTLSIsNotLeftOut has a cluster that begins to demand TLS fail its calls, and not go on in plaintext.
func TestTLSIsNotLeftOut(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	s.say(clusters, "one", parsed[clusterv3.Cluster](t, `{"type": "EDS", "edsClusterConfig": {"edsConfig": {"ads": {}}}, "transportSocket": {"name": "tls"}}`))
	expect(t, called(t, c), "plaintext only")
}

func TestRemoval(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	s.say(endpoints, "one", nil)
	expect(t, called(t, c), "there is no ClusterLoadAssignment one")
	s.say(endpoints, "one", s.endpoints("10.0.0.2"))
	expect(t, called(t, c), "10.0.0.2:80")
	s.say(listeners, "h:80", nil)
	expect(t, called(t, c), "there is no Listener h:80")
	s.request(routes, unsubscribing("r"))
	s.say(listeners, "h:80", s.listener("r"))
	s.request(routes, subscribing("r"))
	expect(t, called(t, c), "there is no Listener h:80")
}

// TestReturn states the versions that it has, in one request for each type, and calls go on meanwhile.
func TestReturn(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	s.server.Stop()
	expect(t, called(t, c), "10.0.0.1:80")
	s.start()
	for k, name := range []string{"h:80", "r", "one", "one"} {
		r := s.request(kind(k), subscribing(name))
		if len(r.GetInitialResourceVersions()) != 1 || r.GetInitialResourceVersions()[name] != fmt.Sprintf("v%d", k+1) {
			t.Errorf("got the versions %v of a %s, want v%d", r.GetInitialResourceVersions(), kindTable[k].name, k+1)
		}
	}
	expect(t, called(t, c), "10.0.0.1:80")
	s.say(endpoints, "one", s.endpoints("10.0.0.2"))
	expect(t, called(t, c), "10.0.0.2:80")
}

// TestUnknownType is rejected, and the stream goes on.
func TestUnknownType(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	s.mu.Lock()
	err := s.stream.Send(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: "type.googleapis.com/x.Y", Nonce: "x"})
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	for r := range s.requests {
		if r.GetTypeUrl() == "type.googleapis.com/x.Y" {
			if r.GetErrorDetail() == nil {
				t.Error("got an acknowledgement of an unknown type")
			}
			break
		}
	}
	s.say(endpoints, "one", s.endpoints("10.0.0.2"))
	expect(t, called(t, c), "10.0.0.2:80")
}

// TestPauses has a client whose streams end at once come back seldom, and calls fail with the reason.
func TestPauses(t *testing.T) {
	s, c := newScript(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	expect(t, c.Watch(ctx, "h:80").Error(), "not now")
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.opened); n < 2 || n > 20 {
		t.Errorf("got %d streams in 4 s, want a few", n)
	}
}

func TestClose(t *testing.T) {
	_, c := newScript(t, false)
	go c.Close()
	expect(t, c.Watch(t.Context(), "h:80").Error(), "closed")
}

// TestOneEndpointAway tries an endpoint that is the only one again only as often as the rule says.
func TestOneEndpointAway(t *testing.T) {
	s, c := newScript(t, false)
	s.serve(c)
	retried := s.routes("one")
	retried.VirtualHosts[0].RetryPolicy = parsed[routev3.RetryPolicy](t, `{"retryOn": "unavailable", "numRetries": 2}`)
	for want, config := range map[int]*routev3.RouteConfiguration{1: s.routes("one"), 3: retried} {
		s.say(routes, "r", config)
		attempts := 0
		err := c.Do(t.Context(), Call{Host: "h:80", Path: "/a/b"}, func(context.Context, Target) Outcome {
			attempts++
			return Outcome{Err: context.DeadlineExceeded, Unreached: true}
		})
		if err == nil || attempts != want {
			t.Errorf("got %v after %d attempts, want an error after %d", err, attempts, want)
		}
	}
}

// TestNoStreamBeforeTheFirstHost: there is nothing to ask for on one.
func TestNoStreamBeforeTheFirstHost(t *testing.T) {
	s, c := newScript(t, false)
	streams := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.opened)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for range 30 {
		<-again.C
		if n := streams(); n > 0 {
			t.Fatalf("got %d streams before the first host", n)
		}
	}
	s.serve(c)
	if n := streams(); n != 1 {
		t.Errorf("got %d streams after it, want one", n)
	}
}
