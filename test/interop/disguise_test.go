//go:build interop

package interop

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// startDisguise runs a proxy in front of a control plane until the test ends, and returns its address. To the control plane all clients
// behind it are of a kind and version that lacks nothing, so that they are sent the newest form of everything, whatever they can take.
func startDisguise(t *testing.T, plane string) string {
	t.Helper()
	channel := must(grpc.NewClient(plane, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}))))(t)
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, client grpc.ServerStream) error {
		return disguise(channel, client)
	}))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		_ = channel.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// disguise passes a stream on, and ends with the first end of its two directions.
func disguise(channel *grpc.ClientConn, client grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(client)
	ctx, cancel := context.WithCancel(client.Context())
	defer cancel()
	plane, err := channel.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- pass(client, plane, change) }()
	go func() { ended <- pass(plane, client, func(message []byte) ([]byte, error) { return message, nil }) }()
	return <-ended
}

// stream is what both ends of a stream have.
type stream interface {
	RecvMsg(message any) error
	SendMsg(message any) error
}

func pass(from, to stream, edit func([]byte) ([]byte, error)) error {
	for {
		var message []byte
		if err := from.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		message, err := edit(message)
		if err != nil {
			return err
		}
		if err := to.SendMsg(message); err != nil {
			return err
		}
	}
}

// disguiseAgent is the kind of client whose newest versions lack no feature.
const disguiseAgent = "gRPC Java"

// change makes the client of a request one of disguiseAgent, of the last version that could ever be.
func change(message []byte) ([]byte, error) {
	var request discoveryv3.DiscoveryRequest
	if err := proto.Unmarshal(message, &request); err != nil {
		return nil, err
	}
	if request.GetNode().GetUserAgentName() == "" {
		return message, nil
	}
	request.Node.UserAgentName = disguiseAgent
	request.Node.UserAgentVersionType = &corev3.Node_UserAgentVersion{UserAgentVersion: "1.999.0"}
	return proto.Marshal(&request)
}
