package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/mizzen-mesh/mizzen/test/authority"
)

// BenchmarkPolicyEdit measures the time from the moment when a file with an AuthorizationPolicy is put in its place to the
// first call on an open connection that a gRPC server decides by it. The next call begins as soon as the last one has ended.
// Between two edits there are calls for up to 50 ms, so that some edits find the control plane idle and some do not.
func BenchmarkPolicyEdit(b *testing.B) {
	p := newProtected(b)
	random := rand.New(rand.NewPCG(1, 1))
	latencies := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		for end := time.Now().Add(time.Duration(random.Int64N(int64(50 * time.Millisecond)))); time.Now().Before(end); {
			p.allowed()
		}
		latencies = append(latencies, p.edit(n%2 == 1))
	}
	b.StopTimer()
	p.checkConnections()
	slices.Sort(latencies)
	for _, q := range []int{50, 90, 99} {
		b.ReportMetric(float64(latencies[len(latencies)*q/100].Microseconds())/1000, fmt.Sprintf("ms-p%d", q))
	}
}

// TestPolicyEdit does the same a few times. Half of the edits must be in effect within a second: a machine that is busy
// with other work may stop a single one for longer.
func TestPolicyEdit(t *testing.T) {
	p := newProtected(t)
	var latencies []time.Duration
	for n := range 11 {
		latencies = append(latencies, p.edit(n%2 == 1))
	}
	p.checkConnections()
	slices.Sort(latencies)
	if median := latencies[len(latencies)/2]; median > time.Second {
		t.Errorf("edits are in effect after %v, want at most a second (all: %v)", median, latencies)
	}
}

// protected is a gRPC server with mTLS that a control plane over a folder configures, and a client of it.
type protected struct {
	testing.TB

	dir    string
	client *grpc.ClientConn
	// dials counts the connections of the client.
	dials atomic.Int64
}

// newProtected starts all of it. The policy allows the client's calls.
func newProtected(b testing.TB) *protected {
	b.Helper()
	p := &protected{TB: b, dir: b.TempDir()}
	p.write(true)()
	pod := authority.New(b).Pod("demo", "me")
	address := p.serve(p.controlPlane(), pod)
	creds := credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pod.Pair()}, MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // what is measured is the server
	})
	var err error
	p.client, err = grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds), grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		p.dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.client.Close() })
	for !p.allowed() { // until the server has its rules
	}
	return p
}

// controlPlane serves the folder and returns its address.
func (p *protected) controlPlane() string {
	store, worlds, source := serving.NewStore(serving.Options{}), watch.NewWorlds(), files.NewSource(p.dir, watch.Options{})
	server := ads.New(ads.Options{Store: store, Ports: []ads.Port{{Listener: p.listen()}}})
	group, ctx := errgroup.WithContext(p.Context())
	group.Go(func() error { return source.Run(ctx, worlds) })
	group.Go(func() error { return store.Run(ctx, worlds) })
	group.Go(func() error { return server.Run(ctx) })
	p.Cleanup(func() {
		if err := group.Wait(); err != nil {
			p.Error(err)
		}
	})
	return server.Addr()
}

// serve starts the server with the certificate of a pod, and returns its address once it serves.
func (p *protected) serve(controlPlane string, pod *authority.Files) string {
	config, err := bootstrap.JSON(bootstrap.Options{
		ServerURI: controlPlane, NodeID: "server", Namespace: "demo", ServiceAccount: "me", Server: true,
		Labels: map[string]string{mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS},
		Certificates: map[string]bootstrap.Certificates{mesh.MeshProvider: {
			Certificate: filepath.Join(pod.Dir, "tls.crt"), Key: filepath.Join(pod.Dir, "tls.key"), Roots: filepath.Join(pod.Dir, "ca.crt"),
		}},
	})
	if err != nil {
		p.Fatal(err)
	}
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		p.Fatal(err)
	}
	serves := make(chan struct{}, 1)
	server, err := xds.NewGRPCServer(grpc.Creds(creds), xds.BootstrapContentsForTesting(config),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error { return stream.SendMsg(&emptypb.Empty{}) }),
		xds.ServingModeCallback(func(_ net.Addr, args xds.ServingModeChangeArgs) {
			if args.Err == nil {
				select {
				case serves <- struct{}{}:
				default:
				}
			}
		}))
	if err != nil {
		p.Fatal(err)
	}
	listener := p.listen()
	go func() { _ = server.Serve(listener) }()
	p.Cleanup(server.Stop)
	<-serves
	return listener.Addr().String()
}

func (p *protected) listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	return listener
}

// write writes the policy that allows the client's calls, or only those of another client, and returns what puts it in its
// place.
func (p *protected) write(allow bool) (put func()) {
	account := "me"
	if !allow {
		account = "another"
	}
	draft := filepath.Join(p.dir, ".policy.yaml.new")
	if err := os.WriteFile(draft, fmt.Appendf(nil, `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: demo}
spec: {rules: [{from: [{source: {principals: [cluster.local/ns/demo/sa/%s]}}]}]}
`, account), 0o600); err != nil {
		p.Fatal(err)
	}
	return func() {
		if err := os.Rename(draft, filepath.Join(p.dir, "policy.yaml")); err != nil {
			p.Fatal(err)
		}
	}
}

// edit changes the policy, and returns how long it took until the server decided a call by it.
func (p *protected) edit(allow bool) time.Duration {
	put := p.write(allow)
	begin := time.Now()
	put()
	for p.allowed() != allow {
		if time.Since(begin) > time.Minute {
			p.Fatal("the edit has no effect")
		}
	}
	return time.Since(begin)
}

// allowed makes a call, and reports whether the server allows it.
func (p *protected) allowed() bool {
	err := p.client.Invoke(p.Context(), "/bench.Service/Get", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true))
	if code := status.Code(err); code != codes.OK && code != codes.PermissionDenied {
		p.Fatal(err)
	}
	return err == nil
}

// checkConnections verifies that no edit has closed the client's connection.
func (p *protected) checkConnections() {
	if n := p.dials.Load(); n != 1 {
		p.Errorf("the client has connected %d times, want once", n)
	}
}
