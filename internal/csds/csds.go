// Package csds serves the client status discovery service, which lists the connected clients and the configuration of
// each. It shows configuration, so it is served only on the admin address. The HTTP server there accepts gRPC without
// TLS for it. Handler is the only entry point.
package csds

import (
	"context"
	"errors"
	"io"
	"net/http"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// Path is the path prefix of the service's methods.
const Path = "/envoy.service.status.v3.ClientStatusDiscoveryService/"

type server struct {
	statusv3.UnimplementedClientStatusDiscoveryServiceServer

	store *serving.Store
}

// Handler serves the service to HTTP/2 requests.
func Handler(store *serving.Store) http.Handler {
	s := grpc.NewServer()
	statusv3.RegisterClientStatusDiscoveryServiceServer(s, &server{store: store})
	return s
}

// FetchClientStatus implements statusv3.ClientStatusDiscoveryServiceServer.
func (s *server) FetchClientStatus(_ context.Context, req *statusv3.ClientStatusRequest) (*statusv3.ClientStatusResponse, error) {
	if len(req.GetNodeMatchers()) > 0 {
		return nil, status.Error(codes.InvalidArgument, "node matchers are not supported: request all clients")
	}
	response := &statusv3.ClientStatusResponse{}
	for client := range s.store.ClientSyncs() {
		response.Config = append(response.Config, config(client, req.GetExcludeResourceContents()))
	}
	return response, nil
}

// StreamClientStatus implements statusv3.ClientStatusDiscoveryServiceServer: one response for each request.
func (s *server) StreamClientStatus(stream statusv3.ClientStatusDiscoveryService_StreamClientStatusServer) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response, err := s.FetchClientStatus(stream.Context(), req)
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func config(client serving.ClientSync, bare bool) *statusv3.ClientConfig {
	c := &statusv3.ClientConfig{Node: &corev3.Node{Id: client.ClientInfo.NodeID, UserAgentName: client.ClientInfo.Client.Kind.String()}}
	for _, r := range client.Resources {
		one := &statusv3.ClientConfig_GenericXdsConfig{TypeUrl: string(r.Type), Name: r.Name, VersionInfo: r.Current.Version}
		if !bare {
			one.XdsConfig = r.Current.Any()
		}
		one.ConfigStatus, one.ClientStatus = statuses(r)
		if r.Rejected {
			one.ErrorState = &adminv3.UpdateFailureState{Details: r.Reason, VersionInfo: r.Current.Version}
		}
		c.GenericXdsConfigs = append(c.GenericXdsConfigs, one)
	}
	return c
}

// statuses returns the status of a resource for the control plane, and for the client.
func statuses(r serving.SyncStatus) (statusv3.ConfigStatus, adminv3.ClientResourceStatus) {
	switch {
	case r.Rejected:
		return statusv3.ConfigStatus_ERROR, adminv3.ClientResourceStatus_NACKED
	case !r.Pending():
		return statusv3.ConfigStatus_SYNCED, adminv3.ClientResourceStatus_ACKED
	case r.Sent != nil:
		return statusv3.ConfigStatus_STALE, adminv3.ClientResourceStatus_REQUESTED
	}
	return statusv3.ConfigStatus_NOT_SENT, adminv3.ClientResourceStatus_REQUESTED
}
