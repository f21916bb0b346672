//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// suiteScenarios are the scenarios that the suite's own client can run: it calls one target repeatedly, at a fixed
// rate, and counts the answers by backend. The document marks them, and TestSuite checks that.
var suiteScenarios = map[string]bool{
	"psm/baseline_test": true, "psm/api_listener_test": true, "psm/change_backend_service_test": true,
	"psm/remove_neg_test": true, "psm/round_robin_test": true, "failover": true,
}

// suiteClient is the running client of the suite.
type suiteClient struct {
	mu sync.Mutex
	csdsClient
	t        *testing.T
	scenario *scenario
	stats    testgrpc.LoadBalancerStatsServiceClient
}

// startSuite runs the suite's client until the test ends. It starts to call immediately.
func startSuite(t *testing.T, s *scenario, bootstrap string) *suiteClient {
	t.Helper()
	target := ""
	for _, step := range s.Steps {
		for _, spec := range []*callSpec{step.Load, step.Call} {
			if spec != nil {
				target = spec.To
			}
		}
	}
	c := &suiteClient{t: t, scenario: s, csdsClient: csdsClient{port: freePort(t)}}
	channel := runSuite(t, c.port, "GRPC_XDS_BOOTSTRAP_CONFIG="+bootstrap,
		"client", "--server", "xds:///"+target, "--stats_port", strconv.Itoa(c.port), "--qps", "200")
	c.stats = testgrpc.NewLoadBalancerStatsServiceClient(channel)
	return c
}

// call counts the next calls of the client. It fails if any call since the client's start has failed.
func (c *suiteClient) call(spec *callSpec) ([]outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted, err := c.stats.GetClientStats(c.t.Context(),
		&testgrpc.LoadBalancerStatsRequest{NumRpcs: int32(spec.Count), TimeoutSec: int32(patience / time.Second)}, grpc.WaitForReady(true))
	if err != nil {
		return nil, err
	}
	all, err := c.stats.GetClientAccumulatedStats(c.t.Context(), &testgrpc.LoadBalancerAccumulatedStatsRequest{})
	if err != nil {
		return nil, err
	}
	for method, stats := range all.GetStatsPerMethod() {
		for code, calls := range stats.GetResult() {
			if code != int32(codes.OK) {
				return nil, fmt.Errorf("%d calls of %s ended with %s", calls, method, codes.Code(code))
			}
		}
	}
	var outcomes []outcome
	for name, calls := range counted.GetRpcsByPeer() {
		body, err := json.Marshal(answer{Backend: name, Version: c.scenario.Backends[name].Version})
		if err != nil {
			return nil, err
		}
		for range calls {
			outcomes = append(outcomes, outcome{Body: string(body)})
		}
	}
	if len(outcomes) != spec.Count {
		return nil, fmt.Errorf("%d of %d calls were answered", len(outcomes), spec.Count)
	}
	return outcomes, nil
}

// newSuiteServer runs a server of the suite until the test ends.
func newSuiteServer(t *testing.T, name string, spec backendSpec) *backend {
	t.Helper()
	b := &backend{name: name, spec: spec, port: freePort(t)}
	channel := runSuite(t, b.port, "", "server", "--port", strconv.Itoa(b.port), "--server_id", name, "--host_name_override", name)
	if _, err := testgrpc.NewTestServiceClient(channel).EmptyCall(t.Context(), &testgrpc.Empty{}, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("server of the suite: %v", err)
	}
	return b
}

// runSuite runs a program of the suite until the test ends, and returns a channel to its port.
func runSuite(t *testing.T, port int, env string, argv ...string) *grpc.ClientConn {
	t.Helper()
	log := &controlplane.Buffer{}
	cmd := exec.Command(filepath.Join(caches[suite.name], argv[0]), argv[1:]...)
	cmd.Env = append(os.Environ(), env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	channel, err := grpc.NewClient(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = channel.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of the suite's %s:\n%s", argv[0], log)
		}
	})
	return channel
}

// freePort returns a port on which nothing listens, for programs that need a port number.
func freePort(t *testing.T) int {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
