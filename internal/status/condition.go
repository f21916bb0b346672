package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/event"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The condition types. They have the domain as a prefix because other controllers write conditions, too.
const (
	// typeAccepted: the object is valid, and gRPC clients support its fields.
	typeAccepted = "mizzen.dev/Accepted"
	// typeProgrammed: clients have acknowledged the resources that are made from the object.
	typeProgrammed = "mizzen.dev/Programmed"
	// typeConnected: the machine of a WorkloadEntry has a stream to the control plane. Worlds are made of it.
	typeConnected = mesh.ConditionConnected
	// typeRolledOut: all clients follow this version of the object. Replicas tell each other by it.
	typeRolledOut = mesh.ConditionRolledOut
)

// The reasons that are not codes of Problems.
const (
	reasonAccepted   = "Accepted"
	reasonRemarks    = "AcceptedWithRemarks"
	reasonProgrammed = "Programmed"
	reasonPending    = "Pending"
	reasonConnected  = "Connected"
	reasonNoStream   = "NoStream"
)

const (
	statusTrue  = "True"
	statusFalse = "False"
)

// condition is one of our conditions, without the fields that depend on the time of writing.
type condition struct{ kind, status, reason, message string }

// report is the desired status of one object.
type report struct {
	rule       mesh.ConfigObject
	conditions []condition
	// problems are the object's Problems, which all replicas know. effects are the errors because of which connected clients
	// do not do what the object says. ofClients are those of them that only this replica knows, and refusals are rejections.
	problems, effects, ofClients []mesh.Problem
	refusals                     []string
	// failing is why clients do not do what the object says, and reason the reason for the condition. pending means that
	// clients of this replica have not answered.
	failing []string
	reason  mesh.Code
	pending bool
	// remarks say what the object does to clients that are connected, although nothing is wrong.
	remarks []string
}

// fingerprint identifies the desired conditions of a generation.
func (r report) fingerprint() string { return placeOf(r.rule.Ref.Kind).desired(r) }

// reports returns the desired status of every rule whose generation is known. connects says whether a machine counts as
// connected.
func reports(current *snapshot.Snapshot, deliveries []serving.ObjectSync, connects func(*mesh.ConfigObject) bool, rolledOut map[mesh.Ref]rollout.Condition) []report {
	problems := map[mesh.Ref][]mesh.Problem{}
	for _, p := range current.Problems() {
		problems[p.Object] = append(problems[p.Object], p)
	}
	var all []report
	for _, d := range deliveries {
		rule, ok := current.World().ConfigObjects.Get(d.Object.String())
		if !ok || rule.Generation == 0 {
			continue
		}
		own := problems[d.Object]
		r := report{rule: *rule, problems: own, effects: d.Problems, refusals: d.Refusals, pending: d.Pending > 0, remarks: d.Remarks}
		r.failing, r.reason = failing(d)
		r.conditions = []condition{accepted(own, d.Problems), r.programmed()}
		if rule.Machine != "" {
			r.conditions = slices.Insert(r.conditions, 1, connected(connects(rule)))
		}
		if c, ok := rolledOut[d.Object]; ok {
			r.conditions = append(r.conditions, rolledOutCondition(c))
		}
		for _, p := range d.Problems {
			if !slices.Contains(own, p) {
				r.ofClients = append(r.ofClients, p)
			}
		}
		all = append(all, r)
	}
	return all
}

func rolledOutCondition(c rollout.Condition) condition {
	status := statusFalse
	if c.Done {
		status = statusTrue
	}
	return condition{typeRolledOut, status, c.Reason, text([]string{c.Message})}
}

// accepted summarizes the Problems that the author can fix: those that are in the object itself, and not effects on clients.
func accepted(problems, effects []mesh.Problem) condition {
	c := condition{typeAccepted, statusTrue, reasonAccepted, "All fields are supported by gRPC clients"}
	var lines []string
	for _, p := range problems {
		if slices.Contains(effects, p) {
			continue
		}
		if len(lines) == 0 {
			c.reason = reasonRemarks
		}
		if p.Severity == mesh.Error && c.status == statusTrue {
			c.status, c.reason = statusFalse, string(p.Code)
		}
		lines = append(lines, line(p))
	}
	if len(lines) > 0 {
		c.message = text(lines)
	}
	return c
}

// failing returns why connected clients do not do what the object says, and the reason for the condition.
func failing(d serving.ObjectSync) (lines []string, reason mesh.Code) {
	reason = mesh.CodeRefused
	if len(d.Problems) > 0 {
		reason = d.Problems[0].Code
	}
	for _, p := range d.Problems {
		lines = append(lines, line(p))
	}
	return append(lines, d.Refusals...), reason
}

// programmed reports whether clients have the resources, and can do what they say. It contains no number of clients:
// otherwise the object would be written each time that a client connects or leaves.
func (r report) programmed() condition {
	switch {
	case len(r.failing) > 0:
		return condition{typeProgrammed, statusFalse, string(r.reason), text(r.failing)}
	case r.pending:
		return condition{typeProgrammed, statusFalse, reasonPending, "some connected clients have not acknowledged it yet"}
	}
	return condition{typeProgrammed, statusTrue, reasonProgrammed, text(append([]string{"every connected client that subscribes to its resources has acknowledged them"}, r.remarks...))}
}

// line formats a Problem for a condition of its own object.
func line(p mesh.Problem) string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// maxLines bounds the lines of a condition's message.
const maxLines = 5

// text joins the lines of a condition's message and bounds its length.
func text(lines []string) string {
	if more := len(lines) - maxLines; more > 0 {
		lines = append(slices.Clone(lines[:maxLines]), fmt.Sprintf("and %d more, see: controlplane inspect problems", more))
	}
	return event.Clip(strings.Join(lines, "\n"), 4000)
}
