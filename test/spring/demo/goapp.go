package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// goApp is go-sc-a: a Go application that serves HTTP and gRPC, and knows nothing of the mesh.
type goApp struct {
	testpb.UnimplementedTestServiceServer

	version    string
	web, calls net.Listener
	http       *http.Server
	grpc       *grpc.Server
	serving    sync.WaitGroup
}

func startGoApp(version string) (*goApp, error) {
	a := &goApp{version: version, grpc: grpc.NewServer()}
	var err error
	if a.web, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if a.calls, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	a.http = &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	testpb.RegisterTestServiceServer(a.grpc, a)
	a.serving.Go(func() { _ = a.http.Serve(a.web) })
	a.serving.Go(func() { _ = a.grpc.Serve(a.calls) })
	return a, nil
}

func (a *goApp) close() {
	a.grpc.Stop()
	_ = a.http.Close()
	a.serving.Wait()
}

func (a *goApp) httpPort() int { return a.web.Addr().(*net.TCPAddr).Port }
func (a *goApp) grpcPort() int { return a.calls.Addr().(*net.TCPAddr).Port }

// ServeHTTP answers the version.
func (a *goApp) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"version": a.version})
}

// UnaryCall answers the version.
func (a *goApp) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{ServerId: a.version}, nil
}

// forwarder takes the part of kube-proxy: it forwards connections to the address of a Service to its only endpoint.
type forwarder struct {
	listener net.Listener
	endpoint string
	serving  sync.WaitGroup
}

func startForwarder(endpoint string) (*forwarder, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("forward a Service: %w", err)
	}
	f := &forwarder{listener: listener, endpoint: endpoint}
	f.serving.Go(f.accept)
	return f, nil
}

func (f *forwarder) address() string { return f.listener.Addr().String() }

func (f *forwarder) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.serving.Go(func() { f.forward(client) })
	}
}

func (f *forwarder) forward(client net.Conn) {
	server, err := net.Dial("tcp", f.endpoint)
	if err != nil {
		_ = client.Close()
		return
	}
	var copies sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		copies.Go(func() {
			_, err := io.Copy(pair[0], pair[1])
			_ = errors.Join(err, client.Close(), server.Close())
		})
	}
	copies.Wait()
}

// close may be called on nil. Connections end with the processes at their ends.
func (f *forwarder) close() {
	if f != nil {
		_ = f.listener.Close()
	}
}
