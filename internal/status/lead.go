package status

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How the Lease is held: a leader that dies is followed after leaseDuration, one that ends within retryPeriod.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// elect keeps asking for the Lease until ctx ends, and then gives it back.
func (w *Writer) elect(ctx context.Context) error {
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: w.LeaseNamespace, Name: w.LeaseName},
		Client:     w.Client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: w.Identity},
	}
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true, Name: w.LeaseName,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { w.lead(true) },
				OnStoppedLeading: func() { w.lead(false) },
			},
		})
		if err != nil {
			return fmt.Errorf("elect the replica that writes conditions: %w", err)
		}
		elector.Run(ctx)
	}
	return nil
}

// lead notes whether this replica holds the Lease.
func (w *Writer) lead(now bool) {
	if w.leading.Swap(now) != now {
		w.Logger.Info("leadership changed", "leading", now, "lease", w.LeaseNamespace+"/"+w.LeaseName)
	}
	w.counters.lead(now)
}
