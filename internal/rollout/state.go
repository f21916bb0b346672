package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// State is what operators see of one rollout.
type State struct {
	// Object has the annotation.
	Object mesh.Ref `json:"object"`
	// Percent, Window and Abort are what it says.
	Percent uint8  `json:"percent"`
	Window  string `json:"window"`
	Abort   bool   `json:"abort"`
	// Stage says who follows what, and Reason and Message why.
	Stage   mesh.RolloutStage `json:"stage"`
	Reason  Reason            `json:"reason"`
	Message string            `json:"message"`
	// Objects are those of which there are two versions. Candidate identifies the new version.
	Objects   []mesh.Ref `json:"objects"`
	Candidate string     `json:"candidate,omitempty"`
	// Clients follow the new version, Pending of them have not acknowledged it.
	Clients int `json:"clients"`
	Pending int `json:"pending"`
	// First are the attempts of these clients, and Rest those of the others, Since all of the former have the new version.
	First load.Attempts `json:"first"`
	Rest  load.Attempts `json:"rest"`
	Since time.Time     `json:"since,omitzero"`
}

// States lists the rollouts, sorted by object.
func (d *Decider) States() []State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.states)
}

// end describes a rollout that a verdict has just ended: the next World follows it.
func (s *State) end(said verdict, v *object.Verdict) {
	s.Stage, s.Reason = mesh.RolloutNone, ReasonPromoted
	if v.Abort {
		s.Stage, s.Reason = mesh.RolloutAborted, ReasonAborted
	}
	s.Message = cmp.Or(said.message, v.Cause)
}

// stateOf describes a rollout about which nothing has to be decided.
func stateOf(r *mesh.Rollout) State {
	s := State{
		Object: r.Object, Percent: r.Policy.Percent, Window: r.Policy.Window.String(), Abort: r.Policy.Abort, Stage: r.Stage,
		Objects: slices.Clone(r.Objects), Candidate: r.Candidate,
	}
	if s.Objects == nil {
		s.Objects = []mesh.Ref{}
	}
	switch r.Stage {
	case mesh.RolloutNone:
		s.Reason, s.Message = ReasonPromoted, "All clients follow the current version."
	case mesh.RolloutWaiting:
		s.Reason, s.Message = ReasonWaiting, "The rollout of "+r.Behind.String()+" concerns the same hosts and comes first. All clients follow the version before."
	case mesh.RolloutHeld:
		s.Reason, s.Message = ReasonInvalid, "The annotation cannot be read. All clients follow the version before. Correct the annotation, or remove it to give the new version to all."
	case mesh.RolloutAborted:
		s.Reason, s.Message = ReasonAborted, cmp.Or(r.Cause, "Calls failed, or clients rejected the new version.")+" All clients follow the version before. Correct the object, or remove the annotation to give the new version to all."
	case mesh.RolloutUnknown:
		s.Reason, s.Message = ReasonUnknown, "A change was being rolled out when this replica started, and it does not know the version before. Its clients follow the new version. Change the object again, or remove the annotation."
	case mesh.RolloutPinned:
		s.Reason, s.Message = ReasonPinned, fmt.Sprintf("The rules are held as of generation %s until %s.", r.Pin.Generation, r.Pin.Until.Format(time.RFC3339))
	case mesh.RolloutRunning:
	}
	return s
}
