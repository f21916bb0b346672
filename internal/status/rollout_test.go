package status_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestRolledOut writes the condition when what it says changes, although no World does, and removes it when nothing is rolled out.
func TestRolledOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.serve(t, 1, good)
		var said atomic.Pointer[map[mesh.Ref]rollout.Condition]
		say := func(c map[mesh.Ref]rollout.Condition) {
			said.Store(&c)
			wait(time.Minute)
		}
		said.Store(&map[mesh.Ref]rollout.Condition{})
		w := status.New(status.Options{
			Store: r.store, Dynamic: r.istio, LeaseNamespace: "mizzen-system", LeaseName: "mizzen", Identity: "a", Logger: slog.New(slog.DiscardHandler),
			RolledOut: func() map[mesh.Ref]rollout.Condition { return *said.Load() },
		})
		done := make(chan error, 1)
		go func() { done <- w.Run(t.Context()) }()
		of := r.store.Current().World().ConfigObjects
		var ref mesh.Ref
		for _, o := range of.All() {
			ref = o.Ref
		}
		found := func() string {
			for _, line := range r.conditions(t) {
				if strings.Contains(line, "RolledOut") {
					return line
				}
			}
			return ""
		}
		say(map[mesh.Ref]rollout.Condition{ref: {Reason: "InProgress", Message: "some clients"}})
		if got := found(); !strings.Contains(got, "False InProgress") {
			t.Errorf("got %q, want that it is in progress", got)
		}
		say(map[mesh.Ref]rollout.Condition{ref: {Done: true, Reason: "Promoted", Message: "all clients"}})
		if got := found(); !strings.Contains(got, "True Promoted") {
			t.Errorf("got %q, want that it was promoted", got)
		}
		say(map[mesh.Ref]rollout.Condition{})
		if got := found(); got != "" {
			t.Errorf("got %q, want no condition", got)
		}
	})
}
