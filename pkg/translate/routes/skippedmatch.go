package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// skip records that the match block at the path field of a rule is left out. before is the index of the next route.
func (l *routeList) skip(r boundRule, before int, field, reason string) {
	l.skipped = append(l.skipped, resource.SkippedMatch{Before: before, Rule: r.rule.GetName(), Reason: reason, Origins: r.originsOf(before, field)})
}

// The reasons why a match is left out. The command explain prints them. Authors get Problems instead.
const (
	reasonNotPost     = "its method is not POST, which every gRPC call is"
	reasonNotNarrower = "no match of the delegating rule covers it"
)

func reasonOtherGateways(gateways []string) string {
	if slices.Contains(gateways, noGateway) {
		return "it compares addresses, which clients do not"
	}
	return "it is for calls through " + strings.Join(gateways, ", ") + ", not for calls within the mesh"
}

func reasonOtherPort(port uint32) string { return fmt.Sprintf("it is for port %d", port) }

func reasonOtherAuthority(host string) string { return "its authority is not a name of " + host }

// reasonNotMet returns the condition of the block that the source does not meet. It is empty if the source meets all.
func (s source) reasonNotMet(m *networking.HTTPMatchRequest) string {
	if s.meets(m) {
		return ""
	}
	if namespace := m.GetSourceNamespace(); namespace != "" && namespace != s.namespace {
		return "it is for clients in the namespace " + namespace
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(m.GetSourceLabels())) {
		labels = append(labels, key+"="+m.GetSourceLabels()[key])
	}
	return "it is for clients with the labels " + strings.Join(labels, ",")
}
