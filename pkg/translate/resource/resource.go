package resource

import (
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Resource is one xDS resource and the objects that made it.
type Resource struct {
	Name    string
	Message proto.Message
	Refs    []mesh.Ref
	// Origins say where parts of the message come from, in its order. What has no Origin is what every resource of its kind has.
	Origins []report.Origin
	// SkippedMatches are the matches of rules that a table of routes leaves out for these clients, in its order.
	SkippedMatches []SkippedMatch
}

// SkippedMatch is a match of a rule that is in no route, for no call of these clients to that port can meet it.
type SkippedMatch struct {
	// Before is the index of the route that it would stand before.
	Before int
	// Rule is the author's name for it, if there is one.
	Rule string
	// Reason says which condition no call can meet.
	Reason string
	// Origins say where it was written.
	Origins []report.Origin
}
