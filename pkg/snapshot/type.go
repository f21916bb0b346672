package snapshot

import "strings"

// Type is the type URL of a kind of resource.
type Type string

// The types that are served.
const (
	ListenerType Type = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType    Type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	ClusterType  Type = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType Type = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// Types lists the types in the order they are sent when one change concerns several: what is named goes before what names it.
var Types = [typeCount]Type{ClusterType, EndpointType, ListenerType, RouteType}

const typeCount = 4

// typeSet is a set of types, a bit for each.
type typeSet uint8

func setOf(t Type) typeSet { return 1 << t.rank() }

func (s typeSet) has(t Type) bool { return s&setOf(t) != 0 }

// Known says whether t is served.
func (t Type) Known() bool { return t.rank() < len(Types) }

func (t Type) rank() int {
	for i, known := range Types {
		if t == known {
			return i
		}
	}
	return len(Types)
}

// FullState says whether a response carries the whole subscription: a resource that is missing from it is then deleted at
// the client. The other types carry what changed.
func (t Type) FullState() bool { return t == ListenerType || t == ClusterType }

// Name is the message's name, such as Listener.
func (t Type) Name() string { return string(t[strings.LastIndexByte(string(t), '.')+1:]) }

// ShortName is lds, rds, cds or eds.
func (t Type) ShortName() string {
	switch t {
	case ListenerType:
		return "lds"
	case RouteType:
		return "rds"
	case ClusterType:
		return "cds"
	case EndpointType:
		return "eds"
	}
	return string(t)
}

// TypeByShortName finds a type by lds, rds, cds or eds.
func TypeByShortName(name string) (Type, bool) {
	for _, t := range Types {
		if t.ShortName() == name {
			return t, true
		}
	}
	return "", false
}
