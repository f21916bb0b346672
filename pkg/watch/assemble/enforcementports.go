package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// namedPorts are ports that an object names in one field. It means the ports on which the pods listen, and many people write
// the port of the Service.
type namedPorts struct {
	field string
	ports []uint32
	// severity and effect are what it means if no pod listens there. It is an error if it lets calls in.
	severity mesh.Severity
	effect   string
}

// portsOfModes returns the ports for which the object sets modes, in order.
func (s peerSubject) portsOfModes() []namedPorts {
	modes := s.Spec.GetPortLevelMtls()
	named := make([]namedPorts, 0, len(modes))
	for _, port := range slices.Sorted(maps.Keys(modes)) {
		n := namedPorts{
			field: fmt.Sprintf("spec.portLevelMtls.%d", port), ports: []uint32{port}, severity: mesh.Warning,
			effect: fmt.Sprintf("The mode %s has no effect.", modes[port].GetMode()),
		}
		if modes[port].GetMode() == security.PeerAuthentication_MutualTLS_STRICT {
			n.severity = mesh.Error
		}
		named = append(named, n)
	}
	return named
}

// portEffect is what it means if no pod listens on a port in a rule.
type portEffect struct {
	severity mesh.Severity
	text     string
}

var (
	// portEffects are those of ports, and excludedPortEffects those of notPorts: of rules that allow, and of those that deny.
	portEffects = map[bool]portEffect{
		false: {mesh.Warning, "The value allows no call."}, true: {mesh.Error, "The value denies no call."},
	}
	excludedPortEffects = map[bool]portEffect{
		false: {mesh.Error, "The value keeps out no call."}, true: {mesh.Warning, "The value exempts no call."},
	}
)

// portsOfRules returns the ports in the rules of a policy. Rules of AUDIT decide about nothing, and every action but ALLOW
// denies.
func portsOfRules(p *mesh.AuthorizationPolicy) []namedPorts {
	action := p.Spec.GetAction()
	if action == security.AuthorizationPolicy_AUDIT {
		return nil
	}
	deny := action != security.AuthorizationPolicy_ALLOW
	var all []namedPorts
	see := func(values []string, effects map[bool]portEffect, format string, args ...any) {
		n := namedPorts{ports: portNumbers(values), severity: effects[deny].severity, effect: effects[deny].text}
		if len(n.ports) == 0 {
			return
		}
		if p.DryRun {
			n.severity, n.effect = mesh.Warning, n.effect+" (The policy is a dry run.)"
		}
		n.field = fmt.Sprintf(format, args...)
		all = append(all, n)
	}
	for i, rule := range p.Spec.GetRules() {
		for j, to := range rule.GetTo() {
			see(to.GetOperation().GetPorts(), portEffects, "spec.rules[%d].to[%d].operation.ports", i, j)
			see(to.GetOperation().GetNotPorts(), excludedPortEffects, "spec.rules[%d].to[%d].operation.notPorts", i, j)
		}
		for j, when := range rule.GetWhen() {
			if when.GetKey() == "destination.port" {
				see(when.GetValues(), portEffects, "spec.rules[%d].when[%d].values", i, j)
				see(when.GetNotValues(), excludedPortEffects, "spec.rules[%d].when[%d].notValues", i, j)
			}
		}
	}
	return all
}

// portNumbers returns the values that are ports. The translation closes and reports all others.
func portNumbers(values []string) []uint32 {
	var ports []uint32
	for _, value := range values {
		if port, err := strconv.ParseUint(value, 10, 16); err == nil && port > 0 && strconv.FormatUint(port, 10) == value {
			ports = append(ports, uint32(port))
		}
	}
	return ports
}

// lookAtPorts looks at the objects that name ports and select pods for which a port came or went. Namespaces that were looked
// at are left out.
func (x *enforcement) lookAtPorts(moved map[mesh.Workload]struct{}, except map[string]struct{}, todo map[object.Key]struct{}) {
	byNamespace := map[string][]mesh.Workload{}
	for w := range moved {
		if _, done := except[w.Namespace]; !done {
			byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
		}
	}
	for namespace, workloads := range byNamespace {
		x.look(namespace, slices.DeleteFunc(x.subjects(namespace), func(s subject) bool {
			return len(s.ports()) == 0 || !slices.ContainsFunc(workloads, s.concerns)
		}), todo)
	}
}

// addPorts notes on which ports the pods of a workload listen.
func (f *finding) addPorts(x *enforcement, w mesh.Workload) {
	for port := range x.labels.ports[w] {
		f.ports = append(f.ports, port)
	}
}

// reportPorts reports the ports on which no pod listens to which the object applies. If no port of these pods is known, none
// is reported.
func (r *enforcementReport) reportPorts(all []namedPorts, f finding) {
	if len(f.ports) == 0 {
		return
	}
	for _, n := range all {
		missing := slices.DeleteFunc(slices.Clone(n.ports), func(port uint32) bool { return slices.Contains(f.ports, port) })
		if len(missing) > 0 {
			r.add(mesh.CodeNoSuchPort, n.severity, n.field, "By the EndpointSlices, no pod that the object selects listens on %s. %s The pods listen on %s. Write the port of the pods: the targetPort of the Service, not its port.",
				listPorts(missing), n.effect, listPorts(f.ports))
		}
	}
}

// listPorts lists the first of several ports.
func listPorts(ports []uint32) string {
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = strconv.FormatUint(uint64(port), 10)
	}
	if len(ports) == 1 {
		return "port " + texts[0]
	}
	return "ports " + some(texts)
}
