package assemble

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// bindAuthorization makes the policy of the World.
func (x *securityIndex) bindAuthorization(e *secured[object.AuthorizationPolicy, mesh.AuthorizationPolicy]) *mesh.AuthorizationPolicy {
	return &mesh.AuthorizationPolicy{
		Ref: e.key.Ref(), Spec: e.value.Spec, Selected: x.selected(e.key, e.value.Scope), OwnNamespace: e.value.Scope.OwnNamespace,
		DryRun: e.value.DryRun, LogCalls: e.value.LogCalls, UnknownFields: e.value.Unknown,
	}
}

func (x *securityIndex) bindAuthentication(e *secured[object.RequestAuthentication, mesh.RequestAuthentication]) *mesh.RequestAuthentication {
	return &mesh.RequestAuthentication{
		Ref: e.key.Ref(), Spec: e.value.Spec, Selected: x.selected(e.key, e.value.Scope), OwnNamespace: e.value.Scope.OwnNamespace,
	}
}

// selected returns the pods of a scope: those with its labels, and those behind its Services. It reports Services that
// have no pods.
func (x *securityIndex) selected(key object.Key, scope object.PodScope) mesh.PodSelectors {
	var selected mesh.PodSelectors
	if scope.Labels != nil {
		selected = append(selected, scope.Labels)
	}
	var problems []mesh.Problem
	for _, target := range scope.Services {
		service := x.inventory.services[object.ID{Namespace: key.Namespace, Name: target.Name}]
		switch {
		case service == nil:
			problems = append(problems, securityProblem(key, mesh.CodeNoPods, mesh.Warning, target.Field+".name",
				"There is no Service %q in namespace %q. The object applies to no pod by this target. Create the Service, or correct the name.", target.Name, key.Namespace))
		case service.Selector == "":
			problems = append(problems, securityProblem(key, mesh.CodeNoPods, mesh.Warning, target.Field+".name",
				"%s selects no pods. The object applies to no pod by this target. Name a Service with a selector, or use selector here.", service.Ref))
		default:
			selected = append(selected, service.Selector.Map())
		}
	}
	x.problems.put(problemKey{topicSecurity, key}, mesh.SortProblems(problems))
	return selected
}

// bindPeer makes the PeerAuthentication of the World. Only an object with a selector, in a namespace that is not the
// root, may set modes of ports.
func (x *securityIndex) bindPeer(e *secured[object.PeerAuthentication, mesh.PeerAuthentication]) *mesh.PeerAuthentication {
	out := &mesh.PeerAuthentication{Ref: e.key.Ref(), Spec: e.value.Spec, Selector: e.value.Selector}
	why := ""
	switch {
	case len(e.value.Spec.GetPortLevelMtls()) == 0:
	case e.value.Selector == nil:
		why = "Modes of ports require a selector with labels. They have no effect. Add spec.selector, or remove them."
	case e.key.Namespace == x.root:
		why = fmt.Sprintf("Modes of ports cannot be set in %q, the namespace of the whole mesh. They have no effect. Set them in the namespace of the pods.", x.root)
	}
	var problems []mesh.Problem
	if why != "" {
		out.Spec, _ = proto.Clone(e.value.Spec).(*security.PeerAuthentication)
		out.Spec.PortLevelMtls = nil
		problems = append(problems, securityProblem(e.key, mesh.CodeInvalidValue, mesh.Error, "spec.portLevelMtls", "%s", why))
	}
	x.problems.put(problemKey{topicSecurity, e.key}, problems)
	return out
}

// compare reports a PeerAuthentication that can never be in effect: all pods that it selects, an earlier one of the same
// level selects, too.
func (x *securityIndex) compare(p, earlier *mesh.PeerAuthentication) {
	key := keyOf(p.Ref)
	var problems []mesh.Problem
	delete(x.covered, key)
	if earlier != nil {
		x.covered[key] = struct{}{}
		problems = append(problems, securityProblem(key, mesh.CodeConflict, mesh.Warning, "spec",
			"%s is for the same pods and takes precedence. This object has no effect. Merge the two, or remove this one.", earlier.Ref))
	}
	x.problems.put(problemKey{topicConflict, key}, problems)
}

func securityProblem(key object.Key, code mesh.Code, severity mesh.Severity, field, format string, args ...any) mesh.Problem {
	return mesh.Problem{Code: code, Severity: severity, Object: key.Ref(), Field: field, Message: fmt.Sprintf(format, args...)}
}
