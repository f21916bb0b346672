package snapshot_test

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestServerCertificate has servers with the labels of mTLS, of known and unknown kinds. The declared provider decides, unless
// the kind is known to ignore TLS.
func TestServerCertificate(t *testing.T) {
	world := snapshottest.Load(t, nil)
	for name, test := range map[string]struct {
		agent, version, providers string
		tls                       bool
	}{
		"Go":                  {"gRPC Go", "1.85.0", "default", true},
		"without a provider":  {"gRPC Go", "1.85.0", "", false},
		"another provider":    {"gRPC Go", "1.85.0", "mesh", false},
		"a kind not known":    {"custom", "", "default", true},
		"no kind":             {"", "", "default", true},
		"no kind or provider": {"", "", "", false},
		"ignores TLS":         {"gRPC Go", "1.36.0", "default", false},
	} {
		t.Run(name, func(t *testing.T) {
			metadata, err := structpb.NewStruct(map[string]any{
				"NAMESPACE": "shop", "CERTIFICATE_PROVIDERS": test.providers,
				"LABELS": map[string]any{mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS},
			})
			if err != nil {
				t.Fatal(err)
			}
			client := snapshot.ClientOf(&corev3.Node{
				UserAgentName: test.agent, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: test.version}, Metadata: metadata,
			}, "")
			listener := unmarshal[*listenerv3.Listener](t, snapshot.New(world).Resource(snapshot.ListenerType, "grpc/server?xds.resource.listening_address=0.0.0.0:50051", client))
			if tls := listener.GetFilterChains()[0].GetTransportSocket() != nil; tls != test.tls {
				t.Errorf("TLS: got %v, want %v", tls, test.tls)
			}
		})
	}
}
