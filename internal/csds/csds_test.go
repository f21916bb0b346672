package csds_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"

	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"github.com/prometheus/client_golang/prometheus"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/csds"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func TestClientsAreShownOnTheAdminAddress(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(&mesh.World{Revision: 1, Domain: "cluster.local"})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := admin.New(admin.Options{
		Listener: listener, Metrics: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
		Calls: map[string]http.Handler{csds.Path: csds.Handler(store)},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	defer func() { cancel(); <-done }()
	conn, err := grpc.NewClient(server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	calls := statusv3.NewClientStatusDiscoveryServiceClient(conn)

	session := store.Open(serving.ClientInfo{NodeID: "one"}, nil)
	defer session.Close()
	const name = "outbound|80||echo.shop.svc.cluster.local"
	nonce := ""
	ask := func(refusal *statuspb.Status) {
		session.Request(&serving.Request{Type: snapshot.ClusterType, Names: []string{name}, Nonce: nonce, Refusal: refusal})
	}
	expect := func(want statusv3.ConfigStatus) {
		t.Helper()
		got, err := calls.FetchClientStatus(t.Context(), &statusv3.ClientStatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		client := got.GetConfig()[0]
		if client.GetNode().GetId() != "one" || len(client.GetGenericXdsConfigs()) != 1 || client.GetGenericXdsConfigs()[0].GetConfigStatus() != want {
			t.Errorf("got %v, want node one and %s", got, want)
		}
	}
	ask(nil)
	expect(statusv3.ConfigStatus_NOT_SENT)
	nonce = session.Next().Nonce
	expect(statusv3.ConfigStatus_STALE)
	ask(&statuspb.Status{Message: "no"})
	expect(statusv3.ConfigStatus_ERROR)
}
