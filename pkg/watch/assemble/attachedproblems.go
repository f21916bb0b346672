package assemble

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func (g attachedGroup) compare(o attachedGroup) int {
	return cmp.Or(slices.Index(kindOrder, g.kind)-slices.Index(kindOrder, o.kind), cmp.Compare(g.consumer, o.consumer))
}

// report reports a Problem of a parent.
func (t *attachedBinding) report(a *attachedRoute, parent mesh.ParentRef, field string, code mesh.Code, severity mesh.Severity, format string, args ...any) {
	t.problems = append(t.problems, mesh.Problem{
		Code: code, Severity: severity, Object: a.key.Ref(), Field: fmt.Sprintf("spec.parentRefs[%d]%s", parent.Index, field), Message: fmt.Sprintf(format, args...),
	})
}

// parent returns the Service of a parent, and the namespace of the clients that the Route is for; empty for all. If the Route
// cannot have the parent, it reports the reason and fails.
func (t *attachedBinding) parent(a *attachedRoute, parent mesh.ParentRef) (service *mesh.Service, consumer string, ok bool) {
	namespace, home := a.key.Namespace, a.ParentNamespace(parent)
	if a.Consumer(parent) {
		consumer = namespace
	}
	service = t.service
	if service != nil && service.Ref.Namespace != home {
		// Another namespace has the host, too. Clients of the parent's namespace have what it declares.
		service, consumer = t.variant(home), namespace
	}
	switch {
	case t.service == nil && object.Kind(parent.Kind) == object.KindService:
		t.problems = append(t.problems, t.rules.noSuchReference(a.key, fmt.Sprintf("spec.parentRefs[%d]", parent.Index), t.host, "The rules have no effect on it.",
			func(home string) string {
				return fmt.Sprintf("Move the Route there if it is for all clients, or write namespace: %s if it is for clients in namespace %s alone.", home, a.key.Namespace)
			}))
	case t.service == nil:
		t.report(a, parent, ".name", mesh.CodeNoSuchHost, mesh.Warning, "There is no %s %s/%s that clients can call. The rules have no effect on it. Create it, or correct the name.", parent.Kind, home, parent.Name)
	case t.alias:
		t.report(a, parent, "", mesh.CodeUnsupported, mesh.Error, "%s is of type ExternalName, which is another name of something else. The rules have no effect on it. Name the Service that it refers to.", t.service.Ref)
	case service == nil || a.Consumer(parent) && service != t.service:
		t.report(a, parent, "", mesh.CodeConflict, mesh.Warning, "For clients in namespace %s, %s has the host %s. The rules have no effect on it. Write a Route for that parent.", namespace, t.service.Ref, t.host)
	case a.Consumer(parent) && !service.VisibleTo(namespace):
		exportTo := "annotation networking.istio.io/exportTo"
		if object.Kind(service.Ref.Kind) == object.KindServiceEntry {
			exportTo = "spec.exportTo"
		}
		t.report(a, parent, "", mesh.CodeNoSuchHost, mesh.Warning, "%s is not exported to namespace %s. The rules have no effect on it. Add the namespace to its %s.", service.Ref, namespace, exportTo)
	default:
		return service, consumer, true
	}
	return nil, "", false
}

// noteConsumer reports that a Route is not for all clients.
func (t *attachedBinding) noteConsumer(a *attachedRoute, parent mesh.ParentRef, service *mesh.Service) {
	switch {
	case service != t.service:
		t.report(a, parent, "", mesh.CodeApproximated, mesh.Info, "%s has the host %s, too, so the rules apply only to clients in namespace %s. Keep one of the two if they are for all clients.", t.service.Ref, t.host, a.key.Namespace)
	case a.Consumer(parent):
		t.report(a, parent, ".namespace", mesh.CodeApproximated, mesh.Info, "%s is in another namespace, so the rules apply only to clients in namespace %s. Move the Route to namespace %s if they are for all clients.",
			service.Ref, a.key.Namespace, service.Ref.Namespace)
	}
}

// declared returns the port that a parent names by number or name, 0 for all. Both must fit if both are given.
func (t *attachedBinding) declared(a *attachedRoute, parent mesh.ParentRef, service *mesh.Service) (uint32, bool) {
	if parent.Port == 0 && parent.SectionName == "" {
		return 0, true
	}
	ports := map[uint32]struct{}{}
	for _, port := range service.Ports {
		if (parent.Port == 0 || parent.Port == port.Number) && (parent.SectionName == "" || parent.SectionName == port.Name) {
			return port.Number, true
		}
		ports[port.Number] = struct{}{}
	}
	const effect = "The rules have no effect there."
	if parent.Port != 0 {
		if _, ok := ports[parent.Port]; !ok || parent.SectionName == "" {
			t.report(a, parent, ".port", mesh.CodeNoSuchPort, mesh.Warning, "%s has no port %d. %s %s", service.Ref, parent.Port, effect, choices(ports))
			return 0, false
		}
	}
	what := fmt.Sprintf("port with the name %q", parent.SectionName)
	if parent.Port != 0 {
		what = fmt.Sprintf("port %d with the name %q", parent.Port, parent.SectionName)
	}
	t.report(a, parent, ".sectionName", mesh.CodeNoSuchPort, mesh.Warning, "%s has no %s. %s %s", service.Ref, what, effect, nameOfPort(service, parent.SectionName))
	return 0, false
}

// compete reports the parents on whose ports the Routes of a kind of higher precedence take all calls, and records which
// Routes have an effect. winner is nil if there are none.
func (t *attachedBinding) compete(parents []attachedParent, winner *attachedTable) {
	for _, p := range parents {
		if winner == nil || winner.kind == p.route.key.Kind {
			p.route.effect[t.host] = struct{}{}
			continue
		}
		names := winnerNames(winner.routes.Refs())
		lost, kept := t.contested(p, winner)
		switch {
		case len(kept) == 0 && len(lost) > 0:
			t.report(p.route, p.ref, "", mesh.CodeConflict, mesh.Warning, "%s for the same Service and clients, and a GRPCRoute takes precedence on each port that it is for. The rules have no effect there. Remove one of them, or set other ports.", names)
			continue
		case len(lost) > 0:
			t.report(p.route, p.ref, "", mesh.CodeConflict, mesh.Info, "%s for the same Service and clients, and a GRPCRoute takes precedence on port %s. This Route applies to the other ports. Set the port to make that plain.", names, strings.Join(lost, ", "))
		}
		p.route.effect[t.host] = struct{}{}
	}
}

// contested divides the ports of a parent into those that the winner takes, and the others.
func (t *attachedBinding) contested(p attachedParent, winner *attachedTable) (lost, kept []string) {
	for _, port := range p.service.Ports {
		switch {
		case p.port != 0 && p.port != port.Number:
		case winner.all || slices.Contains(winner.ports, port.Number):
			lost = append(lost, strconv.FormatUint(uint64(port.Number), 10))
		default:
			kept = append(kept, strconv.FormatUint(uint64(port.Number), 10))
		}
	}
	return lost, kept
}

// winnerNames says which Routes there are, such as "GRPCRoute demo/a is" or "GRPCRoute demo/a and 2 others are".
func winnerNames(refs []mesh.Ref) string {
	if len(refs) == 1 {
		return refs[0].String() + " is"
	}
	if len(refs) == 2 {
		return refs[0].String() + " and " + refs[1].String() + " are"
	}
	return fmt.Sprintf("%s and %d others are", refs[0], len(refs)-1)
}

// repeatedMatches reports matches that are the same as one before them, which takes all of their calls.
func repeatedMatches(list []attachment) []mesh.Problem {
	type earlier struct {
		author *mesh.Author
		ports  []uint32
	}
	first := map[string]earlier{}
	var problems []mesh.Problem
	for _, m := range matchesInOrder(list) {
		var all []byte
		for _, block := range m.Rule.GetMatch() {
			// A message that cannot be encoded is reported elsewhere.
			encoded, _ := proto.MarshalOptions{Deterministic: true}.Marshal(block)
			all = append(append(all, encoded...), '\n')
		}
		text := string(all)
		before, again := first[text]
		switch {
		case !again:
			first[text] = earlier{m.Author, m.ports}
		case before.ports == nil || m.ports != nil && !slices.ContainsFunc(m.ports, func(p uint32) bool { return !slices.Contains(before.ports, p) }):
			at := m.Author.FieldOf(".match")
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeConflict, Severity: mesh.Info, Object: m.Author.Ref, Field: at,
				Message: fmt.Sprintf("%s %s matches the same calls and takes precedence. This match has no effect. Remove one of the two.", before.author.Ref, before.author.FieldOf(".match")),
			})
		}
	}
	return problems
}
