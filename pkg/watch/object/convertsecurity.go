package object

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertAuthorizationPolicy(p *authorizationPolicy, _ string) Object {
	out := newObject(KindAuthorizationPolicy, &p.ObjectMeta)
	spec := proto.CloneOf(&p.Spec)
	if !encodable(spec, &out) {
		return closePolicy(out, &AuthorizationPolicy{Spec: &security.AuthorizationPolicy{}, Scope: everyPod()}, faults{whole: true})
	}
	p.report(&out)
	found := faultsIn(slices.Concat(p.unknown, p.empty))
	value := &AuthorizationPolicy{Spec: spec, DryRun: dryRun(p.Annotations, &out), LogCalls: logCalls(p.Annotations, &out), Unknown: found.rules}
	readable := false
	if value.Scope, readable = podScope(spec, &out); found.scope {
		value.Scope = everyPod()
	}
	found.scope = found.scope || !readable
	if spec.GetProvider() != nil && spec.GetAction() != security.AuthorizationPolicy_CUSTOM {
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.provider", "Only the action CUSTOM has a provider, and Istio's validation refuses it. It has no effect. Remove it, or set action: CUSTOM.")
	}
	if found.any() {
		return closePolicy(out, value, found)
	}
	checkEmpty(spec.GetSelector(), &out)
	out.Value = value
	return out
}

// faults are the parts of a spec that cannot be read.
type faults struct {
	// whole means that the whole spec cannot be read. action and scope are what the object does, and to which pods; other
	// is another part that may change what it means.
	whole, action, scope, other bool
	// rules are the paths of unknown fields of rules. The translation closes the parts that contain them.
	rules []string
}

func (f faults) any() bool { return f.whole || f.action || f.scope || f.other }

// faultsIn returns which parts of an AuthorizationPolicy have unknown fields. What is written outside of the spec is
// probably meant to be in it.
func faultsIn(paths []string) faults {
	var f faults
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		name, rest := specField(path)
		switch {
		case strings.HasPrefix(path, "metadata."), name == "provider" && rest != "":
		case !strings.HasPrefix(path, "spec."):
			f.whole = true
		case name == "rules" && rest != "":
			f.rules = append(f.rules, path)
		case inScope(path):
			f.scope = true
		case mesh.Nearest(name, []string{"action"}) != "":
			f.action = true
		default:
			f.other = true
		}
	}
	return f
}

// closePolicy makes a policy that cannot be read close: it allows nobody, or denies everybody. What it does is unknown if
// its action cannot be read, and denying everybody closes whatever that is.
func closePolicy(out Object, value *AuthorizationPolicy, found faults) Object {
	spec := &security.AuthorizationPolicy{Action: value.Spec.GetAction(), Selector: value.Spec.GetSelector(), ActionDetail: value.Spec.GetActionDetail()}
	if found.whole || found.action {
		spec.Action = security.AuthorizationPolicy_DENY
	}
	if found.whole {
		value.Scope = everyPod()
	}
	pods := "the pods that it selects"
	if found.whole || found.scope && len(value.Scope.Labels) == 0 {
		pods = podsOfScope
	}
	effect := fmt.Sprintf("It allows no caller: without another policy that allows them, all calls to %s are denied", pods)
	switch spec.GetAction() {
	case security.AuthorizationPolicy_ALLOW:
	case security.AuthorizationPolicy_AUDIT:
		effect = "It audits nothing"
	case security.AuthorizationPolicy_DENY, security.AuthorizationPolicy_CUSTOM:
		spec.Rules = []*security.Rule{{}}
		effect = fmt.Sprintf("All calls to %s are denied", pods)
	}
	severity := mesh.Error
	if value.DryRun {
		severity, effect = mesh.Warning, "It is a dry run, so no call is denied"
	}
	out.Report(mesh.CodeClosed, severity, "spec", "The policy cannot be read as a whole. "+effect+". Correct the fields that the other Problems of the object name.")
	value.Spec, value.Unknown = spec, nil
	out.Value = value
	return out
}

// dryRun reads Istio's annotation. A value that is not a truth value enforces the policy.
func dryRun(annotations map[string]string, out *Object) bool {
	name := mesh.AnnotationDryRun
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if key != name && mesh.Nearest(key, []string{name}) != "" {
			out.Report(mesh.CodeUnknownField, mesh.Warning, AnnotationField(key), fmt.Sprintf("Unknown annotation is ignored, so the policy is enforced. Did you mean %q?", name))
		}
	}
	text, ok := annotations[name]
	if !ok {
		return false
	}
	dry, err := strconv.ParseBool(text)
	if err != nil {
		out.reportInvalid(name, `%q is neither "true" nor "false". The policy is enforced. Write "true" for a dry run.`, text)
	}
	return dry
}

// logCalls reads the annotation that makes servers log calls.
func logCalls(annotations map[string]string, out *Object) bool {
	text, ok := annotations[mesh.AnnotationLogCalls]
	if !ok {
		return false
	}
	logs, err := strconv.ParseBool(text)
	if err != nil {
		out.reportInvalid(mesh.AnnotationLogCalls, `%q is neither "true" nor "false". Servers log nothing. Write "true" to log calls.`, text)
	}
	return logs
}

func convertPeerAuthentication(p *peerAuthentication, _ string) Object {
	out := newObject(KindPeerAuthentication, &p.ObjectMeta)
	spec := proto.CloneOf(&p.Spec)
	value := &PeerAuthentication{Spec: spec, Created: created(&p.ObjectMeta)}
	if !encodable(spec, &out) {
		return closePeer(out, value, peerFaults{whole: true, scope: true})
	}
	p.report(&out)
	found := peerFaultsIn(p.unknown)
	labels, readable := selectorLabels(spec.GetSelector(), &out)
	if found.scope = found.scope || !readable; len(labels) > 0 {
		value.Selector = labels
	}
	checkModes(spec, &found, &out)
	if !found.scope {
		checkEmpty(spec.GetSelector(), &out)
	}
	if found.any() {
		return closePeer(out, value, found)
	}
	out.Value = value
	return out
}

// checkModes reports what is wrong with modes and ports, and removes ports that no pod has. Port 0 means the other ports.
func checkModes(spec *security.PeerAuthentication, found *peerFaults, out *Object) {
	found.mtls = found.mtls || !isMode(spec.GetMtls().GetMode())
	for _, port := range slices.Sorted(maps.Keys(spec.GetPortLevelMtls())) {
		if port == 0 || port > math.MaxUint16 {
			refuse(out, fmt.Sprintf("spec.portLevelMtls.%d", port), "%d is not a port. The entry has no effect. Write the number of a port of the pods.", port)
			delete(spec.GetPortLevelMtls(), port)
			continue
		}
		if !isMode(spec.GetPortLevelMtls()[port].GetMode()) {
			found.ports = append(found.ports, port)
		}
	}
}

// isMode reports whether the API has a mode, which may be a number.
func isMode(mode security.PeerAuthentication_MutualTLS_Mode) bool {
	return mode.Descriptor().Values().ByNumber(mode.Number()) != nil
}

// peerFaults are the parts of a PeerAuthentication that cannot be read.
type peerFaults struct {
	// whole means that no mode can be read. scope is for which pods it is, and mtls their mode.
	whole, scope, mtls bool
	ports              []uint32
}

func (f peerFaults) any() bool { return f.whole || f.scope || f.mtls || len(f.ports) > 0 }

// peerFaultsIn returns which parts have unknown fields.
func peerFaultsIn(paths []string) peerFaults {
	var f peerFaults
	for _, path := range paths {
		name, rest := specField(path)
		port, err := strconv.ParseUint(strings.Split(strings.Trim(rest, ".[]"), ".")[0], 10, 16)
		switch {
		case strings.HasPrefix(path, "metadata."):
		case inScope(path):
			f.scope = true
		case !strings.HasPrefix(path, "spec."):
			f.whole, f.scope = true, true
		case name == "mtls" && rest != "":
			f.mtls = true
		case name == "portLevelMtls" && err == nil:
			f.ports = append(f.ports, uint32(port))
		default:
			f.whole = true
		}
	}
	return f
}

// closePeer makes the parts of a PeerAuthentication that cannot be read STRICT.
func closePeer(out Object, value *PeerAuthentication, found peerFaults) Object {
	strict := &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_STRICT}
	pods := "the pods that it selects"
	if found.scope {
		value.Selector, pods = nil, podsOfScope
	}
	what, field := "The mode", "spec.mtls"
	switch {
	case found.whole || found.scope:
		what, field = "The object", "spec"
		value.Spec = &security.PeerAuthentication{Selector: value.Spec.GetSelector(), Mtls: strict}
	case found.mtls:
		value.Spec.Mtls = strict
	default:
		what, field = "A mode", "spec.portLevelMtls"
	}
	for _, port := range found.ports {
		if found.whole || found.scope {
			break
		}
		if value.Spec.PortLevelMtls == nil {
			value.Spec.PortLevelMtls = map[uint32]*security.PeerAuthentication_MutualTLS{}
		}
		value.Spec.PortLevelMtls[port] = strict
	}
	out.Report(mesh.CodeClosed, mesh.Error, field, fmt.Sprintf("%s cannot be read, so STRICT is in effect for %s. Correct the fields that the other Problems of the object name.", what, pods))
	value.Closed = true
	out.Value = value
	return out
}

func convertRequestAuthentication(r *securityv1.RequestAuthentication, _ string) Object {
	out := newObject(KindRequestAuthentication, &r.ObjectMeta)
	spec := proto.CloneOf(&r.Spec)
	if !encodable(spec, &out) {
		return out
	}
	value := &RequestAuthentication{Spec: spec}
	value.Scope, _ = podScope(spec, &out)
	checkEmpty(spec.GetSelector(), &out)
	out.Value = value
	return out
}
