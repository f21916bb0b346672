// Package behaviour sends real calls through a real gRPC client and checks their effects at real servers. The control
// plane runs in this process, over a folder that the tests edit. Read plane_test.go and backend_test.go first, then
// any test.
package behaviour

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// grpc-go ends these a moment after the last channel is closed, and has no way to wait for them.
		goleak.IgnoreAnyFunction("google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run"),
		goleak.IgnoreAnyFunction("google.golang.org/grpc/internal/transport.(*http2Client).keepalive"))
}

// plane is a control plane over a folder.
type plane struct {
	t   *testing.T
	dir string
	xds string
	// store shows what the clients have.
	store *serving.Store
	// loads is what the clients report.
	loads *load.Table
	// decider decides about rollouts.
	decider *rollout.Decider
}

// reportInterval is how often clients of these tests report their load.
const reportInterval = 200 * time.Millisecond

// newPlane starts a control plane whose folder has the objects in objects.yaml.
func newPlane(t *testing.T, objects ...string) *plane {
	t.Helper()
	return newPlaneOf(t, watch.Options{}, objects...)
}

// newPlaneOf is newPlane with these options of the source.
func newPlaneOf(t *testing.T, o watch.Options, objects ...string) *plane {
	t.Helper()
	return newPlaneAt(t, "127.0.0.1:0", o, objects...)
}

// newPlaneAt is newPlaneOf with an address.
func newPlaneAt(t *testing.T, address string, o watch.Options, objects ...string) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), store: serving.NewStore(serving.Options{}), loads: load.New(load.Options{Interval: reportInterval}), decider: rollout.New()}
	p.decider.Bind(rollout.Options{Store: p.store, Loads: p.loads, Logger: slog.New(slog.DiscardHandler)})
	o.Decisions = p.decider
	p.write("objects.yaml", objects...)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.xds = listener.Addr().String()
	server := ads.New(ads.Options{Store: p.store, Loads: p.loads, Ports: []ads.Port{{Listener: listener}}})
	worlds, source := watch.NewWorlds(), files.NewSource(p.dir, o)
	group, ctx := errgroup.WithContext(t.Context())
	group.Go(func() error { return source.Run(ctx, worlds) })
	group.Go(func() error { return p.store.Run(ctx, worlds) })
	group.Go(func() error { return server.Run(ctx) })
	t.Cleanup(func() {
		if err := group.Wait(); err != nil {
			t.Errorf("control plane: %v", err)
		}
	})
	return p
}

// write replaces a file atomically, as kubectl and editors do.
func (p *plane) write(name string, objects ...string) {
	p.t.Helper()
	temp := filepath.Join(p.dir, "."+name+".new")
	if err := os.WriteFile(temp, []byte(strings.Join(objects, "---\n")), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(p.dir, name)); err != nil {
		p.t.Fatal(err)
	}
}

// dial connects a client of the namespace demo.
func (p *plane) dial(target string) testgrpc.TestServiceClient {
	p.t.Helper()
	return p.dialAs(target, bootstrap.Options{Namespace: "demo"})
}

// dialAs connects a client with that bootstrap.
func (p *plane) dialAs(target string, who bootstrap.Options) testgrpc.TestServiceClient {
	p.t.Helper()
	who.ServerURI, who.NodeID = cmp.Or(who.ServerURI, p.xds), cmp.Or(who.NodeID, p.t.Name())
	config, err := bootstrap.JSON(who)
	if err != nil {
		p.t.Fatal(err)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		p.t.Fatal(err)
	}
	channel, err := grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = channel.Close() })
	return testgrpc.NewTestServiceClient(channel)
}

// service is a Service with one port and any number of backends. Each backend has its own slice and pod.
func service(name string, backends ...*backend) string {
	text := fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n", name)
	for _, b := range backends {
		text += "---\n" + b.slice(name, "ready: true")
		text += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: demo, labels: {version: %s}}\n", b.name, b.version)
	}
	return text
}

// slice is the EndpointSlice of one backend.
func (b *backend) slice(service, conditions string) string {
	return fmt.Sprintf(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %s, namespace: demo, labels: {kubernetes.io/service-name: %s}}
addressType: IPv4
ports: [{name: grpc, port: %d}]
endpoints: [{addresses: [127.0.0.1], conditions: {%s}, targetRef: {kind: Pod, name: %s, namespace: demo}}]
`, b.name, service, b.port, conditions, b.name)
}

// routes is a VirtualService for host with these http routes, each a YAML flow mapping.
func routes(host string, rules ...string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: demo}\nspec:\n  hosts: [%s]\n  http:\n  - %s\n",
		host, host, strings.Join(rules, "\n  - "))
}

// subsets declares one subset for each version.
func subsets(host string, versions ...string) string {
	text := fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\nspec:\n  host: %s\n  subsets:\n", host, host)
	for _, v := range versions {
		text += fmt.Sprintf("  - {name: %s, labels: {version: %s}}\n", v, v)
	}
	return text
}
