package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// gatewayGroups are the groups of objects that only gateways read, such as Gateway and XListenerSet.
var gatewayGroups = []string{gatewayv1.GroupName, "gateway.networking.x-k8s.io"}

// hostGroups are the groups of the kinds that have hosts, and can be parents.
var hostGroups = map[Kind]string{KindService: "", KindServiceImport: "multicluster.x-k8s.io", KindServiceEntry: "networking.istio.io"}

// hostKind returns the kind with hosts that an author means, if the group is that of the kind, the default, or known to be
// written for it; else it is empty.
func hostKind(group, kind string) Kind {
	for meant, own := range hostGroups {
		if strings.EqualFold(kind, string(meant)) && (group == own || group == gatewayv1.GroupName || meant == KindService && group == "core") {
			return meant
		}
	}
	return ""
}

// parentsOf returns the parents that are Mizzen's: those with hosts. It reports those for which nobody may be, except gateways.
func parentsOf(spec *gatewayv1.CommonRouteSpec, out *Object) (parents []mesh.ParentRef) {
	for i := range spec.ParentRefs {
		p := &spec.ParentRefs[i]
		group, kind, at := string(valueOr(p.Group, gatewayv1.GroupName)), string(valueOr(p.Kind, "Gateway")), fmt.Sprintf("spec.parentRefs[%d]", i)
		meant := hostKind(group, kind)
		switch {
		case p.Port != nil && (*p.Port < 1 || *p.Port > 65535) && meant != "":
			out.Report(mesh.CodeInvalidValue, mesh.Error, at+".port", fmt.Sprintf("%d is not a port. The rules have no effect there. Write a port of the Service, or remove the field for all ports.", *p.Port))
		case meant != "" && group == hostGroups[meant] && kind == string(meant):
			parents = append(parents, mesh.ParentRef{
				Index: i, Group: group, Kind: kind, Namespace: string(valueOr(p.Namespace, "")), Name: string(p.Name), SectionName: string(valueOr(p.SectionName, "")), Port: uint32(valueOr(p.Port, 0)),
			})
		case meant != "" && kind != string(meant):
			out.Report(mesh.CodeInvalidValue, mesh.Warning, at+".kind", fmt.Sprintf("There is no kind %q. The rules have no effect on the parent. Write kind: %s and group: %q.", kind, meant, hostGroups[meant]))
		case meant != "":
			out.Report(mesh.CodeInvalidValue, mesh.Warning, at+".group", fmt.Sprintf("The group of a %s is %q, and not %s. The rules have no effect on the parent. Write group: %[2]q.", meant, hostGroups[meant], groupAsWritten(p)))
		case !slices.Contains(gatewayGroups, group):
			out.Report(mesh.CodeNotForMesh, mesh.Info, at, fmt.Sprintf("The parent is %s of the group %q, which Mizzen does not read. The rules have no effect on it for clients of the mesh. Name a Service if they need them.", withArticle(kind), group))
		}
	}
	if len(spec.ParentRefs) == 0 && spec.UseDefaultGateways == "" {
		out.Report(mesh.CodeUnreachable, mesh.Warning, "spec.parentRefs", `There is no parent. The rules have no effect. Add the Service to whose calls they apply: {group: "", kind: Service, name: NAME}.`)
	}
	return parents
}

// groupAsWritten returns the group of a parent, and that it is the default if the author does not state it.
func groupAsWritten(p *gatewayv1.ParentReference) string {
	if p.Group == nil {
		return fmt.Sprintf("%q, which is the default", gatewayv1.GroupName)
	}
	return fmt.Sprintf("%q", *p.Group)
}

// closedParents returns the parents of a Route that cannot be read, and false if they cannot be read either. An entry that
// cannot be read is empty, so that the others keep their indexes. A parent in place of the list is one entry.
func closedParents(parts Parts) (spec gatewayv1.CommonRouteSpec, readable bool) {
	written, set := parts["parentRefs"]
	list, isList := written.([]any)
	if one, isParent := written.(map[string]any); isParent {
		list, isList = []any{one}, true
	}
	_, nothing := parts[""]
	readable = (isList || !set) && !nothing
	for _, entry := range list {
		one, ok := closedParent(entry)
		readable = readable && ok
		spec.ParentRefs = append(spec.ParentRefs, one)
	}
	return spec, readable
}

// closedParent returns one parent. If it is not known which of its ports is meant, all of them are.
func closedParent(entry any) (parent gatewayv1.ParentReference, readable bool) {
	fields, _ := entry.(map[string]any)
	if decodeParent(fields, &parent) {
		return parent, true
	}
	fields = maps.Clone(fields)
	for _, name := range []string{"port", "sectionName"} {
		delete(fields, name)
	}
	return parent, decodeParent(fields, &parent)
}

// decodeParent leaves the parent empty if it cannot be read.
func decodeParent(fields map[string]any, parent *gatewayv1.ParentReference) bool {
	*parent = gatewayv1.ParentReference{}
	data, err := json.Marshal(fields)
	if err == nil && fields != nil {
		err = json.Unmarshal(data, parent)
	}
	if err != nil {
		*parent = gatewayv1.ParentReference{}
	}
	return err == nil && fields != nil
}

func closeGRPCRoute(key Key, domain string, annotations map[string]string, parts Parts) Object {
	common, readable := closedParents(parts)
	spec := &gatewayv1.GRPCRouteSpec{CommonRouteSpec: common}
	return closeRoute(key, domain, annotations, spec, &spec.CommonRouteSpec, readable)
}

func closeHTTPRoute(key Key, domain string, annotations map[string]string, parts Parts) Object {
	common, readable := closedParents(parts)
	spec := &gatewayv1.HTTPRouteSpec{CommonRouteSpec: common}
	return closeRoute(key, domain, annotations, spec, &spec.CommonRouteSpec, readable)
}

// closeRoute makes a Route without rules of one that cannot be read: its calls fail, and do not go where they would go without
// it. See KindRow.Close.
func closeRoute(key Key, domain string, annotations map[string]string, spec any, common *gatewayv1.CommonRouteSpec, readable bool) Object {
	out, route := convertRoute(key.Kind, &metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: annotations}, spec, common, gatewayv1.RouteStatus{}, domain)
	out.Closed = true
	switch {
	case route != nil:
		others := "other Route" // An HTTPRoute leaves to GRPCRoutes the ports that they are for.
		if key.Kind == KindGRPCRoute {
			others = "other GRPCRoute"
		}
		out.Report(mesh.CodeClosed, mesh.Error, "spec", "The Route cannot be read. The calls to its parents that no "+others+" takes fail, because it is not known where they should go. "+correctFields)
	case !readable:
		if len(common.ParentRefs) == 0 { // It may have some.
			out.Problems = nil
		}
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.parentRefs", "The parents of the Route cannot be read. It has no effect, and calls go where they go without it. "+correctFields)
	}
	return out
}
