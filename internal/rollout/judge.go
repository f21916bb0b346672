package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// starting is how long a destination must be without endpoints before the change is to blame: its pods may be starting. It is not longer
	// than the window.
	starting = 30 * time.Second
	// replacing is how long the version before must be broken before all clients follow the change: a tool may delete and create an
	// object, and pods may start again.
	replacing = 10 * time.Second
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
	ReasonSharedCalls   Reason = "SharedCalls"
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
	// broken is why calls by the version before have failed for brokenFor; empty if they do not.
	broken    string
	brokenFor time.Duration
	// late are clients that have not acknowledged the change in time.
	late []string
	// calls are the attempts of the clients that follow the change and of the others, since all of the former have it; for elapsed, which
	// is 0 before that. Clients report them once in an interval.
	calls

	elapsed, interval time.Duration
	// before are the attempts of both in a time before the change, of which beforeFor is the length; 0 if they are not known. It ended age
	// ago. remaining are those of clients that are connected, and stayed those of clients that have been since the calls are compared.
	before, remaining, stayed calls
	beforeFor, age            time.Duration
	// peers are filled by peersOf.
	peers map[unit]peers
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
	case e.broken != "" && e.brokenFor >= min(replacing, e.policy.Window) && e.failure() == "":
		return verdict{reason: ReasonPromoted, message: "All clients follow the new version, because calls by the version before fail: " + e.broken, first: e.first, rest: e.rest, promote: true}
	case e.pending > 0:
		return verdict{reason: ReasonAcknowledging, message: fmt.Sprintf("%d of %d clients that follow the new version first have not acknowledged it.", e.pending, e.clients)}
	case e.elapsed < e.policy.Window && e.unused():
		return e.noClients()
	case e.elapsed < e.policy.Window:
		return verdict{reason: ReasonInProgress, message: fmt.Sprintf("%d%% of the clients follow the new version. %s.", e.policy.Percent, e.figures())}
	}
	if message := e.failure(); message != "" {
		return bad(ReasonFailing, message)
	}
	if v, undecided := e.undecided(); undecided {
		return v
	}
	return verdict{reason: ReasonPromoted, message: fmt.Sprintf("All clients follow the new version: %s.", e.figures()), first: e.first, rest: e.rest, promote: true}
}

// failure says what is wrong with the calls of the clients that follow the change; empty if nothing is.
func (e *evidence) failure() string {
	const failed = "Calls of the clients that followed the new version failed"
	switch worse := e.worse(certain, enough); {
	case e.fault != "":
		return failed + ": " + e.fault + " " + e.reported()
	case e.empty != "" && e.emptyFor >= min(starting, e.policy.Window):
		return failed + ": " + e.empty + " " + e.reported()
	case worse != "":
		return failed + " more often: " + worse + "."
	}
	if stopped := e.stopped(); stopped != "" {
		return "The clients that followed the new version nearly stopped calling, which happens if calls fail before an endpoint is chosen: " + stopped + "."
	}
	return ""
}

// undecided says what is not known yet, so that the change is not promoted.
func (e *evidence) undecided() (v verdict, undecided bool) {
	switch worse, unknown := e.worse(doubtful, 1), e.unknown(); {
	case len(e.late) > 0:
		return verdict{reason: ReasonAcknowledging, message: fmt.Sprintf("It is not promoted, because %d of %d clients that follow the new version first do not acknowledge it, such as %s. Restart or stop them: they do not read what they are sent. %s.", len(e.late), e.clients, e.late[0], e.figures())}, true
	case e.empty != "":
		return verdict{reason: ReasonInProgress, message: fmt.Sprintf("It is not promoted, because calls may fail: %s %s.", e.empty, e.figures())}, true
	case e.unused(): // The calls are those of clients that have left.
		return e.noClients(), true
	case !e.enough() && e.pair.plus(e.shared).enough():
		return verdict{reason: ReasonSharedCalls, message: fmt.Sprintf("Both parts of the clients must make %d attempts: %s. %d more do not count, because it is not known by which rules: %s, or look at the answers of clients and remove the annotation to give the new version to all.", enough, e.figures(), e.shared.first.Calls+e.shared.rest.Calls, e.sharedBy())}, true
	case e.plus(e.shared) == pair{} && e.clients > 0:
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("No client has reported a call, and both parts must make %d attempts. If clients make calls, remove mizzen.dev/load-reports: \"false\" from the Service or its Namespace, start the control plane without --load-reports=off, and start clients in Java again. Or remove the annotation to give the new version to all.", enough)}, true
	case !e.enough():
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("Both parts of the clients must make %d attempts: %s. Wait, raise the share, or remove the annotation to give the new version to all.", enough, e.figures())}, true
	case e.first.Calls-e.first.Errors < enough:
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("It is not promoted, because fewer than %d attempts with the new version succeeded: %s. Calls that fail with both versions do not show whether it works. Wait, raise the share, or remove the annotation to give the new version to all.", enough, e.figures())}, true
	case unknown != "":
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("It is not promoted, because some calls fail, and there are no calls of the others with which to compare them: %s. Raise the share, wait for calls of the others, or remove the annotation to give the new version to all.", unknown)}, true
	case worse != "":
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("It is not promoted, because some calls fail more often, and there are too few to know whether by chance: %s. Correct the object, or wait for more calls.", worse)}, true
	}
	if doubt := e.doubt(); doubt != "" {
		return verdict{reason: ReasonTooFewCalls, message: fmt.Sprintf("It is not promoted, because clients that follow the new version nearly stopped calling, but %s. Wait for their calls, look why they make none, or remove the annotation to give the new version to all.", doubt)}, true
	}
	return verdict{}, false
}

// sharedBy says why it is not known by which rules calls are made, and for what to wait.
func (e *evidence) sharedBy() string {
	var texts []string
	for cause, text := range [sharedCauses]string{
		"the counters of a Service are full, so %d attempts of workloads, or by sets of rules, that have none are counted together",
		"clients had no route to the cluster when they reported %d attempts",
		"clients that made %d attempts dial several hosts whose calls go to the same Services",
	} {
		if n := e.causes[cause]; n > 0 {
			texts = append(texts, fmt.Sprintf(text, n))
		}
	}
	wait := ". Wait for calls of other clients"
	if e.causes[severalHosts] > 0 {
		wait = ". Wait for calls of clients that dial one of them"
	}
	return strings.Join(texts, "; ") + wait
}

// unused reports whether no connected client follows the change.
func (e *evidence) unused() bool { return e.clients == 0 && !e.deleted }

func (e *evidence) noClients() verdict {
	return verdict{reason: ReasonNoClients, message: fmt.Sprintf("No connected client of the %d%% that follow the new version first uses it. Raise the share, or remove the annotation to give the new version to all.", e.policy.Percent)}
}

// enough reports whether both parts made enough attempts to compare them.
func (p pair) enough() bool { return p.first.Calls >= enough && p.rest.Calls >= enough }

func share(a load.Attempts) float64 {
	if a.Calls == 0 {
		return 0
	}
	return float64(a.Errors) / float64(a.Calls)
}

func (p pair) figures() string {
	return fmt.Sprintf("%s of %s failed with it, %s of %s without", percent(p.first), attempts(p.first), percent(p.rest), attempts(p.rest))
}

// reported says how the calls ended of which clients reported.
func (e *evidence) reported() string {
	return fmt.Sprintf("Calls that clients reported: %s.", e.figures())
}

func percent(a load.Attempts) string { return fmt.Sprintf("%.1f%%", 100*share(a)) }

func attempts(a load.Attempts) string {
	if a.Calls == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", a.Calls)
}
