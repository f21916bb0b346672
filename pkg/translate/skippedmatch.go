package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"
)

// SkippedMatch is a match of a rule that is in no route, for no call of these clients to that port can meet it.
type SkippedMatch struct {
	// Before is the index of the route that it would stand before.
	Before int
	// Rule is the author's name for it, if there is one.
	Rule string
	// Reason says which condition no call can meet.
	Reason string
	// Origins say where it was written.
	Origins []Origin
}

// skip notes why the match at a path of a rule is left out, before the route of that index.
func (f *routeList) skip(r boundRule, before int, field, reason string) {
	f.skipped = append(f.skipped, SkippedMatch{before, r.rule.GetName(), reason, r.originsOf(before, field)})
}

// The reasons for which a match is left out. They are for people who ask after a call; Problems tell the authors.
const (
	reasonNoSuchPath    = "no gRPC call has this uri"
	reasonNoSuchHeaders = "gRPC clients cannot check its conditions on headers"
	reasonNotPost       = "its method is not POST, which every gRPC call is"
	reasonNotNarrower   = "no match of the delegating rule covers it"
)

func reasonOtherGateways(gateways []string) string {
	if slices.Contains(gateways, noGateway) {
		return noteNoSubnets
	}
	return "it is for calls through " + strings.Join(gateways, ", ") + ", not for calls within the mesh"
}

func reasonOtherPort(port uint32) string { return fmt.Sprintf("it is for port %d", port) }

func reasonOtherAuthority(host string) string { return "its authority is not a name of " + host }

// reasonNotMet is empty if the calls of c may meet what the block asks of the caller.
func (c caller) reasonNotMet(m *networking.HTTPMatchRequest) string {
	if c.meets(m) {
		return ""
	}
	if namespace := m.GetSourceNamespace(); namespace != "" && namespace != c.namespace {
		return "it is for clients in the namespace " + namespace
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(m.GetSourceLabels())) {
		labels = append(labels, key+"="+m.GetSourceLabels()[key])
	}
	return "it is for clients with the labels " + strings.Join(labels, ",")
}
