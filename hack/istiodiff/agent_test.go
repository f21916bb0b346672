package istiodiff

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/xds"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pkg/bootstrap/platform"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/envoy"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/security"
)

// objects are a Service whose port is dialed, and the endpoint that serves it.
const objects = `apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {selector: {app: echo}, ports: [{port: 80, targetPort: %[1]d}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{port: %[1]d}]
endpoints: [{addresses: [127.0.0.1]}]
`

// TestAgent runs Istio's own agent, as the injection template grpc-agent does, with Mizzen as the address of discovery. A client of gRPC reads
// the bootstrap that the agent writes, and connects to the agent's socket.
func TestAgent(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(backend) }()
	t.Cleanup(server.Stop)

	dir := t.TempDir()
	text := fmt.Sprintf(objects, backend.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bootstrap := startAgent(t, serve(t, dir))
	contents, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(contents), "unix:///") {
		t.Fatalf("the bootstrap has another address than the agent's socket:\n%s", contents)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(contents)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"echo.demo.svc.cluster.local:80", "echo:80"} {
		conn, err := grpc.NewClient("xds:///"+name, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
		cancel()
		_ = conn.Close()
		if err != nil {
			t.Errorf("%s through the agent: %v", name, err)
		}
	}
}

// serve runs the control plane over a folder and returns its address.
func serve(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "controlplane")
	build := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", program, "./cmd/controlplane")
	build.Dir = "../.."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	process := exec.Command(program, "serve", "--files", dir, "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0")
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	ready, err := bufio.NewReader(output).ReadString('\n')
	var address, admin string
	if _, scanned := fmt.Sscanf(ready, "ready xds=%s admin=%s", &address, &admin); err != nil || scanned != nil {
		t.Fatalf("got %q, %v, want the ready line", ready, err)
	}
	return address
}

// startAgent runs Istio's agent for the pod me-1 in demo and returns the bootstrap that it writes.
func startAgent(t *testing.T, discovery string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Chdir(dir)
	t.Setenv("POD_NAMESPACE", "demo")
	config := mesh.DefaultProxyConfig()
	config.DiscoveryAddress, config.ControlPlaneAuthPolicy, config.ConfigPath = discovery, meshconfig.AuthenticationPolicy_NONE, dir
	options := &istioagent.AgentOptions{
		XdsUdsPath:                 filepath.Join(dir, "XDS"),
		GRPCBootstrapPath:          filepath.Join(dir, "grpc-bootstrap.json"),
		ServiceNode:                "sidecar~127.0.0.1~me-1.demo~demo.svc.cluster.local",
		ProxyIPAddresses:           []string{"127.0.0.1"},
		Platform:                   &platform.Unknown{},
		DisableEnvoy:               true,
		EnableDynamicProxyConfig:   true,
		WorkloadIdentitySocketFile: security.DefaultWorkloadIdentitySocketFile,
	}
	agent := istioagent.NewAgent(config, options, &security.Options{FileMountedCerts: true}, envoy.ProxyConfig{TestOnly: true})
	ctx, cancel := context.WithCancel(t.Context())
	wait, err := agent.Run(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		wait()
		agent.Close()
	})
	return options.GRPCBootstrapPath
}
