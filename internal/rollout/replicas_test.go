package rollout

import (
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// replica is a Decider with an assembler, whose time the test moves.
type replica struct {
	t         *testing.T
	assembler *assemble.Assembler
	decider   *Decider
	now       time.Time
	current   *snapshot.Snapshot
	// clients is what the clients have.
	clients []serving.ClientSync
}

func (r *replica) Current() *snapshot.Snapshot { return r.current }

func (r *replica) ClientSyncs() iter.Seq[serving.ClientSync] {
	return func(yield func(serving.ClientSync) bool) {
		for _, c := range r.clients {
			if !yield(c) {
				return
			}
		}
	}
}

func newReplica(t *testing.T, leads bool) *replica {
	r := &replica{t: t, assembler: assemble.New(assemble.Options{Domain: "cluster.local", RootNamespace: "istio-system"}), decider: New(), now: time.Now()}
	r.decider.Bind(Options{Store: r, Loads: load.New(load.Options{Interval: time.Second}), Logger: slog.New(slog.DiscardHandler), Leads: func() bool { return leads }})
	return r
}

// apply applies an object to the replica, whose condition has the reason.
func (r *replica) apply(text string, generation int64, said string) {
	r.t.Helper()
	dir := r.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	read, err := files.Read(watch.Options{Domain: "cluster.local", RootNamespace: "istio-system"}, dir)
	if err != nil || len(read.Objects) == 0 {
		r.t.Fatalf("got %v, %v", read, err)
	}
	for _, o := range read.Objects {
		o.Generation, o.RolledOut = generation, said
		r.assembler.Apply(map[object.Key]*object.Object{o.Key: o}, nil)
	}
	r.current = snapshot.New(r.assembler.World())
}

// wait moves the time, and applies what is decided.
func (r *replica) wait(d time.Duration) State {
	r.now = r.now.Add(d)
	changes := r.decider.step(r.current, r.now)
	r.consistent()
	r.assembler.Apply(changes.Objects, changes.Problems)
	r.current = snapshot.New(r.assembler.World())
	r.decider.step(r.current, r.now)
	r.consistent()
	return r.decider.States()[0]
}

// consistent checks that nothing is running that ended.
func (r *replica) consistent() {
	r.t.Helper()
	state := r.decider.States()[0]
	if state.Stage == mesh.RolloutRunning && (state.Reason == ReasonAborted || state.Reason == ReasonPromoted) {
		r.t.Errorf("got stage %s with %s: %s", state.Stage, state.Reason, state.Message)
	}
	if c, ok := r.decider.Conditions()[cart]; ok && c.Done != (c.Reason == mesh.ReasonPromoted) {
		r.t.Errorf("got condition %+v", c)
	}
}

var cart = mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "cart"}

// calls reports calls of a client with the bucket, by the rule of these tests.
func (r *replica) calls(bucket uint16, ok, failed uint64) { r.callsBy(bucket, ok, failed, "cart") }

// callsBy reports calls to the Service, which has a DestinationRule, of a client that dials hosts with these VirtualServices.
func (r *replica) callsBy(bucket uint16, ok, failed uint64, names ...string) {
	r.callsFrom("web", bucket, ok, failed, names...)
}

// callsFrom is callsBy for a client of a workload.
func (r *replica) callsFrom(workload string, bucket uint16, ok, failed uint64, names ...string) {
	by := load.Rules{Cluster: []mesh.Ref{{Kind: "Service", Namespace: "demo", Name: "echo"}, {Kind: "DestinationRule", Namespace: "demo", Name: "echo"}}}
	for _, name := range names {
		by.Routes = append(by.Routes, []mesh.Ref{{Kind: "Service", Namespace: "demo", Name: "echo"}, {Kind: "VirtualService", Namespace: "demo", Name: name}})
	}
	r.callsAlong(workload, bucket, ok, failed, by)
}

// callsAlong is callsFrom for a client with these rules.
func (r *replica) callsAlong(workload string, bucket uint16, ok, failed uint64, by load.Rules) {
	to := func(string) (load.Destination, string, bool) {
		return load.Destination{Service: "echo", Namespace: "demo", Port: 80}, "", true
	}
	r.decider.o.Loads.OpenWith(load.Client{
		Source: load.Source{Namespace: "demo", Workload: workload, Unproved: workload == load.UnprovedWorkload}, Bucket: bucket, Find: to, Rules: func(string) load.Rules { return by },
	}).Add([]load.Report{{
		Cluster: []byte("echo"), Interval: time.Second, Localities: []load.Locality{{OK: ok, Errors: failed}},
	}})
}

func (r *replica) connect(bucket uint16, version *snapshot.Versioned) {
	r.connectFrom("web", bucket, version)
}

// connectFrom is connect for a client of a workload.
func (r *replica) connectFrom(workload string, bucket uint16, version *snapshot.Versioned) {
	info := serving.ClientInfo{Client: mesh.Client{Namespace: "demo", Bucket: bucket}}
	if workload != load.UnprovedWorkload {
		info.Identity, info.Account = "serviceaccount/demo/"+workload, mesh.Account{Namespace: "demo", Name: workload}
	}
	r.clients = append(r.clients, serving.ClientSync{
		ClientInfo: info,
		Resources:  []serving.SyncStatus{{Current: version, Accepted: version}},
	})
}

func version(timeout string) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: demo, annotations: {mizzen.dev/rollout: "10%%,1m,abort"}}
spec: {hosts: [echo], http: [{timeout: %s, route: [{destination: {host: echo}}]}]}
`, timeout)
}

const echoService = "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n---\n"

// timeoutOf is the timeout that the client of a bucket follows.
func (r *replica) timeoutOf(bucket uint16) string {
	set, _ := r.current.World().VirtualServices.Get("echo.demo.svc.cluster.local")
	return set.ForClient(mesh.Client{Namespace: "demo", Bucket: bucket}).First().Spec.GetHttp()[0].GetTimeout().AsDuration().String()
}

// TestReplicas lets one replica decide, and another follow what the condition says.
func TestReplicas(t *testing.T) {
	for name, test := range map[string]struct {
		failed uint64
		want   mesh.RolloutStage
		reason string
		rest   string
	}{
		"promoted": {0, mesh.RolloutNone, mesh.ReasonPromoted, "2s"},
		"aborted":  {50, mesh.RolloutAborted, mesh.ReasonAborted, "1s"},
	} {
		t.Run(name, func(t *testing.T) {
			leader, other := newReplica(t, true), newReplica(t, false)
			for _, r := range []*replica{leader, other} {
				r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
				r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
				r.wait(time.Second)
				r.apply(version("2s"), 2, mesh.ReasonOutdated)
				if r.timeoutOf(1) != "2s" || r.timeoutOf(103) != "1s" {
					t.Fatalf("got %s and %s, want both versions", r.timeoutOf(1), r.timeoutOf(103))
				}
				r.wait(time.Second)
				r.wait(time.Second)
				r.calls(1, 100-test.failed, test.failed)
				r.calls(500, 100, 0)
			}
			if c := leader.decider.Conditions()[cart]; c.Done || c.Reason != string(ReasonInProgress) {
				t.Errorf("got condition %+v, want that it is in progress", c)
			}
			if state := leader.wait(time.Minute); state.Stage != test.want {
				t.Fatalf("got %+v, want stage %s", state, test.want)
			}
			c := leader.decider.Conditions()[cart]
			if c.Reason != test.reason || c.Done != (test.want == mesh.RolloutNone) || !strings.Contains(c.Message, "of 100 attempts") {
				t.Errorf("got condition %+v, want %s with figures", c, test.reason)
			}
			if state := other.wait(time.Hour); state.Reason != ReasonInProgress || !strings.Contains(state.Message, "Another replica decides.") {
				t.Errorf("the other replica: got %+v, want that another one decides", state)
			}
			if other.timeoutOf(103) != "1s" || other.timeoutOf(1) != "2s" {
				t.Error("the other replica decided by itself")
			}
			other.apply(version("2s"), 2, c.Reason)
			if state := other.wait(time.Second); state.Stage != test.want {
				t.Fatalf("the other replica: got %+v, want stage %s", state, test.want)
			}
			for _, r := range []*replica{leader, other} {
				if got := r.timeoutOf(103); got != test.rest {
					t.Errorf("got timeout %s, want %s", got, test.rest)
				}
			}
			late := newReplica(t, false)
			late.apply(echoService+version("2s"), 2, c.Reason)
			want := mesh.RolloutNone
			if test.reason == mesh.ReasonAborted {
				want = mesh.RolloutUnknown
			}
			state := late.wait(time.Second)
			if state.Stage != want || late.decider.Conditions()[cart].Done != (want == mesh.RolloutNone) {
				t.Errorf("a replica without state: got %+v and condition %+v, want stage %s", state, late.decider.Conditions()[cart], want)
			}
		})
	}
}

// TestConditionOfTheVersionBefore: an edit of an annotation does not change the generation, so the condition of the version before seems to
// be about it until the replica that decides has written another.
func TestConditionOfTheVersionBefore(t *testing.T) {
	rule := func(size string) string {
		return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: demo, annotations: {mizzen.dev/subset-size: \"" + size + "\"}}\nspec: {host: echo}\n"
	}
	for _, before := range []string{mesh.ReasonPromoted, mesh.ReasonAborted} {
		r := newReplica(t, false)
		r.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,1m,abort\"}}\n---\n"+echoService+rule("5"), 1, mesh.ReasonPromoted)
		r.wait(time.Second)
		r.apply(rule("9"), 1, before)
		if state := r.wait(time.Second); state.Stage != mesh.RolloutRunning {
			t.Errorf("condition %s: got %+v, want that the change is rolled out", before, state)
		}
		r.apply(rule("9"), 1, string(ReasonInProgress))
		if state := r.wait(time.Second); state.Stage != mesh.RolloutRunning {
			t.Errorf("got %+v, want that the other replica has not decided", state)
		}
		r.apply(rule("9"), 1, mesh.ReasonPromoted)
		if state := r.wait(time.Second); state.Stage != mesh.RolloutNone {
			t.Errorf("got %+v, want that the change is promoted", state)
		}
	}
}

var _ watch.Feed = (*Decider)(nil)

// TestProblemsOfBothVersions: the author of a change is told what is wrong with it while only a part of the clients follows it.
func TestProblemsOfBothVersions(t *testing.T) {
	r := newReplica(t, true)
	to := func(host string) string {
		return strings.Replace(version("1s"), "{host: echo}", "{host: "+host+"}", 1)
	}
	r.apply(echoService+to("missing"), 1, mesh.ReasonPromoted)
	r.apply(to("absent"), 2, "")
	var said []string
	for _, p := range r.current.Problems() {
		if p.Code == mesh.CodeNoSuchHost && p.Severity == mesh.Error {
			said = append(said, p.Message)
		}
	}
	for _, host := range []string{"missing", "absent"} {
		if !strings.Contains(strings.Join(said, "\n"), host) {
			t.Errorf("got %q, want that the host %s is said not to exist", said, host)
		}
	}
}

// TestLateClients: clients that appear long after the change follow it for a whole window before all others do.
func TestLateClients(t *testing.T) {
	r := newReplica(t, true)
	r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
	r.connect(500, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
	r.apply(version("2s"), 2, "")
	calls := func() {
		r.calls(1, 100, 0)
		r.calls(500, 100, 0)
	}
	for range 3 {
		r.calls(500, 100, 0)
		r.wait(time.Minute)
	}
	if state := r.decider.States()[0]; state.Reason != ReasonNoClients {
		t.Fatalf("got %+v, want that no client follows the change", state)
	}
	r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
	calls()
	r.wait(time.Second)
	calls()
	if state := r.wait(time.Second); state.Stage != mesh.RolloutRunning || state.Reason != ReasonInProgress {
		t.Fatalf("got %+v two seconds after the first client came, want that the window has begun", state)
	}
	calls()
	if state := r.wait(time.Minute); state.Stage != mesh.RolloutNone {
		t.Errorf("got %+v after a window, want that all clients follow the change", state)
	}
}

// TestCallsOfOtherRules: calls that rules of other hosts send to the same Service say nothing about a change that no client uses.
func TestCallsOfOtherRules(t *testing.T) {
	r := newReplica(t, true)
	r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
	r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{{Kind: "Service", Namespace: "demo", Name: "echo"}}})
	r.apply(version("2s"), 2, "")
	r.wait(time.Second)
	r.wait(time.Second)
	r.calls(1, 200, 0)
	r.calls(500, 200, 0)
	if state := r.wait(time.Minute); state.Stage != mesh.RolloutRunning || state.Reason != ReasonNoClients {
		t.Errorf("got %+v, want that no client uses the change", state)
	}
}

// TestErrorOfAChange: calls of a part that no route leads anywhere are in no report, and the others succeed.
func TestErrorOfAChange(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          mesh.RolloutStage
	}{
		"the change has it":     {"{host: echo}", "{host: absent}", mesh.RolloutAborted},
		"both versions have it": {"{host: absent}", "{host: absent}, weight: 1", mesh.RolloutNone},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			to := func(destination, weight string) string {
				return strings.Replace(version("1s"), "{destination: {host: echo}}", "{destination: {host: echo}, weight: "+weight+"}, {destination: "+strings.Replace(destination, ", weight: 1", "", 1)+", weight: 40}", 1)
			}
			r.apply(echoService+to(test.before, "60"), 1, mesh.ReasonPromoted)
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			r.wait(time.Second)
			r.apply(strings.Replace(to(test.after, "60"), "timeout: 1s", "timeout: 2s", 1), 2, "")
			r.wait(time.Second)
			r.wait(time.Second)
			r.calls(1, 60, 0)
			r.calls(1, 60, 0)
			r.calls(500, 100, 0)
			if state := r.decider.States()[0]; state.Reason != ReasonInProgress {
				t.Errorf("got %+v within the window", state)
			}
			if state := r.wait(time.Minute); state.Stage != test.want || (test.want == mesh.RolloutAborted) != strings.Contains(state.Message, "absent") {
				t.Errorf("got %+v, want stage %s", state, test.want)
			}
			var lines []string
			for _, p := range r.current.Problems() {
				lines = append(lines, p.String())
			}
			said := strings.Join(lines, "\n")
			if !strings.Contains(said, "error NoSuchHost VirtualService demo/cart") {
				t.Errorf("got problems\n%s\nwant the error of the author", said)
			}
			if test.want == mesh.RolloutAborted && !strings.Contains(said, "was aborted. Calls of the clients that followed the new version failed: VirtualService demo/cart") {
				t.Errorf("got problems\n%s\nwant why the rollout was aborted", said)
			}
		})
	}
}

// TestDeletion: the deletion of a rule is compared and promoted like other changes, although no resource is made of the rule any more.
func TestDeletion(t *testing.T) {
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,1m,abort\"}}\n---\n"
	r := newReplica(t, true)
	r.apply(namespace+echoService+strings.Replace(version("1s"), "mizzen.dev/rollout", "example.com/no", 1), 1, "")
	r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
	r.wait(time.Second)
	key := object.Key{Kind: object.KindVirtualService, Namespace: "demo", Name: "cart"}
	r.assembler.Apply(map[object.Key]*object.Object{key: nil}, nil)
	r.current = snapshot.New(r.assembler.World())
	r.clients = nil
	r.connect(1, &snapshot.Versioned{}) // Its default route is made of no object.
	r.wait(time.Second)
	r.wait(time.Second)
	r.calls(1, 100, 0)
	r.calls(500, 100, 0)
	if state := r.wait(time.Minute); state.Stage != mesh.RolloutNone {
		t.Errorf("got %+v, want that the deletion is promoted", state)
	}
}
