package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// usual are the ports of the suite's program if it is given none.
var usual = []string{"8080", "7070"}

// ports returns the ports to listen on. The suite also names ports for TCP and TLS, which none of its tests of meshes calls.
func ports(args []string) []string {
	var found, encrypted []string
	for _, arg := range args {
		switch name, port, _ := strings.Cut(arg, "="); name {
		case "--port", "--grpc":
			found = append(found, port)
		case "--tls":
			encrypted = append(encrypted, port)
		}
	}
	if len(found) == 0 {
		return usual
	}
	return slices.DeleteFunc(found, func(port string) bool { return slices.Contains(encrypted, port) })
}

// serve answers on all ports until ctx ends.
func serve(ctx context.Context, args []string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, port := range ports(args) {
		group.Go(func() error { return serveOn(ctx, port) })
	}
	return group.Wait()
}

// serveOn answers gRPC, of every method, and HTTP/1 on one port.
func serveOn(ctx context.Context, port string) error {
	calls := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(stream)
		headers, _ := metadata.FromIncomingContext(stream.Context())
		from := ""
		if p, ok := peer.FromContext(stream.Context()); ok {
			from = p.Addr.String()
		}
		return stream.SendMsg(wrapperspb.String(describe(method, port, from, headers)))
	}))
	server := &http.Server{ReadHeaderTimeout: time.Minute, Protocols: &http.Protocols{}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			calls.ServeHTTP(w, r)
			return
		}
		_, _ = io.WriteString(w, describe(r.URL.RequestURI(), port, r.RemoteAddr, r.Header)) // the client may have gone
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+port)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// describe returns the request and who answers it, in the form of the suite's program.
func describe(path, port, from string, headers map[string][]string) string {
	var b strings.Builder
	host, _ := os.Hostname() // it is the pod's name
	fmt.Fprintf(&b, "Hostname=%s\nServicePort=%s\nURL=%s\nIP=%s\n", host, port, path, from)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		for _, value := range headers[name] {
			fmt.Fprintf(&b, "RequestHeader=%s:%s\n", name, value)
		}
	}
	return b.String()
}
