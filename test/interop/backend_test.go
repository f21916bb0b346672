//go:build interop

package interop

import (
	"encoding/json"
	"math"
	"net"
	"path"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// backend is a gRPC server that answers every method with its name, and records the calls.
type backend struct {
	name string
	spec backendSpec
	port int
	// failures is the number of next calls that fail as unavailable.
	failures atomic.Int32
	// served is the number of calls that have ended, and failed that of those of them that failed.
	served, failed atomic.Uint64

	mu   sync.Mutex
	seen []observation
}

// slow is the duration of a slow call.
const slow = 2 * time.Second

// observation is what a backend recorded about one call.
type observation struct {
	// attempts is the number of earlier attempts as sent by gRPC; empty for the first attempt.
	attempts string
	// budget is the time until the deadline; zero without one.
	budget time.Duration
}

// answer is the response of a backend.
type answer struct {
	Backend string `json:"backend"`
	Version string `json:"version"`
}

// raw is a codec that passes the bytes of messages through.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = slices.Clone(data); return nil }

func newBackend(t *testing.T, name string, spec backendSpec, mesh *authority.Authority) *backend {
	t.Helper()
	b := &backend{name: name, spec: spec}
	options := []grpc.ServerOption{grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(b.handle)}
	if spec.Proves != "" {
		options = append(options, grpc.Creds(credentials.NewTLS(mesh.Server(spec.Proves))))
	}
	server := grpc.NewServer(options...)
	var serving sync.WaitGroup
	for _, family := range b.families() {
		// The port is the same for both address families.
		listener, err := net.Listen("tcp", net.JoinHostPort(loopback[family], strconv.Itoa(b.port)))
		if err != nil {
			t.Fatal(err)
		}
		b.port = listener.Addr().(*net.TCPAddr).Port
		serving.Go(func() { _ = server.Serve(listener) })
	}
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return b
}

// loopback has this machine's addresses by family.
var loopback = map[string]string{"IPv4": "127.0.0.1", "IPv6": "::1"}

// families returns the families of the backend's addresses, as EndpointSlices write them.
func (b *backend) families() []string {
	switch b.spec.Family {
	case "ipv6":
		return []string{"IPv6"}
	case "dual":
		return []string{"IPv4", "IPv6"}
	}
	return []string{"IPv4"}
}

func (b *backend) handle(_ any, stream grpc.ServerStream) (err error) {
	b.note(stream)
	defer func() {
		b.served.Add(1)
		if err != nil {
			b.failed.Add(1)
		}
	}()
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	if b.failures.Add(-1) >= 0 {
		return status.Error(codes.Unavailable, "told to fail")
	}
	method, _ := grpc.MethodFromServerStream(stream)
	if path.Base(method) == "Wait" {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	if path.Base(method) == "Slow" || b.spec.Slow {
		<-time.After(slow)
	}
	if b.spec.Load > 0 {
		stream.SetTrailer(metadata.Pairs("endpoint-load-metrics-bin", string(loadReport(b.spec.Load))))
	}
	message, err := json.Marshal(answer{Backend: b.name, Version: b.spec.Version})
	if err != nil {
		return err
	}
	return stream.SendMsg(message)
}

// loadReport is an OrcaLoadReport of gRFC A51: the load of the CPU, and some calls a second.
func loadReport(load float64) []byte {
	const cpuUtilization, rpsFractional = 1, 6
	report := protowire.AppendFixed64(protowire.AppendTag(nil, cpuUtilization, protowire.Fixed64Type), math.Float64bits(load))
	return protowire.AppendFixed64(protowire.AppendTag(report, rpsFractional, protowire.Fixed64Type), math.Float64bits(100))
}

func (b *backend) note(stream grpc.ServerStream) {
	md, _ := metadata.FromIncomingContext(stream.Context())
	var s observation
	if v := md.Get("grpc-previous-rpc-attempts"); len(v) > 0 {
		s.attempts = v[0]
	}
	if deadline, ok := stream.Context().Deadline(); ok {
		s.budget = time.Until(deadline)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, s)
}

// take returns what was recorded since the last call of take.
func (b *backend) take() []observation {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := b.seen
	b.seen = nil
	return seen
}
