package rollout

import (
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// enough is how many attempts both parts of the clients must have made before they are compared.
	enough = 100
	// tolerated is by how much the share of failed attempts may be higher for the clients that follow a change.
	tolerated = 0.01
	// silent is the part of the attempts to expect below which the clients that follow a change have stopped calling. Calls that fail
	// before a client has chosen an endpoint are not reported.
	silent = 0.1
	// starting is how long a destination must be without endpoints before the change is to blame: its pods may be starting. It is not longer
	// than the window.
	starting = 30 * time.Second
)

// Reason says why a rollout is where it is. The texts are reasons of conditions.
type Reason string

// The reasons.
const (
	ReasonPromoted      Reason = mesh.ReasonPromoted
	ReasonAborted       Reason = mesh.ReasonAborted
	ReasonWaiting       Reason = "Waiting"
	ReasonAcknowledging Reason = "Acknowledging"
	ReasonInProgress    Reason = "InProgress"
	ReasonTooFewCalls   Reason = "TooFewCalls"
	ReasonNoClients     Reason = "NoClients"
	ReasonFailing       Reason = "CallsFail"
	ReasonRefused       Reason = "Refused"
	ReasonInvalid       Reason = "InvalidAnnotation"
	ReasonUnknown       Reason = "NoApprovedVersion"
	ReasonPinned        Reason = "Pinned"
)

// evidence is what is known of one change at one moment.
type evidence struct {
	policy mesh.RolloutPolicy
	// deleted is set if the change deletes objects and does nothing else. Then no resource of a client is made of them.
	deleted bool
	// clients is the number of clients that follow the change. pending of them have not acknowledged it, and refusals are the texts
	// of those that rejected it.
	clients, pending int
	refusals         []string
	// fault is an error that the change has and the version before has not; empty without one.
	fault string
	// empty is a destination of the change that has had no endpoint for emptyFor; empty without one.
	empty    string
	emptyFor time.Duration
	// first and rest are the attempts of the clients that follow the change and of the others, since all of the former have it; for
	// elapsed, which is 0 before that.
	first, rest load.Attempts
	elapsed     time.Duration
	// firstRate and restRate are the attempts a second of both before the change.
	firstRate, restRate float64
}

// verdict is what follows from the evidence.
type verdict struct {
	reason  Reason
	message string
	// cause is the part of the message that says why the rollout is aborted. first and rest are the attempts that were compared.
	cause       string
	first, rest load.Attempts
	// promote or abort end the rollout. again means that the calls are compared anew from now on.
	promote, abort, again bool
}

// judge decides. It reads no clock.
func judge(e evidence) verdict {
	bad := func(reason Reason, message string) verdict {
		if e.policy.Abort {
			return verdict{reason: ReasonAborted, message: message + " All clients follow the version before.", cause: message, first: e.first, rest: e.rest, abort: true}
		}
		return verdict{reason: reason, message: message + " The others keep the version before. Correct the object.", again: true}
	}
	switch {
	case len(e.refusals) > 0:
		return bad(ReasonRefused, "Clients cannot follow the new version: "+e.refusals[0]+".")
	case e.pending > 0:
		return verdict{reason: ReasonAcknowledging, message: fmt.Sprintf("%d of %d clients that follow the new version first have not acknowledged it.", e.pending, e.clients)}
	case e.elapsed < e.policy.Window:
		return verdict{reason: ReasonInProgress, message: fmt.Sprintf("%d%% of the clients follow the new version. %s.", e.policy.Percent, e.figures())}
	case e.fault != "":
		return bad(ReasonFailing, "Calls of the clients that followed the new version failed: "+e.fault+" "+e.reported())
	case e.empty != "" && e.emptyFor >= min(starting, e.policy.Window):
		return bad(ReasonFailing, "Calls of the clients that followed the new version failed: "+e.empty+" "+e.reported())
	case e.worse():
		return bad(ReasonFailing, fmt.Sprintf("Calls of the clients that followed the new version failed more often: %s.", e.figures()))
	case e.stopped():
		return bad(ReasonFailing, fmt.Sprintf("The clients that followed the new version nearly stopped calling, which happens if calls fail before an endpoint is chosen: %s. They made %.1f attempts a second before.", e.figures(), e.firstRate))
	case e.empty != "":
		return verdict{reason: ReasonInProgress, message: fmt.Sprintf("It is not promoted, because calls may fail: %s %s.", e.empty, e.figures())}
	case e.clients == 0 && !e.deleted: // The calls are those of other rules that lead to the same Services.
		return verdict{reason: ReasonNoClients, message: fmt.Sprintf("No connected client of the %d%% that follow the new version first uses it. Raise the share, or remove the annotation to give the new version to all.", e.policy.Percent)}
	case e.first.Calls < enough || e.rest.Calls < enough:
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("Both parts of the clients must make %d attempts: %s. Wait, raise the share, or remove the annotation to give the new version to all.", enough, e.figures())}
	}
	return verdict{reason: ReasonPromoted, message: fmt.Sprintf("All clients follow the new version: %s.", e.figures()), first: e.first, rest: e.rest, promote: true}
}

// worse reports whether the attempts of the clients that follow the change fail more often than those of the others.
func (e evidence) worse() bool {
	return e.first.Calls >= enough && e.rest.Calls >= enough && share(e.first)-share(e.rest) > tolerated
}

// stopped reports whether these clients made hardly any attempt although they made many before, and the others go on.
func (e evidence) stopped() bool {
	expected, others := e.firstRate*e.elapsed.Seconds(), e.restRate*e.elapsed.Seconds()
	return expected >= enough && float64(e.first.Calls) < silent*expected && float64(e.rest.Calls) >= others/2
}

func share(a load.Attempts) float64 {
	if a.Calls == 0 {
		return 0
	}
	return float64(a.Errors) / float64(a.Calls)
}

func (e evidence) figures() string {
	return fmt.Sprintf("%s of %s failed with it, %s of %s without", percent(e.first), attempts(e.first), percent(e.rest), attempts(e.rest))
}

// reported says how the calls ended of which clients reported.
func (e evidence) reported() string {
	return fmt.Sprintf("Calls that clients reported: %s.", e.figures())
}

func percent(a load.Attempts) string { return fmt.Sprintf("%.1f%%", 100*share(a)) }

func attempts(a load.Attempts) string {
	if a.Calls == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", a.Calls)
}
