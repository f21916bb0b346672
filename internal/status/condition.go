package status

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The conditions. Their names bear the domain, since others write their own beside them.
const (
	// typeAccepted: the object can be understood, and gRPC can do what it says.
	typeAccepted = "mizzen.dev/Accepted"
	// typeProgrammed: clients have what the object asks for.
	typeProgrammed = "mizzen.dev/Programmed"
)

// The reasons that are no codes of Problems.
const (
	reasonAccepted   = "Accepted"
	reasonRemarks    = "AcceptedWithRemarks"
	reasonProgrammed = "Programmed"
	reasonPending    = "Pending"
)

const (
	statusTrue  = "True"
	statusFalse = "False"
)

// condition is one of ours, without what depends on when it is written.
type condition struct{ kind, status, reason, message string }

// report is all that is to be said on one object.
type report struct {
	rule       mesh.ConfigObject
	conditions []condition
	// problems are those of the object that all replicas know; refusals those of this replica's clients.
	problems []mesh.Problem
	refusals []string
}

// fingerprint stands for what the object is to say.
func (r report) fingerprint() string { return fingerprint(r.rule.Generation, r.conditions) }

func fingerprint(generation int64, conditions []condition) string {
	return fmt.Sprintf("%d %q", generation, conditions)
}

// reports says what is to be said on every rule of which generations are counted.
func reports(current *snapshot.Snapshot, deliveries []serving.ObjectSync) []report {
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
		all = append(all, report{
			rule: *rule, problems: own, refusals: d.Refusals, conditions: []condition{accepted(own), programmed(own, d)},
		})
	}
	return all
}

// accepted sums up the Problems that the author can do something about.
func accepted(problems []mesh.Problem) condition {
	c := condition{typeAccepted, statusTrue, reasonAccepted, "All fields are supported by gRPC clients"}
	var lines []string
	for _, p := range problems {
		if p.Code == mesh.CodeHeldBack {
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

// programmed says whether clients have it. Clients are not counted: an object would be written whenever one comes or goes.
func programmed(problems []mesh.Problem, d serving.ObjectSync) condition {
	var held []string
	for _, p := range problems {
		if p.Code == mesh.CodeHeldBack {
			held = append(held, line(p))
		}
	}
	switch {
	case len(held) > 0:
		return condition{typeProgrammed, statusFalse, string(mesh.CodeHeldBack), text(held)}
	case len(d.Refusals) > 0:
		return condition{typeProgrammed, statusFalse, string(mesh.CodeRefused), text(d.Refusals)}
	case d.Pending > 0:
		return condition{typeProgrammed, statusFalse, reasonPending, "connected clients have not acknowledged it yet"}
	}
	return condition{typeProgrammed, statusTrue, reasonProgrammed, "every connected client that asks for it has acknowledged it"}
}

// line is a Problem as a line of a condition that stands on its object.
func line(p mesh.Problem) string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// text bounds what a condition says.
func text(lines []string) string {
	const most = 5
	if more := len(lines) - most; more > 0 {
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more, see: controlplane inspect problems", more))
	}
	return clip(strings.Join(lines, "\n"), 4000)
}

// clip cuts a text between two characters.
func clip(s string, longest int) string {
	if len(s) <= longest {
		return s
	}
	for longest > 0 && !utf8.RuneStart(s[longest]) {
		longest--
	}
	return s[:longest]
}
