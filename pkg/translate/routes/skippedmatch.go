package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// skip notes why the match at a path of a rule is left out, before the route of that index.
func (f *routeList) skip(r boundRule, before int, field, reason string) {
	f.skipped = append(f.skipped, resource.SkippedMatch{Before: before, Rule: r.rule.GetName(), Reason: reason, Origins: r.originsOf(before, field)})
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
		return fields.NoteNoSubnets
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
