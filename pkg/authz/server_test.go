package authz_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/test/authority"
)

// realServer is a gRPC server in this process with mTLS, configured by xDS. It has many sets of rules, each in a route that
// a header selects, so that one update is enough for many verdicts.
type realServer struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	t         testing.TB
	authority *authority.Authority
	address   string
	port      uint32
	// updates has the next RouteConfiguration, and refusals what the server answers to each: nil for an acknowledgement.
	updates  chan *routev3.RouteConfiguration
	refusals chan error
	// generation counts the updates.
	generation int
	shadow     mesh.AuthorizationPolicies
	clients    map[caller]*grpc.ClientConn
}

// caller is what a connection decides.
type caller struct {
	principal, authority string
	address              netip.Addr
}

// policyHeader selects a set of rules.
const policyHeader = "x-test-rules"

// newRealServer starts a server. It logs what the policies in shadow would do.
func newRealServer(t testing.TB, shadow ...*mesh.AuthorizationPolicy) *realServer {
	t.Helper()
	s := &realServer{
		shadow: mesh.MakeList(shadow...),
		t:      t, authority: authority.New(t), updates: make(chan *routev3.RouteConfiguration, 1), refusals: make(chan error, 1), clients: map[caller]*grpc.ClientConn{},
	}
	control := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(control, s)
	served := make(chan struct{}, 1)
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		t.Fatal(err)
	}
	server, err := xds.NewGRPCServer(grpc.Creds(creds), xds.BootstrapContentsForTesting(s.bootstrap(start(t, control))),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return stream.SendMsg(&emptypb.Empty{}) }),
		xds.ServingModeCallback(func(_ net.Addr, args xds.ServingModeChangeArgs) {
			if args.Err == nil {
				select {
				case served <- struct{}{}:
				default:
				}
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	s.address = start(t, server)
	s.port = uint32(netip.MustParseAddrPort(s.address).Port())
	select {
	case <-served:
	case <-time.After(time.Minute):
		t.Fatal("the server does not serve")
	}
	s.dial()
	return s
}

// start serves on a port of this machine until the test ends.
func start(t testing.TB, server interface {
	Serve(net.Listener) error
	Stop()
},
) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func (s *realServer) bootstrap(address string) []byte {
	dir := s.authority.Client()
	data, err := json.Marshal(map[string]any{
		"xds_servers": []any{map[string]any{"server_uri": address, "channel_creds": []any{map[string]any{"type": "insecure"}}, "server_features": []string{"xds_v3"}}},
		"node":        map[string]any{"id": "server"},
		"certificate_providers": map[string]any{"default": map[string]any{"plugin_name": "file_watcher", "config": map[string]any{
			"certificate_file": dir + "/tls.crt", "private_key_file": dir + "/tls.key", "ca_certificate_file": dir + "/ca.crt", "refresh_interval": "600s",
		}}},
		"server_listener_resource_name_template": "grpc/server?xds.resource.listening_address=%s",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// StreamAggregatedResources answers with the Listener, and with the route configurations of update.
func (s *realServer) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	requests := make(chan *discoveryv3.DiscoveryRequest)
	go func() {
		for {
			request, err := stream.Recv()
			if err != nil {
				close(requests)
				return
			}
			requests <- request
		}
	}()
	version, pushed := 0, ""
	send := func(typeURL string, m *anypb.Any) error {
		version++
		return stream.Send(&discoveryv3.DiscoveryResponse{TypeUrl: typeURL, VersionInfo: strconv.Itoa(version), Nonce: strconv.Itoa(version), Resources: []*anypb.Any{m}})
	}
	routeType := resource.ToAny(&routev3.RouteConfiguration{}).GetTypeUrl()
	for {
		var err error
		select {
		case update := <-s.updates:
			err = send(routeType, resource.ToAny(update))
			pushed = strconv.Itoa(version)
		case request, ok := <-requests:
			switch {
			case !ok:
				return nil
			case request.GetTypeUrl() == routeType && request.GetResponseNonce() == "":
				err = send(routeType, resource.ToAny(&routev3.RouteConfiguration{Name: request.GetResourceNames()[0]}))
			case request.GetTypeUrl() == routeType && request.GetResponseNonce() == pushed:
				s.refusals <- status.FromProto(request.GetErrorDetail()).Err()
			case request.GetResponseNonce() == "":
				err = send(request.GetTypeUrl(), s.listener(request.GetResourceNames()[0]))
			case request.GetErrorDetail() != nil:
				s.t.Errorf("the server refuses its Listener: %v", request.GetErrorDetail())
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *realServer) listener(name string) *anypb.Any {
	address, _, ok := resource.ParseServerListener(name)
	if !ok {
		s.t.Errorf("the server asks for the Listener %q", name)
	}
	listener, _ := inbound.Listener(inbound.Input{Name: name, Address: address, Port: address.Port, Kind: mesh.GRPCGo, Security: mesh.ServerMTLS, Policies: s.shadow})
	return resource.ToAny(listener.Message)
}

// rules are those of one set.
type rules struct{ deny, allow *rbacv3.RBAC }

// routes makes the route configuration with the sets.
func (s *realServer) routes(sets []rules) *routev3.RouteConfiguration {
	host := &routev3.VirtualHost{Name: "inbound", Domains: []string{"*"}}
	for i, set := range sets {
		host.Routes = append(host.Routes, &routev3.Route{
			Match: &routev3.RouteMatch{
				PathSpecifier: &routev3.RouteMatch_Prefix{},
				Headers:       []*routev3.HeaderMatcher{{Name: policyHeader, HeaderMatchSpecifier: &routev3.HeaderMatcher_ExactMatch{ExactMatch: s.selector(i)}}}, //nolint:staticcheck // the form of the rules, too
			},
			Action:               &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}},
			TypedPerFilterConfig: inbound.PerRoute(set.deny, set.allow),
		})
	}
	return &routev3.RouteConfiguration{Name: resource.InboundRouteName(s.port), VirtualHosts: []*routev3.VirtualHost{host}}
}

// selector is the value of the header for a set of the current update.
func (s *realServer) selector(set int) string { return fmt.Sprintf("%d-%d", s.generation, set) }

// update replaces all sets, and returns why the server refuses them.
func (s *realServer) update(t *testing.T, sets []rules) error {
	t.Helper()
	s.generation++
	s.updates <- s.routes(sets)
	select {
	case err := <-s.refusals:
		if err != nil {
			return err
		}
	case <-time.After(time.Minute):
		t.Fatal("the server does not answer to an update")
	}
	// It acknowledges an update before it applies it.
	deadline := time.Now().Add(time.Minute)
	for {
		_, served := s.try(t, authz.Call{Principals: principals[:1], Method: methods[0], Authority: authorities[0], Peer: peers[0]}, 0)
		if served {
			return nil
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not apply an update")
		}
	}
}

// allows makes a call to the server by one set of rules.
func (s *realServer) allows(t *testing.T, call authz.Call, set int) bool {
	t.Helper()
	allowed, served := s.try(t, call, set)
	if !served {
		t.Errorf("no verdict on %+v", call)
	}
	return allowed
}

// try makes a call. It is not served if no route matches it.
func (s *realServer) try(t *testing.T, call authz.Call, set int) (allowed, served bool) {
	headers := metadata.Pairs(policyHeader, s.selector(set))
	for name, value := range call.Headers {
		headers.Append(name, value)
	}
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(t.Context(), headers), time.Minute)
	defer cancel()
	err := s.clients[caller{call.Principals[0], call.Authority, call.Peer}].Invoke(ctx, call.Method, &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true))
	switch status.Code(err) {
	case codes.OK:
		return true, true
	case codes.PermissionDenied:
		return false, true
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("%+v: %v", call, err)
	}
	return false, false
}

// dial makes a connection for each caller.
func (s *realServer) dial() {
	for _, principal := range principals {
		certificate := s.authority.Identity(principal)
		for _, authority := range authorities {
			for _, address := range peers {
				s.clients[caller{principal, authority, address}] = s.connect(certificate, authority, address)
			}
		}
	}
}

func (s *realServer) connect(certificate tls.Certificate, authority string, from netip.Addr) *grpc.ClientConn {
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
		InsecureSkipVerify: true, // what is tested is the server
	}
	dialer := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithAuthority(authority),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}
