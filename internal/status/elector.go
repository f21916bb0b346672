package status

import (
	"context"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/mizzen-mesh/mizzen/internal/election"
)

// newElector makes the Elector of the replica that writes. The leader takes what the other replicas tell in the Lease;
// another replica tells it what concerns its own clients.
func (w *Writer) newElector() *election.Elector {
	known := &peers{}
	return election.New(election.Options{
		Dynamic: w.Dynamic, Namespace: w.LeaseNamespace, Name: w.LeaseName, Identity: w.Identity, Logger: w.Logger,
		Changed: w.counters.setLeader,
		Held:    func(l *election.Lease) { w.takeFromPeers(known.current(l.Object(), peerKey(w.Identity))) },
		Followed: func(ctx context.Context, l *election.Lease) {
			own := w.findings.Load()
			if own == nil {
				return
			}
			machines := w.Machines.connected()
			if len(machines) > maxMachines {
				w.Logger.Warn("more machines have streams than this replica can tell the leader; the others count as not connected", "machines", len(machines), "limit", maxMachines)
			}
			if err := known.tell(ctx, l, w.Identity, told{*own, machines}); err != nil && !apierrors.IsConflict(err) {
				w.Logger.Debug("cannot tell the leader what concerns clients", "error", err)
			}
		},
	})
}

// takeFromPeers records what the other replicas tell.
func (w *Writer) takeFromPeers(found told) {
	if before := w.fromPeers.Load(); before == nil || !reflect.DeepEqual(*before, found) {
		w.fromPeers.Store(&found)
	}
}
