package admin_test

import (
	"strings"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// TestXDSAtTheAdminAddress: a client that dials the admin address for xDS is told so, under any name.
func TestXDSAtTheAdminAddress(t *testing.T) {
	s := serve(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(s.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("mizzen.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "this is the admin address") || !strings.Contains(err.Error(), "--xds-address") {
		t.Errorf("got %v, want UNIMPLEMENTED and the place of xDS", err)
	}
	if err := s.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}
