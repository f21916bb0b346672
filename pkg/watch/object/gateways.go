package object

import (
	"fmt"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// gatewayName completes the name of a gateway as Istio does: NAME, ./NAME and the legacy form NAME.NAMESPACE.svc.DOMAIN
// become NAMESPACE/NAME.
func gatewayName(name, namespace string) string {
	if name == mesh.MeshGateway {
		return name
	}
	if own, ok := strings.CutPrefix(name, "./"); ok {
		return namespace + "/" + own
	}
	if strings.Contains(name, "/") {
		return name
	}
	short, rest, _ := strings.Cut(name, ".")
	if other, _, _ := strings.Cut(rest, "."); other != "" {
		namespace = other
	}
	return namespace + "/" + short
}

// gatewayMatch is the gateways of a match, and their field.
type gatewayMatch struct {
	field    string
	gateways []string
}

// gatewayMatches returns the matches of a VirtualService that name gateways.
func gatewayMatches(spec *networking.VirtualService) []gatewayMatch {
	var all []gatewayMatch
	add := func(section string, i, j int, gateways []string) {
		if len(gateways) > 0 {
			all = append(all, gatewayMatch{fmt.Sprintf("spec.%s[%d].match[%d].gateways", section, i, j), gateways})
		}
	}
	for i, rule := range spec.GetHttp() {
		for j, m := range rule.GetMatch() {
			add("http", i, j, m.GetGateways())
		}
	}
	for i, rule := range spec.GetTls() {
		for j, m := range rule.GetMatch() {
			add("tls", i, j, m.GetGateways())
		}
	}
	for i, rule := range spec.GetTcp() {
		for j, m := range rule.GetMatch() {
			add("tcp", i, j, m.GetGateways())
		}
	}
	return all
}

// checkGateways reports gateways of matches that the VirtualService does not name itself: no call is for both. It reports
// other spellings of mesh, too. The gateways of a delegate are those of the VirtualServices that delegate to it.
func checkGateways(spec *networking.VirtualService, out *Object) {
	for i, name := range spec.GetGateways() {
		if likeMesh(name) {
			reportLikeMesh(fmt.Sprintf("spec.gateways[%d]", i), name, out)
		}
	}
	known := []string{mesh.MeshGateway}
	if len(spec.GetGateways()) > 0 {
		known = nil
	}
	for _, name := range spec.GetGateways() {
		known = append(known, gatewayName(name, out.Key.Namespace))
	}
	for _, m := range gatewayMatches(spec) {
		for i, name := range m.gateways {
			field := fmt.Sprintf("%s[%d]", m.field, i)
			switch {
			case likeMesh(name):
				reportLikeMesh(field, name, out)
			case len(spec.GetHosts()) == 0, slices.Contains(known, gatewayName(name, out.Key.Namespace)):
			default:
				out.Report(mesh.CodeUnreachable, mesh.Warning, field, notNamed(name, m.gateways, spec.GetGateways()))
			}
		}
	}
}

// notNamed says what is wrong with a gateway of a match that the VirtualService does not name.
func notNamed(name string, match, gateways []string) string {
	what := "spec.gateways does not name " + fmt.Sprintf("%q", name)
	if len(gateways) == 0 {
		what = "spec.gateways is not set, so the rules apply only to calls within the mesh"
	}
	effect := "This entry has no effect"
	if len(match) == 1 {
		effect = "The match matches nothing"
	}
	wayOut := "Add it there, or remove it here."
	if len(gateways) == 0 {
		wayOut = fmt.Sprintf("Set gateways to %q and mesh, or remove the entry.", name)
	}
	return what + ". " + effect + ". " + wayOut
}

// likeMesh reports whether a name is another spelling of the reserved name mesh.
func likeMesh(name string) bool {
	return name != mesh.MeshGateway && strings.EqualFold(strings.TrimSpace(name), mesh.MeshGateway)
}

func reportLikeMesh(field, name string, out *Object) {
	out.Report(mesh.CodeNotForMesh, mesh.Warning, field,
		fmt.Sprintf("%q is the name of a gateway, not of the mesh. It does not apply to calls within the mesh. Write mesh, in lower case.", name))
}
