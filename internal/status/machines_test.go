package status_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mizzen-mesh/mizzen/internal/status"
)

const (
	machine    = `{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: vm, namespace: shop, generation: 1, annotations: {mizzen.dev/health: stream}}, spec: {address: 10.0.0.9, serviceAccount: ledger}}`
	machineKey = "shop/ledger/10.0.0.9"
)

var workloads = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "workloadentries"}

// machineRig is a cluster with one machine, whose WorkloadEntry the Worlds have as the cluster has it.
type machineRig struct{ *rig }

func newMachineRig(t *testing.T) machineRig {
	t.Helper()
	r := machineRig{newRig(t)}
	r.conflicts()
	if _, err := r.istio.Resource(workloads).Namespace("shop").Create(t.Context(), object(t, machine), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.sync(t)
	return r
}

// sync publishes what the cluster has.
func (r machineRig) sync(t *testing.T) {
	t.Helper()
	data, err := r.get(t).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, string(data))
}

func (r machineRig) get(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	u, err := r.istio.Resource(workloads).Namespace("shop").Get(t.Context(), "vm", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// replica starts a replica, to which machines can connect.
func (r machineRig) replica(ctx context.Context, name string) (machines *status.Machines, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	machines = status.NewMachines()
	w := status.New(status.Options{
		Store: r.store, Dynamic: r.istio, LeaseNamespace: "mizzen-system", LeaseName: "mizzen", Identity: name,
		Logger: slog.New(slog.DiscardHandler), Machines: machines,
	})
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return machines, sync.OnceFunc(func() { cancel(); <-done })
}

// TestMachineLeavesNewLeader: of a machine that was heard of, a new leader waits no longer than another.
func TestMachineLeavesNewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newMachineRig(t)
		a, stop := r.replica(t.Context(), "a")
		defer stop()
		closed := a.Opened(machineKey)
		r.expect(t, "connected", 8*time.Second, "True Connected")
		closed()
		r.expect(t, "left", 15*time.Second, "False NoStream")
	})
}

// expect expects what the condition says after a while, and publishes it.
func (r machineRig) expect(t *testing.T, when string, after time.Duration, want string) {
	t.Helper()
	wait(after)
	list, _, _ := unstructured.NestedSlice(r.get(t).Object, "status", "conditions")
	got := ""
	for _, item := range list {
		if c := item.(map[string]any); strings.HasSuffix(fmt.Sprint(c["type"]), "/Connected") {
			got = fmt.Sprint(c["status"], " ", c["reason"])
		}
	}
	same(t, when, got, want)
	r.sync(t)
}

// TestMachines connects a machine to two replicas, of which the first leads.
func TestMachines(t *testing.T) {
	const yes, no = "True Connected", "False NoStream"
	synctest.Test(t, func(t *testing.T) {
		r := newMachineRig(t)
		a, stopA := r.replica(t.Context(), "a")
		defer stopA()
		r.expect(t, "never connected", 8*time.Second, no)
		first := a.Opened(machineKey)
		second := a.Opened(machineKey)
		r.expect(t, "two streams", 8*time.Second, yes)
		first()
		first() // counts once
		r.expect(t, "one stream", time.Minute, yes)
		writes, _ := r.writes()
		for range 20 {
			second()
			wait(4 * time.Second)
			second = a.Opened(machineKey)
			wait(3 * time.Second)
		}
		if now, _ := r.writes(); now != writes {
			t.Errorf("%d writes for a stream that breaks and is opened again", now-writes)
		}
		second()
		r.expect(t, "just left", 6*time.Second, yes)
		r.expect(t, "left", 10*time.Second, no)

		b, stopB := r.replica(t.Context(), "b")
		defer stopB()
		wait(5 * time.Second)
		third := b.Opened(machineKey)
		r.expect(t, "a stream to the other replica", 12*time.Second, yes)
		fourth := a.Opened(machineKey)
		third()
		r.expect(t, "moved to the leader", time.Minute, yes)
		fourth()
		b.Opened(machineKey)
		r.expect(t, "and back", time.Minute, yes)
		b.Opened("shop/other/10.0.0.9") // the same address, another account
		stopB()                         // without a word
		r.expect(t, "the replica has just died", 20*time.Second, yes)
		r.expect(t, "the replica died, and the machine, too", 40*time.Second, no)
	})
}

// TestMachinesOfNewLeader: a control plane that starts again takes no machine away before it can have come back.
func TestMachinesOfNewLeader(t *testing.T) {
	const yes, no = "True Connected", "False NoStream"
	for _, returns := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newMachineRig(t)
			a, stop := r.replica(t.Context(), "a")
			a.Opened(machineKey)
			r.expect(t, "connected", 8*time.Second, yes)
			stop()
			wait(time.Hour)
			writes, _ := r.writes()
			b, stop := r.replica(t.Context(), "b")
			defer stop()
			r.expect(t, "restarted", 2*time.Minute, yes)
			if returns {
				b.Opened(machineKey)
				r.expect(t, "it came back", time.Hour, yes)
				if now, _ := r.writes(); now != writes {
					t.Errorf("%d writes although nothing changed", now-writes)
				}
				return
			}
			r.expect(t, "it did not come back", time.Minute, no)
		})
	}
}
