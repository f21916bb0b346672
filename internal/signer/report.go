package signer

import (
	"context"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/event"
)

// reasonUnusable is the reason of the Event on the Secret with the authority.
const reasonUnusable = "AuthorityUnusable"

// report sets the metrics, logs what has changed, and writes an Event on the Secret when its authority cannot be used.
func (k *keeper) report(ctx context.Context, seen *Seen, d authority.Decision) {
	k.metrics.setAuthority(labelInUse, seen.InUse)
	k.metrics.setAuthority(labelDesired, seen.Desired)
	k.metrics.setStep(d.Step)
	k.metrics.anchors.Set(float64(len(seen.Roots)))
	if d.Step != k.step {
		k.Logger.Info("rotation of the authority", "step", d.Step, "before", k.step, "until", d.Until)
		k.step = d.Step
	}
	problem := seen.Problem(time.Now())
	set(k.metrics.unusable, problem != nil)
	text := ""
	if problem != nil {
		text = problem.Error()
	}
	switch {
	case text == k.problem:
	case problem == nil:
		k.Logger.Info("the authority in the Secret can be used", "secret", k.Namespace+"/"+SecretName)
	default:
		k.Logger.Warn("the authority in the Secret cannot be used", "secret", k.Namespace+"/"+SecretName, "error", problem, "signing", d.Signing != nil)
	}
	k.problem = text
	if k.isLeading() && text != k.told {
		if text != "" {
			k.event(ctx, seen, text)
		}
		k.told = text
	}
}

// event writes an Event. Without the right to write Events, certificates are signed all the same.
func (k *keeper) event(ctx context.Context, seen *Seen, note string) {
	about := event.Regarding{APIVersion: "v1", Kind: "Secret", Namespace: k.Namespace, Name: SecretName}
	if seen.Secret != nil {
		about.UID, about.ResourceVersion = string(seen.Secret.UID), seen.Secret.ResourceVersion
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := event.Write(ctx, k.Dynamic, k.Identity, event.Warning{Regarding: about, Action: "Sign", Reason: reasonUnusable, Note: note}); err != nil {
		k.Logger.Warn("cannot write events", "error", err)
	}
}
