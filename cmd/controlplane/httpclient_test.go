package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// connectJavaAgent opens a stream as the Java agent of a pod does, and subscribes to names, which are answered.
func connectJavaAgent(t *testing.T, address, namespace, pod string, names ...string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := structpb.NewStruct(map[string]any{
		"NAMESPACE": namespace, "LABELS": map[string]any{"app": "web"}, "PROTOCOLS": []any{"http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	node := &corev3.Node{
		Id: bootstrap.NodeID(namespace, pod), Metadata: metadata,
		UserAgentName: "mizzen-java-agent", UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "0.1.0"},
	}
	if err := stream.Send(&discoveryv3.DiscoveryRequest{Node: node, TypeUrl: "type.googleapis.com/envoy.config.listener.v3.Listener", ResourceNames: names}); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < len(names); {
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		got += len(response.GetResources())
	}
}

// TestTheJavaAgentIsShown: every command that shows clients says what the Java agent is, and what it needs of its own.
func TestTheJavaAgentIsShown(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(meshOfPods), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--files", dir)
	connectJavaAgent(t, s.xds, "demo", "web-0", "shop", "echo", "in-the-registry")
	for args, want := range map[string][]string{
		"inspect clients":               {"mizzen~demo~web-0", "mizzen-java-agent 0.1.0"},
		"inspect clients -o wide":       {"mizzen-java-agent 0.1.0", "Listener"},
		"inspect sync --by client":      {"mizzen-java-agent 0.1.0"},
		"inspect resources --host shop": {"Listener"},
		"inspect unknown": {
			"echo ", "Service demo/echo has only ports for gRPC", "in-the-registry ", "the registry of the application decides",
		},
		"describe pod demo/web-0":                                  {"Kind:       mizzen-java-agent 0.1.0\n", "Listener shop: subscribed"},
		"describe client mizzen~demo~web-0":                        {"Kind:       mizzen-java-agent 0.1.0\n"},
		"describe host shop -n demo":                               {"mizzen~demo~web-0, namespace demo, mizzen-java-agent 0.1.0, dials shop"},
		"explain --pod demo/web-0 --http http://shop/any":          {"client    pod demo/web-0, connected, mizzen-java-agent 0.1.0", "the only endpoint"},
		"explain --as demo --http http://shop/down":                {"status 503"},
		"explain --pod demo/web-0 --to echo --call /a.B/D":         {"pod demo/web-0, not connected, taken for a client with every feature", "None of the gRPC clients is connected from the pod, only mizzen-java-agent 0.1.0.", "the only endpoint"},
		"explain --pod demo/web-0 --http http://shop/down -o json": {`"http": true`, `"status": 503`, `"bodySize": 4`},
	} {
		got := command(t.Context(), "", append(strings.Fields(args), "--address", s.admin)...)
		rest := got.stdout
		for _, text := range want {
			_, after, ok := strings.Cut(rest, text)
			if !ok || got.code != exitOK {
				t.Errorf("%s: got exit code %d, %q and\n%s\nwant in it %q", args, got.code, got.err, got.stdout, text)
				break
			}
			rest = after
		}
	}
}
