package ads

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mizzen-mesh/mizzen/internal/certificate"
)

// TestHTTPOnAnXDSPort: every method of HTTP/1 gets an answer that says where to ask, with and without TLS on the port,
// and gRPC clients are served as before.
func TestHTTPOnAnXDSPort(t *testing.T) {
	signed, err := certificate.NewSelfSigned([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for name, encryption := range map[string]credentials.TransportCredentials{"plaintext": nil, "TLS": credentials.NewTLS(signed.Config())} {
		t.Run(name, func(t *testing.T) {
			r := startWith(t, Options{Ports: []Port{{Credentials: encryption}}})
			transport := &http.Transport{DisableKeepAlives: true}
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
				request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.server.Addr()+"/api/clients", bytes.NewReader(make([]byte, 10_000)))
				if err != nil {
					t.Fatal(err)
				}
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Fatalf("%s: %v", method, err)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != http.StatusBadRequest || method != "HEAD" && !strings.Contains(string(body), "this is an xDS port") {
					t.Errorf("%s: got %d %q, want 400 and that it is an xDS port", method, response.StatusCode, body)
				}
			}
			if encryption != nil {
				return
			}
			conn, err := grpc.NewClient(r.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Errorf("a gRPC client: %v", err)
			}
		})
	}
}
