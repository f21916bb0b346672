package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Condition is what the condition mesh.ConditionRolledOut of an object says.
type Condition struct {
	Done            bool
	Reason, Message string
}

// Conditions returns what the conditions of objects are to say. The texts have figures only once a rollout has ended: they are written to
// the cluster.
func (d *Decider) Conditions() map[mesh.Ref]Condition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said
}

// conditions makes the conditions: of the rules that follow a policy, and of those that are or were rolled out with them.
func (d *Decider) conditions(w *mesh.World, states []State) map[mesh.Ref]Condition {
	all := map[mesh.Ref]Condition{}
	byObject := map[mesh.Ref]*State{}
	for i := range states {
		byObject[states[i].Object] = &states[i]
	}
	promoted := Condition{Done: true, Reason: string(ReasonPromoted), Message: "all clients follow this version"}
	if len(states) > 0 {
		for _, config := range w.ConfigObjects.All() {
			namespace := object.Key{Kind: object.KindNamespace, Name: config.Ref.Namespace}.Ref()
			rule := object.Kind(config.Ref.Kind) == object.KindVirtualService || object.Kind(config.Ref.Kind) == object.KindDestinationRule
			if rule && (byObject[config.Ref] != nil || byObject[namespace] != nil) {
				all[config.Ref] = promoted
			}
		}
	}
	for i := range states {
		s := &states[i]
		if s.Stage == mesh.RolloutPinned {
			continue // That does not decide about a version.
		}
		objects, c := s.Objects, conditionOf(s)
		if rec := d.known[s.Object]; s.Stage == mesh.RolloutNone && rec != nil && rec.ended.promote {
			objects = rec.objects
		}
		for _, of := range objects {
			all[of] = c
		}
	}
	return all
}

func conditionOf(s *State) Condition {
	c := Condition{Reason: string(s.Reason), Message: s.Message}
	switch s.Stage {
	case mesh.RolloutNone:
		c.Done = true
	case mesh.RolloutRunning:
		switch s.Reason {
		case ReasonFailing, ReasonRefused:
		default:
			c.Message = fmt.Sprintf("%d%% of the clients follow this version, and the others the version before, until their calls were compared; see: controlplane inspect rollouts", s.Percent)
		}
	case mesh.RolloutWaiting, mesh.RolloutHeld, mesh.RolloutAborted, mesh.RolloutUnknown, mesh.RolloutPinned:
	}
	return c
}

// settling is how long the condition of an object may be about the version before: an edit of its annotations does not change its
// metadata.generation. Before the end of the window, no replica promotes.
const settling = 30 * time.Second

// follow describes a rollout about which another replica decides, and returns what that one decided: the conditions of all objects that
// changed say it. Of objects that do not exist any more nothing can be read, so each replica decides about their deletion alone.
func follow(w *mesh.World, r *mesh.Rollout, rec *record, own State, alone *object.Verdict) (State, *object.Verdict) {
	if r.Stage != mesh.RolloutRunning {
		return own, nil
	}
	said := map[string]int{}
	for _, of := range r.Objects {
		if !slices.Contains(r.Gone, of) {
			config, _ := w.ConfigObjects.Get(of.String())
			if config == nil {
				return own, nil
			}
			said[config.RolledOut]++
		}
	}
	rec.settled = rec.settled || len(said) > 1 || said[mesh.ReasonPromoted]+said[mesh.ReasonAborted] == 0
	switch {
	case len(said) == 0:
		return own, alone
	case !rec.settled: // The condition may be about the version before.
	case len(said) == 1 && said[mesh.ReasonPromoted] > 0:
		rec.ended, rec.objects = verdict{reason: ReasonPromoted, message: "Another replica decided that all clients follow the new version.", promote: true}, r.Objects
		return own, &object.Verdict{Candidate: r.Candidate}
	case len(said) == 1 && said[mesh.ReasonAborted] > 0:
		rec.ended = verdict{reason: ReasonAborted, abort: true}
		return own, &object.Verdict{Candidate: r.Candidate, Abort: true, Cause: "Another replica decided it: the condition " + mesh.ConditionRolledOut + " has the figures."}
	}
	if alone != nil {
		own.Reason, own.Message = ReasonInProgress, cmp.Or(alone.Cause, "Calls of the clients of this replica fail no more often with the new version.")
	}
	own.Message += " Another replica decides."
	return own, nil
}
