//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// rolloutState is a row of /api/rollouts.
type rolloutState struct{ Stage, Reason, Candidate, Message string }

// caller is a client that calls all the time. Its answers are counted by version, and failed calls under failed.
type caller struct {
	client testpb.TestServiceClient
	mu     sync.Mutex
	to     map[string]int
}

const failed = "failed"

// TestConfigRollout rolls a change of the configuration out in a cluster: two replicas do what the condition says, one of them restarts
// in the middle, and the change is promoted. Then a change is taken back.
func TestConfigRollout(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	newDeployment(t, ns, "v2", 1)
	applySubsets(t, ns)
	rule := func(policy, subset string) {
		kubectl(t, fmt.Sprintf(`{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: echo, annotations: {mizzen.dev/rollout: %q}},
			spec: {hosts: [echo], http: [{route: [{destination: {host: echo, subset: %s}}]}]}}`, policy, subset), "-n", ns, "apply", "-f", "-")
	}
	rule("50%,10m,abort", "v1")
	var replicas []*replica
	var first, rest []*caller
	for range 2 {
		r := newReplica(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim", "--namespaces", ns, "--state-dir", t.TempDir(), "--load-report-interval", "1s")
		replicas = append(replicas, r)
		first = append(first, newCaller(t, r, ns, true))
		rest = append(rest, newCaller(t, r, ns, false))
	}
	awaitVersion(t, "v1", append(first, rest...)...)
	awaitRolledOut(t, ns, "True", mesh.ReasonPromoted)

	rule("50%,10m,abort", "v2")
	awaitVersion(t, "v2", first...)
	awaitRolledOut(t, ns, "False", "InProgress", "Acknowledging")
	candidate := awaitStage(t, "Running", replicas...)
	for _, r := range replicas { // One of them decides.
		r.Terminate()
		r.start(t)
		r.awaitReady(t)
		if again := awaitStage(t, "Running", replicas...); again != candidate {
			t.Errorf("got change %s after a restart, want %s", again, candidate)
		}
	}
	awaitVersion(t, "v2", first...)
	for _, c := range rest {
		if n := c.count("v2"); n > 0 {
			t.Errorf("the change answered %d calls of the other clients before it was promoted", n)
		}
	}
	rule("50%,2s,abort", "v2")
	awaitRolledOut(t, ns, "True", mesh.ReasonPromoted)
	awaitStage(t, "None", replicas...)
	awaitVersion(t, "v2", append(first, rest...)...)

	before := make([]int, len(rest))
	for i, c := range rest {
		before[i] = c.count(failed)
	}
	rule("50%,2s,abort", "absent")
	awaitRolledOut(t, ns, "False", mesh.ReasonAborted)
	awaitStage(t, "Aborted", replicas...)
	awaitVersion(t, "v2", first...)
	for i, c := range rest {
		if n := c.count(failed) - before[i]; n > 0 {
			t.Errorf("%d calls of the other clients failed, want none", n)
		}
	}
}

// newCaller starts a client of the first part of a rollout of 50%, or of the rest.
func newCaller(t *testing.T, r *replica, ns string, first bool) *caller {
	t.Helper()
	id := ""
	part := mesh.Share{Part: mesh.First, Buckets: mesh.RolloutPolicy{Percent: 50}.Buckets()}
	for i := 0; id == "" || part.Has(snapshot.BucketOf(id)) != first; i++ {
		id = fmt.Sprintf("%s-%d", r.admin, i)
	}
	c := &caller{client: dialWithID(t, r.plane(r.xds), ns, id, "echo:50051"), to: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return c
}

func (c *caller) run(ctx context.Context) {
	pause := time.NewTicker(2 * callPause)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		answer, err := call(ctx, c.client)
		version := answer.GetServerId()
		if err != nil {
			version = failed
		}
		c.mu.Lock()
		c.to[version]++
		c.mu.Unlock()
	}
}

func (c *caller) count(version string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.to[version]
}

// awaitVersion waits until the version answers calls of each of the clients.
func awaitVersion(t *testing.T, version string, clients ...*caller) {
	t.Helper()
	for _, c := range clients {
		before := c.count(version)
		await(t, version+" answers", func() error {
			if n := c.count(version) - before; n < 20 {
				return fmt.Errorf("%d answers, and %d calls failed", n, c.count(failed))
			}
			return nil
		})
	}
}

// awaitRolledOut waits until the condition of the VirtualService echo has the status, and one of the reasons, for its generation.
func awaitRolledOut(t *testing.T, ns, status string, reasons ...string) {
	t.Helper()
	await(t, "condition "+mesh.ConditionRolledOut, func() error {
		service, err := suite.istio.NetworkingV1().VirtualServices(ns).Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range service.Status.GetConditions() {
			if c.GetType() == mesh.ConditionRolledOut && c.GetStatus() == status && slices.Contains(reasons, c.GetReason()) && c.GetObservedGeneration() == service.Generation {
				return nil
			}
		}
		return fmt.Errorf("got %v of generation %d, want %s %v", service.Status.GetConditions(), service.Generation, status, reasons)
	})
}

// awaitStage waits until all replicas agree about the stage of the one rollout, and returns the change.
func awaitStage(t *testing.T, stage string, replicas ...*replica) (candidate string) {
	t.Helper()
	await(t, "stage "+stage, func() error {
		candidate = ""
		for _, r := range replicas {
			text, err := r.get("/api/rollouts")
			if err != nil {
				return err
			}
			var all []rolloutState
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				return err
			}
			if len(all) != 1 || all[0].Stage != stage || candidate != "" && candidate != all[0].Candidate {
				return fmt.Errorf("got %+v", all)
			}
			candidate = all[0].Candidate
		}
		return nil
	})
	return candidate
}
