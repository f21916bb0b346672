package resource

import (
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Resource is one xDS resource and the objects that it was made from.
type Resource struct {
	Name    string
	Message proto.Message
	Refs    []mesh.Ref
	// Origins are the fields that parts of the message were made from, in the order of the message. A part without
	// an Origin is the same in all resources of the type.
	Origins []report.Origin
	// SkippedMatches are the matches that a RouteConfiguration leaves out for these clients, in the order of the
	// rules.
	SkippedMatches []SkippedMatch
}

// SkippedMatch is a match of a rule without a route, because no call of these clients to the port can match it.
type SkippedMatch struct {
	// Before is the index of the route that would follow it.
	Before int
	// Rule is the name of the rule; empty if the author did not name it.
	Rule string
	// Reason is the condition that no call can meet.
	Reason string
	// Origins are the fields that define the match.
	Origins []report.Origin
}
