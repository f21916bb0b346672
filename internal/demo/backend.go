package demo

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// backendSpecs lists the backends of the manifests. A test keeps the two equal.
var backendSpecs = []struct {
	name, version string
	port          int
}{
	{"v1-a", "v1", 50061},
	{"v1-b", "v1", 50062},
	{"v2-a", "v2", 50063},
	{"v2-b", "v2", 50064},
}

// backend is one gRPC server of the greeter.
type backend struct {
	testpb.UnimplementedTestServiceServer

	name, version string
	// file is the name of the file that describes it in the folder.
	file     string
	listener net.Listener
	server   *grpc.Server
	// served counts the calls that it has answered.
	served atomic.Uint64
}

// newBackends listens on the ports in the folder. If a port is in use, it takes a free one and writes it into the
// folder.
func newBackends(folder folder) ([]*backend, error) {
	backends := make([]*backend, 0, len(backendSpecs))
	for _, c := range backendSpecs {
		b := &backend{name: c.name, version: c.version, file: backendFile(c.name), server: grpc.NewServer()}
		testpb.RegisterTestServiceServer(b.server, b)
		var err error
		if b.listener, err = listenNear(c.port); err != nil {
			return nil, err
		}
		if port := b.port(); port != c.port {
			if err := folder.setPort(b.file, c.port, port); err != nil {
				return nil, err
			}
		}
		backends = append(backends, b)
	}
	return backends, nil
}

// backendFile returns the name of the file that describes a backend.
func backendFile(name string) string { return "backend-" + name + ".yaml" }

func listenNear(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err == nil {
		return listener, nil
	}
	if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("find a port for a backend: %w", err)
	}
	return listener, nil
}

func (b *backend) port() int {
	if addr, ok := b.listener.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// Run serves until ctx ends or kill is called.
func (b *backend) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, b.server.Stop)
	defer stop()
	if err := b.server.Serve(b.listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve backend %s: %w", b.name, err)
	}
	return nil
}

// kill closes all connections immediately, with the calls on them.
func (b *backend) kill() { b.server.Stop() }

// UnaryCall returns the names of the backend and its version.
func (b *backend) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	b.served.Add(1)
	return &testpb.SimpleResponse{ServerId: b.version, Hostname: b.name}, nil
}
