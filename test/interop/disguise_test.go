//go:build interop

package interop

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// startDisguise runs a proxy in front of a control plane until the test ends, and returns its address. To the control plane all clients
// behind it are of a version that lacks nothing, so that they are sent the newest form of everything, whatever they can take.
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
	go func() { ended <- pass(client, plane, rejuvenate) }()
	go func() { ended <- pass(plane, client, func(message []byte) ([]byte, error) { return message, nil }) }()
	return <-ended
}

// stream is what both ends of a stream have.
type stream interface {
	RecvMsg(message any) error
	SendMsg(message any) error
}

func pass(from, to stream, change func([]byte) ([]byte, error)) error {
	for {
		var message []byte
		if err := from.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		message, err := change(message)
		if err != nil {
			return err
		}
		if err := to.SendMsg(message); err != nil {
			return err
		}
	}
}

// rejuvenate makes the version of the client in a request the last one that could ever be. C-core's is the last word of several.
func rejuvenate(message []byte) ([]byte, error) {
	var request discoveryv3.DiscoveryRequest
	if err := proto.Unmarshal(message, &request); err != nil {
		return nil, err
	}
	words := strings.Fields(request.GetNode().GetUserAgentVersion())
	if len(words) == 0 {
		return message, nil
	}
	words[len(words)-1] = "1.999.0"
	request.GetNode().UserAgentVersionType.(*corev3.Node_UserAgentVersion).UserAgentVersion = strings.Join(words, " ")
	return proto.Marshal(&request)
}
