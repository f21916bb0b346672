package behaviour

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// expectEdges waits until clients have reported exactly these edges. Rates and times are not compared.
func (p *plane) expectEdges(want ...load.Edge) {
	p.t.Helper()
	await(p.t, "the edges", func() error {
		return difference(want, p.loads.Edges())
	})
}

func difference(want, got []load.Edge) error {
	ignored := cmpopts.IgnoreFields(load.Edge{}, "CallsPerSecond", "ErrorsPerSecond", "Reported")
	if diff := cmp.Diff(want, got, ignored, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("edges (-want +got):\n%s", diff)
	}
	return nil
}

// edge is from the tests' clients to a subset of the Service echo.
func edge(subset string, calls, errors, inProgress uint64) load.Edge {
	return load.Edge{
		Source:      load.Source{Namespace: "demo", Workload: load.UnprovedWorkload, Unproved: true},
		Destination: load.Destination{Service: "echo", Namespace: "demo", Port: 80}, Subset: subset, Calls: calls, Errors: errors, InProgress: inProgress,
	}
}

// TestLoadReports compares what a client reports with what its backends count: attempts, which end or are in progress, by
// subset.
func TestLoadReports(t *testing.T) {
	backends := several(t, 2)
	annotation := `mizzen.dev/load-reports: "true"`
	rules := routes("echo", "{match: [{uri: {exact: /grpc.testing.TestService/UnaryCall}}], retries: {attempts: 2, retryOn: unavailable}, route: [{destination: {host: echo, subset: v0}}]}",
		"{route: [{destination: {host: echo, subset: v1}}]}")
	p := newPlane(t, annotated(annotation, backends...), subsets("echo", "v0", "v1"), rules)
	client := p.dial("echo")
	backends[0].failures.Store(3) // All attempts of one call.
	for i := range 100 {
		if _, err := call(t, client); (err != nil) != (i == 0) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	attempts, _ := backends[0].seen()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = client.EmptyCall(ctx, &testgrpc.Empty{})
	}()
	p.expectEdges(edge("v0", uint64(len(attempts)), 3, 0), edge("v1", 0, 0, 1))
	cancel()
	<-ended
	p.expectEdges(edge("v0", uint64(len(attempts)), 3, 0), edge("v1", 1, 1, 0))
	if len(attempts) != 102 {
		t.Errorf("the backend saw %d attempts, want 102", len(attempts))
	}
}

// TestNamespaceReportsLoad: an edit of the namespace makes a running client report about its hosts, and stop. A host with an
// annotation tells when reports have arrived.
func TestNamespaceReportsLoad(t *testing.T) {
	namespace := func(reports string) string {
		return "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/load-reports: \"" + reports + "\"}}\n"
	}
	asked := strings.ReplaceAll(annotated(`mizzen.dev/load-reports: "true"`, newBackend(t, "b", "v1")), "echo", "asked")
	p := newPlane(t, service("echo", newBackend(t, "a", "v1")), asked)
	reported := func(service string) (n uint64) {
		for _, e := range p.loads.Edges() {
			if e.Destination.Service == service {
				n += e.Calls
			}
		}
		return n
	}
	clients := []testgrpc.TestServiceClient{p.dial("echo"), p.dial("asked")}
	expect := func(when string, want uint64) {
		t.Helper()
		await(t, when, func() error {
			before, told := reported("echo"), reported("asked")
			for _, client := range clients {
				if _, err := call(t, client); err != nil {
					t.Fatal(err)
				}
			}
			await(t, "a report", func() error {
				if reported("asked") == told {
					return errors.New("no report has arrived")
				}
				return nil
			})
			if got := reported("echo") - before; got != want {
				return fmt.Errorf("%d calls are reported, want %d", got, want)
			}
			return nil
		})
	}
	expect("without the namespace", 0)
	p.write("namespace.yaml", namespace("true"))
	expect("asked", 1)
	p.write("namespace.yaml", namespace("false"))
	expect("switched off", 0)
}

// TestWhoReportsLoad: about which hosts clients report depends on the flag and the annotation. A host about which they
// report tells when the first reports have arrived, unless reports are off.
func TestWhoReportsLoad(t *testing.T) {
	const on, off = `mizzen.dev/load-reports: "true"`, `mizzen.dev/load-reports: "false"`
	for name, test := range map[string]struct {
		mode       mesh.LoadReports
		annotation string
		reports    bool
	}{
		"limits":               {mesh.LoadReportsLimits, "a: b", false},
		"limits, asked":        {mesh.LoadReportsLimits, on, true},
		"off, asked":           {mesh.LoadReportsOff, on, false},
		"all":                  {mesh.LoadReportsAll, "a: b", true},
		"all, except this one": {mesh.LoadReportsAll, off, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := strings.ReplaceAll(annotated(on, newBackend(t, "b", "v1")), "echo", "asked")
			p := newPlaneOf(t, watch.Options{Defaults: mesh.Defaults{LoadReports: test.mode}}, annotated(test.annotation, newBackend(t, "a", "v1")), asked)
			if _, err := call(t, p.dial("echo")); err != nil {
				t.Fatal(err)
			}
			if _, err := call(t, p.dial("asked")); err != nil {
				t.Fatal(err)
			}
			var want []load.Edge
			if test.mode != mesh.LoadReportsOff {
				other := edge("", 1, 0, 0)
				other.Destination.Service = "asked"
				want = append(want, other)
			}
			if test.reports {
				want = append(want, edge("", 1, 0, 0))
			}
			p.expectEdges(want...)
		})
	}
}

// TestReportedMetrics: clients report the metrics that servers send with their answers, those that the author lists. What cannot
// be a value is left out.
func TestReportedMetrics(t *testing.T) {
	var calls atomic.Int32
	values := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		metrics := orca.CallMetricsRecorderFromContext(ctx)
		metrics.SetCPUUtilization(0.25)
		metrics.SetNamedMetric("queue", 3)
		metrics.SetNamedMetric("unlisted", 7)
		if calls.Add(1) == 1 {
			metrics.SetNamedMetric("broken", math.NaN())
		}
		return handle(ctx, req)
	}
	b := newBackend(t, "a", "v0", orca.CallMetricsServerOption(nil), grpc.ChainUnaryInterceptor(values))
	annotation := `mizzen.dev/reported-metrics: "named_metrics.queue, cpu_utilization, named_metrics.broken"`
	p := newPlane(t, annotated(annotation, b))
	client := p.dial("echo")
	for range 20 {
		if _, err := call(t, client); err != nil {
			t.Fatal(err)
		}
	}
	want := edge("", 20, 0, 0)
	want.Metrics = []load.ServerMetric{{Name: "cpu_utilization", Sum: 5, Count: 20}, {Name: "named_metrics.queue", Sum: 60, Count: 20}}
	p.expectEdges(want)
}
