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

// annotated is the Service echo with annotations, which are a YAML flow mapping.
func annotated(annotations string, backends ...*backend) string {
	return strings.Replace(service("echo", backends...), "metadata: {", "metadata: {annotations: {"+annotations+"}, ", 1)
}

// several starts n backends.
func several(t *testing.T, n int) []*backend {
	t.Helper()
	var all []*backend
	for i := range n {
		all = append(all, newBackend(t, fmt.Sprint("b", i), fmt.Sprint("v", i)))
	}
	return all
}

// dialAnother connects a client with that node ID.
func (p *plane) dialAnother(id string) testgrpc.TestServiceClient {
	p.t.Helper()
	return p.dialAs("echo", bootstrap.Options{Namespace: "demo", NodeID: id})
}

// answerers returns the backends that answer 100 calls.
func answerers(t *testing.T, client testgrpc.TestServiceClient) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(answers(t, client, 100)))
}

// TestSubsetSize: each client calls two of five endpoints, the same two after a reconnect. Together the clients call
// all five.
func TestSubsetSize(t *testing.T) {
	backends := several(t, 5)
	p := newPlane(t, annotated("mizzen.dev/subset-size: '2'", backends...))
	called := map[string]bool{}
	clients := 0
	// An endpoint is called by none of 12 clients in one run of a hundred, and by none of 60 in one of a trillion.
	for ; clients < 12 || clients < 60 && len(called) < len(backends); clients++ {
		id := fmt.Sprint("client-", clients)
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
		t.Errorf("%d clients call %v, want all five endpoints", clients, called)
	}
}

// TestSubsetReplacesLostEndpoints: clients that called a removed endpoint get another one, so that they still call two.
func TestSubsetReplacesLostEndpoints(t *testing.T) {
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

// TestPickFirst: a channel uses one endpoint, and different channels pick different ones.
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
		if i == 60 { // the probability of this is 1e-10
			t.Fatalf("60 channels picked %v, want each of the three endpoints to be picked", picked)
		}
	}
}

// TestWeightedPods: a pod with weight 3 gets three times the calls, in round robin and with an annotation that is
// added under load.
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
			// The bounds are four standard deviations wide, for clients that choose at random.
			if off := math.Abs(float64(got["heavy"]) - 0.75*calls); off > 4*math.Sqrt(calls*0.75*0.25) {
				t.Errorf("got %v, want three of four answers from the heavy one", got)
			}
		})
	}
}

func even(got map[string]int) bool { return got["light"] > 10 && got["heavy"] > 10 }

// reporting makes a backend report a load with every response.
func reporting(utilization float64) []grpc.ServerOption {
	report := func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		load := orca.CallMetricsRecorderFromContext(ctx)
		load.SetApplicationUtilization(utilization)
		load.SetQPS(100)
		return handle(ctx, in)
	}
	return []grpc.ServerOption{orca.CallMetricsServerOption(nil), grpc.ChainUnaryInterceptor(report)}
}

// TestReportedLoad: the endpoint that reports more load for the same number of calls gets fewer calls.
func TestReportedLoad(t *testing.T) {
	t.Parallel() // it waits for time to pass
	idle, busy := newBackend(t, "idle", "idle", reporting(0.2)...), newBackend(t, "busy", "busy", reporting(0.8)...)
	p := newPlane(t, annotated("mizzen.dev/lb-policy: client_side_weighted_round_robin", idle, busy))
	client := p.dial("echo")
	// gRPC uses the reports after the first ten seconds.
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
