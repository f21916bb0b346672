package mesh

import (
	"regexp"
)

// ControllerName is the name under which Mizzen writes into the status of objects of the Gateway API.
const ControllerName = "mizzen.dev/controlplane"

// Route is an object of the Gateway API that rules were compiled from: a GRPCRoute or HTTPRoute.
type Route struct {
	Ref Ref
	// Spec is the spec as its author wrote it, read-only: *v1.GRPCRouteSpec or *v1.HTTPRouteSpec of the Gateway API.
	Spec any
}

// ParentRef is a parent of a Route that has hosts, as its author wrote it. Namespace and SectionName are empty, and Port is 0,
// where the author wrote none.
type ParentRef struct {
	// Index is its index in spec.parentRefs.
	Index int
	// Group and Kind are those of a Service, a ServiceImport or a ServiceEntry.
	Group, Kind                  string
	Namespace, Name, SectionName string
	Port                         uint32
}

// Author is what a compiled rule was compiled from.
type Author struct {
	Ref Ref
	// Fields has the author's field for the parts of the rule: ".timeout", ".match.headers[user]", ".route[0]". The empty
	// path is the whole rule. The matches of a rule all come from one match, so they have no index.
	Fields map[string]string
	// Part means that the match was compiled to several rules, of which this is one.
	Part bool
	// DefaultRetries means that the author says nothing about retries: the number of the rule is the default, which may be off.
	DefaultRetries bool
}

// NamespaceOfDestination is the path below a destination that an Author has if its author writes the name and the namespace of a
// Service in two fields.
const NamespaceOfDestination = ".namespace"

// FieldOf returns the author's field that a part of the rule was compiled from, by the path of the part, such as
// ".match[1].uri.exact".
func (a *Author) FieldOf(path string) string {
	for path = matchIndex.ReplaceAllString(path, ".match"); path != ""; path = parent(path) {
		if field, ok := a.Fields[path]; ok {
			return field
		}
	}
	return a.Fields[""]
}

var matchIndex = regexp.MustCompile(`^\.match\[\d+\]`)

// Compiled reports whether the rules were compiled from Routes. v may be nil.
func (v *VirtualService) Compiled() bool { return v != nil && v.Authors != nil }

// Refs returns the objects that the rules were written in.
func (v *VirtualService) Refs() []Ref {
	if !v.Compiled() {
		return []Ref{v.Ref}
	}
	refs := make([]Ref, len(v.Routes))
	for i, route := range v.Routes {
		refs[i] = route.Ref
	}
	return refs
}
