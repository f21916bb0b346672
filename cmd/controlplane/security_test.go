package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/manifests"
)

// demoFolder returns a folder with the demo's objects.
func demoFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	objects, err := manifests.Demo()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, objects); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestServeOverTLS(t *testing.T) {
	s := startServe(t, "--files", demoFolder(t), "--xds-address", addressOff, "--xds-tls-address", "127.0.0.1:0", "--tls-self-signed", "localhost,127.0.0.1")
	if s.xds != addressOff || s.xdsTLS == "" {
		t.Fatalf("the ready line has xds=%s xds_tls=%s, want off and an address", s.xds, s.xdsTLS)
	}
	code, authority := get(t, s, authorityPath)
	if code != http.StatusOK {
		t.Fatalf("%s: got %d", authorityPath, code)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(authority))
	conn, err := grpc.NewClient(s.xdsTLS, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("got %v, %v over TLS, want SERVING", got, err)
	}
}

func TestServeRequiresProof(t *testing.T) {
	s := startServe(t, "--files", demoFolder(t), "--identity", identityProof)
	conn, err := grpc.NewClient(s.xds, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v, want Unauthenticated with the address", err)
	}
}

func TestMetricsPortServesNothingElse(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	startServe(t, "--files", demoFolder(t), "--metrics-address", address)
	for path, want := range map[string]int{
		"/metrics": http.StatusOK, "/readyz": http.StatusOK, "/healthz": http.StatusOK,
		"/api/clients": http.StatusNotFound, "/api/explain": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound, "/ca.crt": http.StatusNotFound,
	} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, want)
		}
	}
}
