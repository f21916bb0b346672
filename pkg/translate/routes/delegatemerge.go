package routes

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// merger merges a delegating rule, root, with one rule of the delegate, sub, as Istio does. The merged rule matches
// the calls that both match. It has the fields of sub, and those fields of root that sub does not set. root and sub
// are not changed.
type merger struct {
	root, sub     *networking.HTTPRoute
	rootAt, subAt report.Field
	provenance    provenance
	matches       *delegatedMatches
}

// ruleFields are the fields that rules of a delegate inherit from the delegating rule.
var ruleFields = []protoreflect.Name{
	"rewrite", "timeout", "retries", "fault", "mirror", "mirrors", "mirror_percent", "mirror_percentage", "cors_policy", "headers",
}

// blockFields are the fields that matches of a delegate inherit. From blockMaps they inherit single entries.
var (
	blockFields = []protoreflect.Name{"uri", "scheme", "method", "authority", "port", "source_namespace", "gateways", "stat_prefix"}
	blockMaps   = []protoreflect.Name{"headers", "without_headers", "query_params", "source_labels"}
)

// rule returns the merged rule, or nil if no call can match both rules.
func (m merger) rule() *networking.HTTPRoute {
	out := proto.CloneOf(m.sub)
	out.Name = joinNames(m.root.GetName(), m.sub.GetName())
	fill(out.ProtoReflect(), m.root.ProtoReflect(), ruleFields, func(field string) {
		m.provenance[field] = m.rootAt.Append(field)
	})
	switch {
	case len(m.root.GetMatch()) == 0:
		for j := range m.sub.GetMatch() {
			m.matches.add(m.subAt.Child("match").Index(j), m.rootAt, true)
		}
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

// blocks merges each match of sub with every match of root that covers it. A match of sub that no match of root
// covers is left out.
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
		m.matches.add(where, m.rootAt, found)
	}
	return all
}

// mergeBlocks returns the match of sub with the fields that it inherits from root. It calls inherited with the path
// of each.
func mergeBlocks(sub, root *networking.HTTPMatchRequest, inherited func(field string)) *networking.HTTPMatchRequest {
	out := proto.CloneOf(sub)
	out.Name = joinNames(root.GetName(), sub.GetName())
	fill(out.ProtoReflect(), root.ProtoReflect(), blockFields, inherited)
	if sub.GetUri() == nil {
		out.IgnoreUriCase = root.GetIgnoreUriCase()
	}
	for _, name := range blockMaps {
		fillMap(out.ProtoReflect(), root.ProtoReflect(), name, inherited)
	}
	return out
}

// fill sets the named fields that only from has.
func fill(out, from protoreflect.Message, names []protoreflect.Name, inherited func(field string)) {
	for _, name := range names {
		if field := from.Descriptor().Fields().ByName(name); !out.Has(field) && from.Has(field) {
			out.Set(field, from.Get(field))
			inherited("." + field.JSONName())
		}
	}
}

// fillMap adds the entries of the map that only from has.
func fillMap(out, from protoreflect.Message, name protoreflect.Name, inherited func(field string)) {
	field := from.Descriptor().Fields().ByName(name)
	from.Get(field).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if into := out.Mutable(field).Map(); !into.Has(k) {
			into.Set(k, v)
			inherited(report.Field{}.Child(field.JSONName()).Key(k.String()).Path)
		}
		return true
	})
}

// joinNames returns the name of a merged rule or match.
func joinNames(root, sub string) string {
	if root == "" || sub == "" {
		return root + sub
	}
	return root + "-" + sub
}

// narrows reports whether root covers sub: in each field, root accepts every value that sub accepts.
func narrows(sub, root *networking.HTTPMatchRequest) bool {
	texts := covered(sub.GetScheme(), root.GetScheme()) && covered(sub.GetMethod(), root.GetMethod()) &&
		covered(sub.GetAuthority(), root.GetAuthority()) && covered(sub.GetUri(), root.GetUri())
	// A match that ignores case accepts more.
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
	// withoutHeaders is inverted: sub must exclude at least the calls that root excludes.
	return entries(sub.GetHeaders(), root.GetHeaders()) && entries(sub.GetQueryParams(), root.GetQueryParams()) &&
		entries(root.GetWithoutHeaders(), sub.GetWithoutHeaders())
}

// agree reports whether two values are equal, or one of them is unset.
func agree[T comparable](sub, root T) bool {
	var unset T
	return sub == unset || root == unset || sub == root
}

// covered reports whether root accepts every text that sub accepts. An expression is covered only by an equal
// expression. A nil sub inherits root, so it is covered.
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
