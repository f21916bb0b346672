package ads

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const echoCluster = "outbound|8080||echo.demo.svc.cluster.local"

// world has one Service. The address of its only endpoint depends on the revision.
func world(revision uint64) *mesh.World {
	const host = "echo.demo.svc.cluster.local"
	service := &mesh.Service{Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}, Host: host, Ports: []mesh.Port{{Number: 8080}}}
	set := &mesh.EndpointSet{Host: host, Endpoints: []mesh.Endpoint{{
		Address: fmt.Sprintf("10.0.%d.%d", revision>>8, revision&255), Ports: []mesh.Port{{Number: 50051}},
	}}}
	return &mesh.World{
		Revision: revision, Domain: "cluster.local", Changed: mesh.HostKeys([]string{host}),
		Services:  mesh.Map[*mesh.Service]{}.With(map[string]*mesh.Service{host: service}, nil),
		Endpoints: mesh.Map[*mesh.EndpointSet]{}.With(map[string]*mesh.EndpointSet{host: set}, nil),
	}
}

// rig is a server on a loopback port.
type rig struct {
	store  *serving.Store
	server *Server
	conn   *grpc.ClientConn
	stop   context.CancelFunc
	ended  chan error
}

func start(t *testing.T, grace time.Duration) *rig {
	t.Helper()
	return startWith(t, Options{Grace: grace})
}

// startWith starts a server with the options, a Store and a port. Only the credentials of o.Ports are used.
func startWith(t *testing.T, o Options) *rig {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &rig{store: serving.NewStore(serving.Options{}), stop: stop, ended: make(chan error, 1)}
	port := Port{Listener: listener}
	if len(o.Ports) > 0 {
		port.Credentials = o.Ports[0].Credentials
	}
	o.Store, o.Ports = r.store, []Port{port}
	r.server = New(o)
	go func() { r.ended <- r.server.Run(ctx) }()
	if r.conn, err = grpc.NewClient("passthrough:///"+r.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(1<<16), grpc.WithStaticStreamWindowSize(1<<16)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = r.conn.Close()
		if err, open := <-r.ended; open && err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return r
}

type adsStream = discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient

func (r *rig) open(t *testing.T) adsStream {
	t.Helper()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func send(t *testing.T, stream adsStream, req *discoveryv3.DiscoveryRequest) {
	t.Helper()
	if err := stream.Send(req); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, stream adsStream) *discoveryv3.DiscoveryResponse {
	t.Helper()
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func request(node *corev3.Node, names ...string) *discoveryv3.DiscoveryRequest {
	return &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: string(snapshot.EndpointType), ResourceNames: names}
}

func TestStreamsAreHeldUntilReady(t *testing.T) {
	r := start(t, 0)
	stream := r.open(t)
	send(t, stream, request(&corev3.Node{Id: "early"}, echoCluster))
	health := healthpb.NewHealthClient(r.conn)
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetStatus()
	}
	if got, want := check(), healthpb.HealthCheckResponse_NOT_SERVING; got != want {
		t.Errorf("health is %v before the first World, want %v", got, want)
	}
	r.store.Publish(world(1))
	if got, want := len(receive(t, stream).GetResources()), 1; got != want {
		t.Errorf("got %d resources, want %d", got, want)
	}
	watch, err := health.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		got, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			return
		}
	}
}

func TestShutdownEndsStreamsRetriably(t *testing.T) {
	r := start(t, 50*time.Millisecond)
	r.store.Publish(world(1))
	stream := r.open(t)
	send(t, stream, request(&corev3.Node{Id: "c"}, echoCluster))
	receive(t, stream)
	r.stop()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("stream ended with %v, want Unavailable", err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("run: %v", err)
	}
	close(r.ended)
}

// TestUnreadableRequests sends a request that cannot be decoded after one that can: the client gets the reason why
// its stream ends.
func TestUnreadableRequests(t *testing.T) {
	r := start(t, 0)
	r.store.Publish(world(1))
	for name, test := range map[string]struct {
		bad  *discoveryv3.DiscoveryRequest
		want codes.Code
	}{
		"too large a message": {request(nil, strings.Repeat("x", 5<<20)), codes.ResourceExhausted},
		"no type URL":         {&discoveryv3.DiscoveryRequest{ResourceNames: []string{echoCluster}}, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			stream := r.open(t)
			send(t, stream, request(&corev3.Node{Id: "c"}, echoCluster))
			receive(t, stream)
			_ = stream.Send(test.bad)
			if _, err := stream.Recv(); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestHostileClientsHarmOnlyThemselves(t *testing.T) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	huge := &structpb.Struct{Fields: map[string]*structpb.Value{"LABELS": structpb.NewStringValue(strings.Repeat("x", 3<<20))}}
	tests := map[string]struct {
		requests []*discoveryv3.DiscoveryRequest
		want     codes.Code // OK: the request is served
	}{
		"no node":        {[]*discoveryv3.DiscoveryRequest{request(nil, echoCluster)}, codes.OK},
		"an empty node":  {[]*discoveryv3.DiscoveryRequest{request(&corev3.Node{}, echoCluster)}, codes.OK},
		"a huge node":    {[]*discoveryv3.DiscoveryRequest{request(&corev3.Node{Metadata: huge}, echoCluster)}, codes.OK},
		"too many names": {[]*discoveryv3.DiscoveryRequest{request(nil, names...)}, codes.ResourceExhausted},
		"no type URL":    {[]*discoveryv3.DiscoveryRequest{{ResourceNames: []string{echoCluster}}}, codes.InvalidArgument},
		"garbage types first": {[]*discoveryv3.DiscoveryRequest{
			{TypeUrl: "garbage"},
			{TypeUrl: "type.googleapis.com/istio.networking.nds.v1.NameTable", ResourceNames: []string{""}},
			request(nil, echoCluster),
		}, codes.OK},
		"too large a message": {[]*discoveryv3.DiscoveryRequest{request(nil, strings.Repeat("x", 5<<20))}, codes.ResourceExhausted},
	}
	r := start(t, 0)
	r.store.Publish(world(1))
	bystander := r.open(t)
	send(t, bystander, request(&corev3.Node{Id: "bystander"}, echoCluster))
	first := receive(t, bystander)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stream := r.open(t)
			for _, req := range test.requests {
				_ = stream.Send(req) // Recv returns why the stream has ended
			}
			if _, err := stream.Recv(); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	ack := request(nil, echoCluster, "another")
	ack.ResponseNonce = first.GetNonce()
	send(t, bystander, ack)
	if got := len(receive(t, bystander).GetResources()); got != 1 {
		t.Errorf("the other client got %d resources, want 1", got)
	}
}

// TestStreamThatNeverReads: a client that does not read fills only its own flow-control window.
func TestStreamThatNeverReads(t *testing.T) {
	r := start(t, 0)
	r.store.Publish(world(1))
	stuck := r.open(t)
	names := make([]string, 20_000) // each unknown name is answered, which is far more than the window
	for i := range names {
		names[i] = fmt.Sprintf("outbound|1||n%d.default.svc.cluster.local", i)
	}
	send(t, stuck, request(&corev3.Node{Id: "stuck"}, names...))

	other := r.open(t)
	send(t, other, request(&corev3.Node{Id: "other"}, echoCluster))
	for revision := range uint64(20) {
		resp := receive(t, other)
		ack := request(nil, echoCluster)
		ack.ResponseNonce, ack.VersionInfo = resp.GetNonce(), resp.GetVersionInfo()
		send(t, other, ack)
		r.store.Publish(world(revision + 2))
	}
	receive(t, other)
}

func TestPanicIsContained(t *testing.T) {
	s := New(Options{Store: serving.NewStore(serving.Options{})})
	err := s.recoverPanic(nil, nil, &grpc.StreamServerInfo{FullMethod: "/m"}, func(any, grpc.ServerStream) error { panic("boom") })
	if got, want := status.Code(err), codes.Internal; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
