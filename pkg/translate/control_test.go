// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// control is a minimal control plane for a real gRPC client. It serves one Snapshot and records the client's
// answers. The streams of the product are tested in package ads.
type control struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	snapshot *snapshot.Snapshot
	client   mesh.Client
	// extra are additional resources. They must be set before the first client dials.
	extra    map[resourceID]*anypb.Any
	verdicts chan verdict
	address  string
}

// verdict is a client's answer to a response.
type verdict struct {
	resourceType snapshot.Type
	names        []string
	nack         string // empty if the client accepted the response
}

// serve starts a control plane that stops at the end of the test.
func serve(t *testing.T, s *snapshot.Snapshot, client mesh.Client) *control {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client.Kind = mesh.GRPCGo
	c := &control{snapshot: s, client: client, verdicts: make(chan verdict, 1), address: listener.Addr().String()}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serve: %v", err)
		}
	})
	return c
}

// dial makes a channel of a real client in the namespace of c.client.
func (c *control) dial(t *testing.T, name string) *grpc.ClientConn {
	t.Helper()
	config, err := bootstrap.JSON(bootstrap.Options{
		ServerURI: c.address, Namespace: c.client.Namespace, Certificates: certificates(t, c.client.Providers),
	})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		t.Fatal(err)
	}
	channel, err := grpc.NewClient("xds:///"+name, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := channel.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return channel
}

// certificates returns the bootstrap of a client that declares the providers. The files do not exist; only calls
// need them.
func certificates(t *testing.T, providers mesh.Providers) map[string]bootstrap.Certificates {
	t.Helper()
	all, dir := map[string]bootstrap.Certificates{}, t.TempDir()
	for _, name := range providers.All() {
		all[name] = bootstrap.Certificates{Certificate: dir + "/tls.crt", Key: dir + "/tls.key", Roots: dir + "/ca.crt"}
	}
	return all
}

// await receives answers until all resources of want are accepted. It fails if the client rejects a response.
func (c *control) await(t *testing.T, want map[resourceID]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(want) > 0 {
		select {
		case v := <-c.verdicts:
			if v.nack != "" {
				t.Fatalf("the client rejected %s %q: %s", v.resourceType.Name(), v.names, v.nack)
			}
			for _, name := range v.names {
				delete(want, resourceID{v.resourceType, name})
			}
		case <-ctx.Done():
			t.Fatalf("the client did not acknowledge %v", want)
		}
	}
}

// StreamAggregatedResources implements the state-of-the-world protocol.
func (c *control) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	subscribed := map[snapshot.Type][]string{}
	nonces := map[snapshot.Type]string{}
	for n := 1; ; n++ {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		t := snapshot.Type(request.GetTypeUrl())
		if request.GetResponseNonce() != "" && request.GetResponseNonce() == nonces[t] {
			v := verdict{t, subscribed[t], request.GetErrorDetail().GetMessage()}
			select {
			case c.verdicts <- v:
			case <-stream.Context().Done():
				return nil
			}
		}
		if slices.Equal(request.GetResourceNames(), subscribed[t]) {
			continue
		}
		subscribed[t], nonces[t] = slices.Clone(request.GetResourceNames()), strconv.Itoa(n)
		response := &discoveryv3.DiscoveryResponse{
			TypeUrl: request.GetTypeUrl(), Nonce: nonces[t], VersionInfo: nonces[t], ControlPlane: &corev3.ControlPlane{},
		}
		for _, name := range subscribed[t] {
			if extra := c.extra[resourceID{t, name}]; extra != nil {
				response.Resources = append(response.Resources, extra)
			} else if v := c.snapshot.Resource(t, name, c.client); v != nil {
				response.Resources = append(response.Resources, v.Any())
			}
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}
