package behaviour

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// annotated is the Service echo with annotations of its own, one YAML flow mapping.
func annotated(annotations string, backends ...*backend) string {
	return strings.Replace(service("echo", backends...), "metadata: {", "metadata: {annotations: {"+annotations+"}, ", 1)
}

// several starts that many backends.
func several(t *testing.T, n int) []*backend {
	t.Helper()
	var all []*backend
	for i := range n {
		all = append(all, newBackend(t, fmt.Sprint("b", i), fmt.Sprint("v", i)))
	}
	return all
}

// dialAnother connects a client with that identity.
func (p *plane) dialAnother(id string) testgrpc.TestServiceClient {
	p.t.Helper()
	return p.dialAs("echo", bootstrap.Options{Namespace: "demo", NodeID: id})
}

// answerers says who answers 100 calls.
func answerers(t *testing.T, client testgrpc.TestServiceClient) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(answers(t, client, 100)))
}

// Each client calls two of five endpoints: the same two when it comes back, and together they call all.
func TestSubsetSize(t *testing.T) {
	backends := several(t, 5)
	p := newPlane(t, annotated("mizzen.dev/subset-size: '2'", backends...))
	called := map[string]bool{}
	for i := range 12 {
		id := fmt.Sprint("client-", i)
		client := p.dialAnother(id)
		until(t, client, "two endpoints answer", func(*testgrpc.SimpleResponse, error) bool { return len(answers(t, client, 20)) == 2 })
		first := answerers(t, client)
		if len(first) != 2 {
			t.Errorf("%s: got answers from %v, want two", id, first)
		}
		again := p.dialAnother(id)
		until(t, again, "two endpoints answer", func(*testgrpc.SimpleResponse, error) bool { return len(answers(t, again, 20)) == 2 })
		if second := answerers(t, again); !slices.Equal(first, second) {
			t.Errorf("%s: got answers from %v, and from %v when it came back", id, first, second)
		}
		for _, version := range first {
			called[version] = true
		}
	}
	if len(called) != len(backends) {
		t.Errorf("12 clients call %v, want all five endpoints", called)
	}
}

// An endpoint that goes is replaced for the clients that called it: they go on with two.
func TestSubsetIsFilledUp(t *testing.T) {
	backends := several(t, 4)
	p := newPlane(t, annotated("mizzen.dev/subset-size: '2'", backends...))
	client := p.dialAnother("client")
	until(t, client, "two endpoints answer", func(*testgrpc.SimpleResponse, error) bool { return len(answers(t, client, 20)) == 2 })
	before := answerers(t, client)
	left := slices.DeleteFunc(slices.Clone(backends), func(b *backend) bool { return b.version == before[0] })
	p.write("objects.yaml", annotated("mizzen.dev/subset-size: '2'", left...))
	until(t, client, "the other one and a new one answer", func(*testgrpc.SimpleResponse, error) bool {
		got := answers(t, client, 20)
		return len(got) == 2 && got[before[0]] == 0 && got[before[1]] > 0
	})
}

// A channel keeps to one endpoint, and different channels pick different ones.
func TestPickFirst(t *testing.T) {
	backends := several(t, 3)
	p := newPlane(t, annotated("mizzen.dev/lb-policy: pick_first", backends...))
	picked := map[string]bool{}
	for i := 0; len(picked) < len(backends); i++ {
		got := answerers(t, p.dialAnother(fmt.Sprint("client-", i)))
		if len(got) != 1 {
			t.Fatalf("got answers from %v, want one endpoint", got)
		}
		picked[got[0]] = true
		if i == 60 { // which happens once in ten thousand million times
			t.Fatalf("60 channels picked %v, want each of the three endpoints to be picked", picked)
		}
	}
}

// A pod of weight 3 gets three times the calls, in round robin and with an annotation that comes while calls are made.
func TestWeightedPods(t *testing.T) {
	light, heavy := newBackend(t, "light", "light"), newBackend(t, "heavy", "heavy")
	objects := service("echo", light, heavy)
	weighted := strings.Replace(objects, "metadata: {name: heavy, namespace: demo, labels: {version", "metadata: {annotations: {mizzen.dev/weight: '3'}, name: heavy, namespace: demo, labels: {version", 1)
	for name, rule := range map[string]string{
		"round robin":   "",
		"least request": "---\n" + balancing("simple: LEAST_REQUEST"),
		"failover":      "---\n" + balancing("localityLbSetting: {}"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, objects+rule)
			client := p.dial("echo")
			until(t, client, "both answer alike", func(*testgrpc.SimpleResponse, error) bool { return even(answers(t, client, 40)) })
			p.write("objects.yaml", weighted+rule)
			until(t, client, "one answers more", func(*testgrpc.SimpleResponse, error) bool { return answers(t, client, 40)["heavy"] > 26 })
			const calls = 2000
			got := answers(t, client, calls)
			// Four standard deviations, should a client choose at random.
			if off := math.Abs(float64(got["heavy"]) - 0.75*calls); off > 4*math.Sqrt(calls*0.75*0.25) {
				t.Errorf("got %v, want three of four answers from the heavy one", got)
			}
		})
	}
}

func even(got map[string]int) bool { return got["light"] > 10 && got["heavy"] > 10 }

// reporting has a backend report a load with every answer.
func reporting(utilization float64) []grpc.ServerOption {
	report := func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		load := orca.CallMetricsRecorderFromContext(ctx)
		load.SetApplicationUtilization(utilization)
		load.SetQPS(100)
		return handle(ctx, in)
	}
	return []grpc.ServerOption{orca.CallMetricsServerOption(nil), grpc.ChainUnaryInterceptor(report)}
}

// The endpoint that reports more load for as many calls gets fewer of them.
func TestReportedLoad(t *testing.T) {
	t.Parallel() // It waits.
	idle, busy := newBackend(t, "idle", "idle", reporting(0.2)...), newBackend(t, "busy", "busy", reporting(0.8)...)
	p := newPlane(t, annotated("mizzen.dev/lb-policy: client_side_weighted_round_robin", idle, busy))
	client := p.dial("echo")
	// gRPC believes in reports after ten seconds of them.
	for deadline := time.Now().Add(2 * time.Minute); ; {
		got := answers(t, client, 100)
		if got["idle"] >= 75 && got["busy"] >= 10 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want four of five answers from the idle one", got)
		}
	}
}
