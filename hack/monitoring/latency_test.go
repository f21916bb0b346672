package monitoring

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"
)

// server takes its time for each call. Every tenth call fails.
type server struct {
	testgrpc.UnimplementedTestServiceServer

	takes time.Duration
	calls int
}

func (s *server) UnaryCall(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	<-time.After(s.takes)
	if s.calls++; s.calls%10 == 0 {
		return nil, status.Error(codes.Internal, "every tenth")
	}
	return &testgrpc.SimpleResponse{}, nil
}

// group runs functions until the test ends.
func group(t *testing.T, functions ...func(context.Context) error) {
	t.Helper()
	all, ctx := errgroup.WithContext(t.Context())
	for _, f := range functions {
		all.Go(func() error { return f(ctx) })
	}
	t.Cleanup(func() {
		if err := all.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// serve starts a server, and returns its port.
func serve(t *testing.T, takes time.Duration) int {
	t.Helper()
	s, listener := grpc.NewServer(), listen(t)
	testgrpc.RegisterTestServiceServer(s, &server{takes: takes})
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().(*net.TCPAddr).Port
}

const echoObjects = `apiVersion: v1
kind: Service
metadata: {name: echo-canary, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: demo}
spec: {host: echo-canary, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec: {hosts: [echo-canary], http: [{match: [{headers: {x-version: {exact: v2}}}], route: [{destination: {host: echo-canary, subset: v2}}]}, {route: [{destination: {host: echo-canary, subset: v1}}]}]}
`

const endpoint = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: VERSION, namespace: demo, labels: {kubernetes.io/service-name: echo-canary}}
addressType: IPv4
ports: [{name: grpc, port: PORT}]
endpoints: [{addresses: [127.0.0.1], zone: ZONE, targetRef: {kind: Pod, name: VERSION, namespace: demo}}]
---
apiVersion: v1
kind: Pod
metadata: {name: VERSION, namespace: demo, labels: {version: VERSION}}
`

// channel connects a client to the control plane at that address. Its calls are measured as docs/METRICS.md says.
func channel(t *testing.T, xdsAddress, target string, registry *prometheus.Registry) testgrpc.TestServiceClient {
	t.Helper()
	config, err := bootstrap.JSON(bootstrap.Options{ServerURI: xdsAddress, NodeID: t.Name(), Namespace: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		t.Fatal(err)
	}
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	options := opentelemetry.Options{MetricsOptions: opentelemetry.MetricsOptions{MeterProvider: provider, OptionalLabels: []string{
		"grpc.lb.locality", "grpc.lb.backend_service", "csm.service_name", "csm.service_namespace_name",
	}}}
	conn, err := grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), opentelemetry.DialOption(options), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return testgrpc.NewTestServiceClient(conn)
}

// TestLatency evaluates the dashboard of durations, and Flagger's template for them, over what gRPC's own plugin exports in a real
// client of a real control plane. One version of a Service is slower than the other.
func TestLatency(t *testing.T) {
	const fast, slow = time.Millisecond, 60 * time.Millisecond
	objects := echoObjects
	for version, takes := range map[string]time.Duration{"v1": fast, "v2": slow} {
		objects += strings.NewReplacer("VERSION", version, "PORT", fmt.Sprint(serve(t, takes)), "ZONE", "zone-"+version).Replace(endpoint)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	store, worlds, listener := serving.NewStore(serving.Options{}), watch.NewWorlds(), listen(t)
	plane, source := ads.New(ads.Options{Store: store, Ports: []ads.Port{{Listener: listener}}}), files.NewSource(dir, watch.Options{})
	group(t, func(ctx context.Context) error { return source.Run(ctx, worlds) }, func(ctx context.Context) error { return store.Run(ctx, worlds) }, plane.Run)

	registry := prometheus.NewRegistry()
	client := channel(t, listener.Addr().String(), "echo-canary", registry)
	p := newProm(t)
	for range 9 {
		for _, version := range []string{"v1", "v2"} {
			for range 10 {
				ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "x-version", version), time.Minute)
				if _, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{}); err != nil && status.Code(err) != codes.Internal {
					t.Fatal(err)
				}
				cancel()
			}
		}
		p.scrapeFrom("web", "web-0", registry)
		p.now = p.now.Add(interval)
	}
	const v1, v2 = "outbound|80|v1|echo-canary.demo.svc.cluster.local", "outbound|80|v2|echo-canary.demo.svc.cluster.local"
	const rate = 10 / 15.0
	above := func(least time.Duration) [2]float64 { return [2]float64{least.Seconds(), math.Inf(1)} }
	is := func(n float64) [2]float64 { return [2]float64{n - 1e-6, n + 1e-6} }
	positive := above(0)
	within := map[string]map[string][2]float64{ // the bounds of what each query gives, by its labels
		"99 % of attempts take less than":               {v1: positive, v2: above(slow / 2)},
		"Half of the attempts take less than":           {v1: {0, slow.Seconds()}, v2: above(slow / 2)},
		"Mean duration":                                 {v1: {0, slow.Seconds()}, v2: above(slow)},
		"Attempts per second":                           {v1: is(rate), v2: is(rate)},
		"Failed share":                                  {v1: is(0.1), v2: is(0.1)},
		"99 % of attempts, by method":                   {"grpc.testing.TestService/UnaryCall": above(slow / 2)},
		"Attempts per second, by status":                {"OK": is(2 * rate * 0.9), "INTERNAL": is(2 * rate * 0.1)},
		"99 % of attempts, by locality of the endpoint": {`{region="", zone="zone-v1", sub_zone=""}`: positive, `{region="", zone="zone-v2", sub_zone=""}`: above(slow / 2)},
		"Bytes received per second":                     {v1: positive, v2: positive},
	}
	all := queries(t, "latency.json")
	for title, want := range within {
		got := map[string]float64{}
		for _, s := range p.query(all[title]) {
			for _, value := range s.Metric.Map() {
				got[value] = s.F
			}
		}
		for labels, bounds := range want {
			if n, ok := got[labels]; !ok || n < bounds[0] || n > bounds[1] || math.IsNaN(n) {
				t.Errorf("%s: got %v, want %q within %v", title, got, labels, bounds)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %d values", title, got, len(want))
		}
	}
	if len(all) != len(within) {
		t.Errorf("the dashboard has %d queries, and %d are evaluated", len(all), len(within))
	}
	flagger := templates(t, "flagger-metrics.yaml")["grpc-duration"].Spec.Query
	if got := p.number(strings.NewReplacer("{{ namespace }}", "demo", "{{ target }}", "echo", "{{ interval }}", "1m").Replace(flagger)); got < (slow / 2).Seconds() {
		t.Errorf("Flagger: got %v s", got)
	}
	if got := p.query(`histogram_quantile(0.99, sum by (le, grpc_lb_backend_service) (rate(grpc_client_attempt_duration_seconds_bucket{csm_service_name="echo-canary",csm_service_namespace_name="demo"}[1m])))`); len(got) != 2 {
		t.Errorf("by the names of the Service: got %v", got)
	}
}
