package routes

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// merger merges a rule that delegates with one rule of the delegate, as Istio does: the calls are those of both,
// and what the delegate leaves out is as in the rule that delegates. Nothing is changed of either.
type merger struct {
	root, sub     *networking.HTTPRoute
	rootAt, subAt report.Field
	provenance    provenance
}

// ruleFields are those that a rule which delegates lends to the rules of the delegate.
var ruleFields = []protoreflect.Name{
	"rewrite", "timeout", "retries", "fault", "mirror", "mirrors", "mirror_percent", "mirror_percentage", "cors_policy", "headers",
}

// blockFields are those of a match that the delegate's either has or takes over; of blockMaps, it takes over single
// entries.
var (
	blockFields = []protoreflect.Name{"uri", "scheme", "method", "authority", "port", "source_namespace", "gateways", "stat_prefix"}
	blockMaps   = []protoreflect.Name{"headers", "without_headers", "query_params", "source_labels"}
)

// rule is the merged rule, or nil when no call comes to the delegate's by the one that delegates.
func (m merger) rule() *networking.HTTPRoute {
	out := proto.CloneOf(m.sub)
	out.Name = joinNames(m.root.GetName(), m.sub.GetName())
	fill(out.ProtoReflect(), m.root.ProtoReflect(), ruleFields, func(field string) {
		m.provenance[field] = m.rootAt.Append(field)
	})
	switch {
	case len(m.root.GetMatch()) == 0:
	case len(m.sub.GetMatch()) == 0:
		out.Match = m.root.GetMatch()
		m.provenance[".match"] = m.rootAt.Child("match")
	default:
		out.Match = m.blocks()
		if len(out.GetMatch()) == 0 {
			return nil
		}
	}
	return out
}

// blocks are all pairs of matches in which the delegate's is a part of the other. One that is a part of none is
// reported, and holds nothing.
func (m merger) blocks() []*networking.HTTPMatchRequest {
	var all []*networking.HTTPMatchRequest
	for j, sub := range m.sub.GetMatch() {
		where := m.subAt.Child("match").Index(j)
		found := false
		for i, root := range m.root.GetMatch() {
			if !narrows(sub, root) {
				continue
			}
			found = true
			path := report.Field{}.Child("match").Index(len(all)).Path
			m.provenance[path] = where
			all = append(all, mergeBlocks(sub, root, func(field string) {
				m.provenance[path+field] = m.rootAt.Child("match").Index(i).Append(field)
			}))
		}
		if !found {
			where.Errorf(mesh.CodeConflict,
				"No match of %s %s covers every call of this match. This match matches nothing. Narrow it, or widen one of those matches.", m.rootAt.Ref, m.rootAt.Path)
		}
	}
	return all
}

// mergeBlocks adds to the delegate's match what it takes over, and tells the paths of that.
func mergeBlocks(sub, root *networking.HTTPMatchRequest, lent func(field string)) *networking.HTTPMatchRequest {
	out := proto.CloneOf(sub)
	out.Name = joinNames(root.GetName(), sub.GetName())
	fill(out.ProtoReflect(), root.ProtoReflect(), blockFields, lent)
	if sub.GetUri() == nil {
		out.IgnoreUriCase = root.GetIgnoreUriCase()
	}
	for _, name := range blockMaps {
		fillMap(out.ProtoReflect(), root.ProtoReflect(), name, lent)
	}
	return out
}

// fill sets the fields that out lacks and from has.
func fill(out, from protoreflect.Message, names []protoreflect.Name, lent func(field string)) {
	for _, name := range names {
		if field := from.Descriptor().Fields().ByName(name); !out.Has(field) && from.Has(field) {
			out.Set(field, from.Get(field))
			lent("." + field.JSONName())
		}
	}
}

// fillMap adds the entries of a map that out lacks.
func fillMap(out, from protoreflect.Message, name protoreflect.Name, lent func(field string)) {
	field := from.Descriptor().Fields().ByName(name)
	from.Get(field).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if into := out.Mutable(field).Map(); !into.Has(k) {
			into.Set(k, v)
			lent(report.Field{}.Child(field.JSONName()).Key(k.String()).Path)
		}
		return true
	})
}

// joinNames joins the names of a rule and of the one it is merged with.
func joinNames(root, sub string) string {
	if root == "" || sub == "" {
		return root + sub
	}
	return root + "-" + sub
}

// narrows says whether nothing in a delegate's match asks for calls that the match before it keeps out.
func narrows(sub, root *networking.HTTPMatchRequest) bool {
	texts := covered(sub.GetScheme(), root.GetScheme()) && covered(sub.GetMethod(), root.GetMethod()) &&
		covered(sub.GetAuthority(), root.GetAuthority()) && covered(sub.GetUri(), root.GetUri())
	// In any case is more than in this one.
	cases := sub.GetUri() == nil || root.GetUri() == nil || root.GetIgnoreUriCase() || !sub.GetIgnoreUriCase()
	gateways := len(root.GetGateways()) == 0 ||
		!slices.ContainsFunc(sub.GetGateways(), func(g string) bool { return !slices.Contains(root.GetGateways(), g) })
	return texts && cases && gateways && agree(sub.GetPort(), root.GetPort()) &&
		agree(sub.GetSourceNamespace(), root.GetSourceNamespace()) && narrowsMaps(sub, root)
}

func narrowsMaps(sub, root *networking.HTTPMatchRequest) bool {
	entries := func(sub, root map[string]*networking.StringMatch) bool {
		for key := range maps.Keys(sub) {
			if r, both := root[key]; both && !covered(sub[key], r) {
				return false
			}
		}
		return true
	}
	for key, value := range sub.GetSourceLabels() {
		if want, both := root.GetSourceLabels()[key]; both && value != want {
			return false
		}
	}
	// What is kept out must be at least what is kept out already: the other way around.
	return entries(sub.GetHeaders(), root.GetHeaders()) && entries(sub.GetQueryParams(), root.GetQueryParams()) &&
		entries(root.GetWithoutHeaders(), sub.GetWithoutHeaders())
}

// agree says whether two conditions are the same, where both are set.
func agree[T comparable](sub, root T) bool {
	var unset T
	return sub == unset || root == unset || sub == root
}

// covered says whether all that sub accepts is accepted by root. An expression is only covered by the very same
// one. An absent sub takes root's place over, and is covered by it.
func covered(sub, root *networking.StringMatch) bool {
	if sub == nil || root.GetMatchType() == nil {
		return true
	}
	switch r := root.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		s, ok := sub.GetMatchType().(*networking.StringMatch_Exact)
		return ok && s.Exact == r.Exact
	case *networking.StringMatch_Regex:
		s, ok := sub.GetMatchType().(*networking.StringMatch_Regex)
		return ok && s.Regex == r.Regex
	case *networking.StringMatch_Prefix:
		switch s := sub.GetMatchType().(type) {
		case *networking.StringMatch_Exact:
			return strings.HasPrefix(s.Exact, r.Prefix)
		case *networking.StringMatch_Prefix:
			return strings.HasPrefix(s.Prefix, r.Prefix)
		}
	}
	return false
}
