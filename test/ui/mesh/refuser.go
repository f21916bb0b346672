package main

import (
	"context"
	"fmt"
	"net"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	routesType = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	// refused are the routes of which the refuser takes the first version, and no other.
	refused = "outbound|50051||payment.bank.svc.cluster.local"
)

// runRefuser keeps a client connected that refuses changes, as a client with a fault does.
func runRefuser(ctx context.Context, xds, reason string) error {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address(len(shop) - 1))}}
	conn, err := grpc.NewClient(xds, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", a) }))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for ctx.Err() == nil {
		_ = refuse(ctx, conn, reason) // the control plane ended or is not there yet
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func refuse(ctx context.Context, conn *grpc.ClientConn, reason string) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	node := &corev3.Node{Id: "refuser.ops", UserAgentName: "gRPC Go", UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1.85.0"}}
	request := &discoveryv3.DiscoveryRequest{Node: node, TypeUrl: routesType, ResourceNames: []string{refused}}
	for version := ""; ; {
		if err := stream.Send(request); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		response, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		request = &discoveryv3.DiscoveryRequest{TypeUrl: routesType, ResourceNames: []string{refused}, ResponseNonce: response.GetNonce()}
		if version == "" {
			version = response.GetVersionInfo()
		} else {
			request.ErrorDetail = &rpcstatus.Status{Code: 3, Message: reason}
		}
		request.VersionInfo = version
	}
}
