package behaviour

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// simpleBootstrap is what the init container of Istio's injection template grpc-simple writes. Only the address differs.
func (p *plane) simpleBootstrap() string {
	return fmt.Sprintf(`
{
  "xds_servers": [
    {
      "server_uri": "%s",
      "channel_creds": [{"type": "insecure"}],
      "server_features" : ["xds_v3"]
    }
  ],
  "node": {
    "id": "sidecar~10.0.0.9~me-1.demo~cluster.local",
    "metadata": {
      "GENERATOR": "grpc"
    }
  }
}`, p.xds)
}

// agentBootstrap is what the agent of Istio's injection template grpc-agent writes for a pod of the account me, with the address of the
// control plane instead of the agent's socket, other names of the files, and more labels.
func (p *plane) agentBootstrap(files *authority.Files, more string) string {
	file := func(name string) string { return filepath.Join(files.Dir, name) }
	return fmt.Sprintf(`
{
  "xds_servers": [
    {
      "server_uri": %q,
      "channel_creds": [{"type": "insecure"}],
      "server_features": ["xds_v3"]
    }
  ],
  "node": {
    "id": "sidecar~127.0.0.1~me-1.demo~demo.svc.cluster.local",
    "metadata": {
      "ANNOTATIONS": {"inject.istio.io/templates": "grpc-agent"},
      "APP_CONTAINERS": "app",
      "CLUSTER_ID": "Kubernetes",
      "DNS_CAPTURE": "false",
      "ENVOY_PROMETHEUS_PORT": 15090,
      "ENVOY_STATUS_PORT": 15021,
      "GENERATOR": "grpc",
      "INSTANCE_IPS": "127.0.0.1",
      "ISTIO_VERSION": "1.32.0",
      "LABELS": {"app": "me", "service.istio.io/canonical-name": "me", "service.istio.io/canonical-revision": "latest"%s},
      "MESH_ID": "cluster.local",
      "NAME": "me-1",
      "NAMESPACE": "demo",
      "NODE_NAME": "node-1",
      "OWNER": "kubernetes://apis/apps/v1/namespaces/demo/deployments/me",
      "PILOT_SAN": ["istiod.istio-system.svc"],
      "POD_PORTS": "[\n]",
      "PROXY_CONFIG": {"discoveryAddress": "istiod.istio-system.svc:15012", "proxyMetadata": {}, "statusPort": 15020},
      "SERVICE_ACCOUNT": "me",
      "WORKLOAD_NAME": "me"
    },
    "locality": {}
  },
  "certificate_providers": {
    "default": {
      "plugin_name": "file_watcher",
      "config": {
        "certificate_file": %q,
        "private_key_file": %q,
        "ca_certificate_file": %q,
        "refresh_interval": "900s"
      }
    }
  },
  "server_listener_resource_name_template": "xds.istio.io/grpc/lds/inbound/%%s"
}`, p.xds, more, file("tls.crt"), file("tls.key"), file("ca.crt"))
}

// declared is the label of pods whose applications use xDS credentials. It declares the provider in the agent's bootstrap.
const declared = `, "security.istio.io/tlsMode": "istio"`

// TestIstioBootstraps: clients with the bootstraps of Istio's injection templates follow the rules for the names that they dial.
func TestIstioBootstraps(t *testing.T) {
	stable, canary := newBackend(t, "stable", "v1"), newBackend(t, "canary", "v2")
	p := newPlane(t, service("echo", stable, canary), `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: demo}
spec: {host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
`, `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec:
  hosts: [echo]
  http:
  - match: [{headers: {canary: {exact: "yes"}}}]
    route: [{destination: {host: echo, subset: v2}}]
  - route: [{destination: {host: echo, subset: v1}}]
`)
	agent := p.agentBootstrap(authority.New(t).Pod("demo", "me"), "")
	for name, test := range map[string]struct{ bootstrap, target string }{
		"grpc-simple":             {p.simpleBootstrap(), "echo.demo.svc.cluster.local:80"},
		"grpc-simple, short name": {p.simpleBootstrap(), "echo:80"},
		"grpc-agent":              {agent, "echo.demo.svc.cluster.local:80"},
		"grpc-agent, short name":  {agent, "echo:80"},
	} {
		t.Run(name, func(t *testing.T) {
			client := p.dialByText(test.target, test.bootstrap, byXDS(t))
			for range 20 {
				if resp, err := call(t, client); err != nil || resp.GetHostname() != "stable" {
					t.Fatalf("without a header: got %v, %v", resp, err)
				}
				if resp, err := call(t, client, "canary", "yes"); err != nil || resp.GetHostname() != "canary" {
					t.Fatalf("with the header: got %v, %v", resp, err)
				}
			}
			unknown := p.dialByText("no-such.demo.svc.cluster.local:80", test.bootstrap, byXDS(t))
			started := time.Now()
			if _, err := call(t, unknown); status.Code(err) != codes.Unavailable || time.Since(started) > 5*time.Second {
				t.Errorf("unknown host: got %v after %v, want Unavailable at once", err, time.Since(started))
			}
		})
	}
}

// TestIstioAgentEncrypts: a client with the agent's bootstrap encrypts as ISTIO_MUTUAL says, if its pod has Istio's label for that. If it
// does not, calls fail: they never go out in plaintext.
func TestIstioAgentEncrypts(t *testing.T) {
	mesh := authority.New(t)
	server := newSecureServer(t, mesh.Server("you"))
	p := newPlane(t, safe(server.port, "you"), encrypted("mode: ISTIO_MUTUAL"))
	pod := mesh.Pod("demo", "me")

	client := p.dialByText("safe:80", p.agentBootstrap(pod, declared), byXDS(t))
	if resp, err := call(t, client); err != nil || resp.GetUsername() != "spiffe://cluster.local/ns/demo/sa/me" {
		t.Errorf("labeled: got %v, %v", resp, err)
	}
	calls := server.calls.Load()
	silent := p.dialByText("safe:80", p.agentBootstrap(pod, ""), byXDS(t))
	if resp, err := call(t, silent); status.Code(err) != codes.Unavailable || server.calls.Load() != calls {
		t.Errorf("not labeled: got %v, %v, want Unavailable", resp, err)
	}
}

// istioServer starts a gRPC server with xDS credentials and a bootstrap of Istio's agent. objects gets the port, and makes what the control
// plane needs for the server, which serves when istioServer returns.
func (p *plane) istioServer(bootstrap string, objects func(b *backend) string) {
	t := p.t
	t.Helper()
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		t.Fatal(err)
	}
	modes := make(chan xds.ServingModeChangeArgs, 8)
	server, err := xds.NewGRPCServer(grpc.Creds(creds), xds.BootstrapContentsForTesting([]byte(bootstrap)),
		xds.ServingModeCallback(func(_ net.Addr, args xds.ServingModeChangeArgs) { modes <- args }))
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{name: "echo", version: "v1"}
	testgrpc.RegisterTestServiceServer(server, b)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.port = listener.Addr().(*net.TCPAddr).Port
	p.write("objects.yaml", objects(b))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	select {
	case args := <-modes:
		if args.Err != nil {
			t.Fatalf("the server does not serve: %v", args.Err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server was sent no Listener")
	}
}

// TestIstioServer: a gRPC server with the agent's bootstrap asks for its Listener by Istio's name, and serves.
func TestIstioServer(t *testing.T) {
	p := newPlane(t, service("echo"))
	p.istioServer(p.agentBootstrap(authority.New(t).Pod("demo", "me"), ""), func(b *backend) string { return service("echo", b) })
	client := p.dialByText("echo.demo.svc.cluster.local:80", p.simpleBootstrap(), byXDS(t))
	until(t, client, "the server answers", func(resp *testgrpc.SimpleResponse, err error) bool {
		return err == nil && strings.HasPrefix(resp.GetHostname(), "echo")
	})
}

// served are the labels of a pod whose server takes mTLS: Istio's declares the provider in the agent's bootstrap, Mizzen's say what it serves.
const served = declared + `, "mizzen.dev/identity": "spiffe", "mizzen.dev/server": "xds"`

// TestIstioServerEncrypts: a server with the agent's bootstrap takes mTLS and enforces policies, if its pod has the labels for that.
func TestIstioServerEncrypts(t *testing.T) {
	mesh := authority.New(t)
	p := newPlane(t, service("echo"))
	p.istioServer(p.agentBootstrap(mesh.Pod("demo", "echo"), served), func(b *backend) string {
		return service("echo") + "---\n" + b.slice("echo", "ready: true") + `---
apiVersion: v1
kind: Pod
metadata: {name: echo, namespace: demo, labels: {mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}
spec: {serviceAccountName: echo}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: demo}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: echo, namespace: demo}
spec: {rules: [{from: [{source: {principals: [cluster.local/ns/demo/sa/me]}}], to: [{operation: {paths: [/grpc.testing.TestService/UnaryCall]}}]}]}
`
	})
	client := p.dialByText("echo:80", p.agentBootstrap(mesh.Pod("demo", "me"), declared), byXDS(t))
	until(t, client, "the server answers", func(_ *testgrpc.SimpleResponse, err error) bool { return err == nil })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("another method: got %v, want PermissionDenied", err)
	}
	other := p.dialByText("echo:80", p.agentBootstrap(mesh.Pod("demo", "you"), declared), byXDS(t))
	if _, err := call(t, other); status.Code(err) != codes.PermissionDenied {
		t.Errorf("another account: got %v, want PermissionDenied", err)
	}
	plain := p.dialByText("echo:80", p.simpleBootstrap(), byXDS(t))
	if _, err := call(t, plain); status.Code(err) != codes.Unavailable {
		t.Errorf("without a certificate: got %v, want Unavailable", err)
	}
}
