package assemble

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// subject is an object that is compared with the pods.
type subject interface {
	key() object.Key
	// selects reports whether it is meant for pods, which should exist. field is where it selects them.
	selects() bool
	field() string
	selectors() mesh.PodSelectors
	// ports are the ports that it names.
	ports() []namedPorts
	// concerns reports whether it applies to a workload of a namespace to which it may apply.
	concerns(w mesh.Workload) bool
	// look adds what it finds in one workload that it selects. peers are in effect there.
	look(f *finding, x *enforcement, w mesh.Workload, peers mesh.PeerModes)
	// report adds the Problems of what was found.
	report(r *enforcementReport, f finding)
}

// subjects returns the objects of a namespace; s may be nil.
func subjects(s *mesh.SecurityPolicies) []subject {
	if s == nil {
		return nil
	}
	var all []subject
	for _, p := range s.PeerAuthentications {
		all = append(all, peerSubject{p})
	}
	for _, p := range s.AuthorizationPolicies {
		all = append(all, authorizationSubject{p, portsOfRules(p)})
	}
	for _, r := range s.RequestAuthentications {
		all = append(all, authenticationSubject{r})
	}
	return all
}

// distinctSubjects returns the objects that may apply to the pods of a namespace, each once.
func distinctSubjects(root, own *mesh.SecurityPolicies, isRoot bool) []subject {
	if isRoot {
		return subjects(root)
	}
	return append(subjects(root), subjects(own)...)
}

func keyOf(ref mesh.Ref) object.Key {
	return object.Key{Kind: object.Kind(ref.Kind), Namespace: ref.Namespace, Name: ref.Name}
}

type peerSubject struct{ *mesh.PeerAuthentication }

func (s peerSubject) key() object.Key { return keyOf(s.Ref) }
func (s peerSubject) selects() bool   { return true }
func (s peerSubject) field() string   { return fieldOfScope(s.Selector != nil, s.selectors()) }

func (s peerSubject) selectors() mesh.PodSelectors { return mesh.PodSelectors{s.Selector} }
func (s peerSubject) ports() []namedPorts          { return s.portsOfModes() }

// level returns the object that is in effect on the level of s.
func (s peerSubject) level(peers mesh.PeerModes, namespace string) *mesh.PeerAuthentication {
	switch {
	case s.Selector != nil:
		return peers.Workload
	case s.Ref.Namespace == namespace:
		return peers.Namespace
	}
	return peers.Mesh
}

func (s peerSubject) concerns(w mesh.Workload) bool {
	return s.Selector == nil || s.Ref.Namespace == w.Namespace && w.Labels.Match(s.Selector)
}

func (s peerSubject) look(f *finding, x *enforcement, w mesh.Workload, peers mesh.PeerModes) {
	if first := s.level(peers, w.Namespace); first != s.PeerAuthentication {
		f.behind = append(f.behind, first.Ref)
		return
	}
	f.used = true
	if len(s.Spec.GetPortLevelMtls()) > 0 {
		f.addPorts(x, w)
	}
	if !x.labels.serves(w.Namespace, w.Labels) || !s.strict(peers) {
		return
	}
	switch {
	case !w.Labels.ServesByXDS():
		f.withoutXDS = append(f.withoutXDS, describe(w))
	case !w.Labels.HasIdentity():
		f.withoutIdentity = append(f.withoutIdentity, describe(w))
	}
}

// strict reports whether the object makes a port STRICT.
func (s peerSubject) strict(peers mesh.PeerModes) bool {
	return slices.ContainsFunc(portsOf(peers), func(port uint32) bool {
		mode, by := peers.Mode(port)
		return mode == mesh.PeerStrict && by == s.PeerAuthentication
	})
}

// portsOf returns the ports whose modes may differ: 0 represents all that are not named.
func portsOf(peers mesh.PeerModes) []uint32 {
	ports := []uint32{0}
	if peers.Workload != nil {
		for port := range peers.Workload.Spec.GetPortLevelMtls() {
			ports = append(ports, port)
		}
	}
	return ports
}

func (s peerSubject) report(r *enforcementReport, f finding) {
	if len(f.behind) > 0 && !r.covered {
		effect := "For some of its pods this object"
		if !f.used {
			effect = "This object"
		}
		r.add(mesh.CodeConflict, mesh.Warning, "spec.selector", "%s selects the same pods and takes precedence. %s has no effect. Merge the two, or remove this one.", f.behind[0], effect)
	}
	if len(f.withoutIdentity) > 0 {
		r.add(mesh.CodeNoIdentity, mesh.Error, "spec.mtls", "STRICT is in effect for pods without a certificate: %s. Their gRPC servers do not serve. %s, or set another mode.",
			some(f.withoutIdentity), wayToIdentity)
	}
	if len(f.withoutXDS) > 0 {
		r.add(mesh.CodeNotEnforced, mesh.Warning, "spec.mtls", "STRICT cannot be enforced on servers that are not configured by xDS: %s. They accept plaintext, and clients of the mesh do not call them. %s, or set another mode.",
			some(f.withoutXDS), wayToXDS)
	}
}

// What to do about pods that are not as an object needs them.
const (
	wayToIdentity = "Give them certificates by the label mizzen.dev/identity: spiffe of their namespace"
	wayToXDS      = "Use an xDS server in the application and set the label mizzen.dev/server: xds on the pods"
)

type authorizationSubject struct {
	*mesh.AuthorizationPolicy
	named []namedPorts
}

func (s authorizationSubject) key() object.Key { return keyOf(s.Ref) }
func (s authorizationSubject) selects() bool   { return len(s.Selected) > 0 }
func (s authorizationSubject) field() string {
	return fieldOfScope(s.Spec.GetSelector() != nil, s.Selected)
}
func (s authorizationSubject) selectors() mesh.PodSelectors  { return s.Selected }
func (s authorizationSubject) ports() []namedPorts           { return s.named }
func (s authorizationSubject) concerns(w mesh.Workload) bool { return s.AppliesTo(w) }

// enforces reports whether the policy decides about calls.
func (s authorizationSubject) enforces() bool {
	return !s.DryRun && s.Spec.GetAction() != security.AuthorizationPolicy_AUDIT
}

func (s authorizationSubject) look(f *finding, x *enforcement, w mesh.Workload, peers mesh.PeerModes) {
	if len(s.named) > 0 {
		f.addPorts(x, w)
	}
	if !s.enforces() || !x.labels.serves(w.Namespace, w.Labels) {
		return
	}
	switch {
	case !w.Labels.ServesByXDS():
		f.withoutXDS = append(f.withoutXDS, describe(w))
	case plaintext(w, peers, 0):
		f.plaintext = append(f.plaintext, describe(w))
	default:
		for _, port := range portsOf(peers) {
			if plaintext(w, peers, port) {
				f.plaintext = append(f.plaintext, fmt.Sprintf("port %d of %s", port, describe(w)))
			}
		}
	}
}

// plaintext reports whether xDS servers of a workload take plaintext on a port.
func plaintext(w mesh.Workload, peers mesh.PeerModes, port uint32) bool {
	mode, _ := peers.Mode(port)
	return mesh.SecurityFor(w.Labels.HasIdentity(), true, mode) == mesh.ServerPlaintext
}

func (s authorizationSubject) report(r *enforcementReport, f finding) {
	if len(f.withoutXDS) > 0 {
		r.add(mesh.CodeNotEnforced, mesh.Error, "spec", "Nothing enforces the policy on servers that are not configured by xDS: %s. They accept every call. %s, or select other pods.",
			some(f.withoutXDS), wayToXDS)
	}
	if field, conditions := identityCondition(s.Spec); len(f.plaintext) > 0 && conditions > 0 {
		effect := "The rule allows no caller there"
		if s.Spec.GetAction() != security.AuthorizationPolicy_ALLOW {
			effect = "There the rule denies every caller that meets its other conditions"
		}
		if more := conditions - 1; more > 0 {
			effect += fmt.Sprintf(", and so it is with %d more of the policy's conditions", more)
		}
		r.add(mesh.CodeNoIdentity, mesh.Error, field, "Callers have no identity on pods, or ports, that serve plaintext: %s. %s. %s, or remove the mode DISABLE.", some(f.plaintext), effect, wayToIdentity)
	}
}

type authenticationSubject struct{ *mesh.RequestAuthentication }

func (s authenticationSubject) key() object.Key { return keyOf(s.Ref) }
func (s authenticationSubject) selects() bool   { return len(s.Selected) > 0 }
func (s authenticationSubject) field() string {
	return fieldOfScope(s.Spec.GetSelector() != nil, s.Selected)
}
func (s authenticationSubject) selectors() mesh.PodSelectors  { return s.Selected }
func (s authenticationSubject) ports() []namedPorts           { return nil }
func (s authenticationSubject) concerns(w mesh.Workload) bool { return s.AppliesTo(w) }

func (s authenticationSubject) look(*finding, *enforcement, mesh.Workload, mesh.PeerModes) {}

func (s authenticationSubject) report(r *enforcementReport, f finding) {
	switch {
	case len(s.Selected) == 0 || r.known && !f.pods && !wholeNamespace(s.Selected): // NoPods says it
	case len(s.Spec.GetJwtRules()) == 0:
		r.add(mesh.CodeTokensNotChecked, mesh.Info, "spec", "The object has no jwtRules, so it has no effect. Remove it.")
	default:
		r.add(mesh.CodeTokensNotChecked, mesh.Error, "spec.jwtRules", "gRPC servers do not check tokens. Calls without a token, or with a wrong one, are not refused by this object. Remove it, and check tokens in the application.")
	}
}

// identityCondition returns the first field that is a condition on the identity of callers, and how many there are.
func identityCondition(spec *security.AuthorizationPolicy) (first string, count int) {
	see := func(values []string, format string, args ...any) {
		if len(values) == 0 {
			return
		}
		count++
		first = cmp.Or(first, fmt.Sprintf(format, args...))
	}
	for i, rule := range spec.GetRules() {
		for j, from := range rule.GetFrom() {
			s := from.GetSource()
			for _, c := range []struct {
				field  string
				values []string
			}{
				{"principals", s.GetPrincipals()},
				{"notPrincipals", s.GetNotPrincipals()},
				{"namespaces", s.GetNamespaces()},
				{"notNamespaces", s.GetNotNamespaces()},
				{"serviceAccounts", s.GetServiceAccounts()},
				{"notServiceAccounts", s.GetNotServiceAccounts()},
				{"trustDomains", s.GetTrustDomains()},
				{"notTrustDomains", s.GetNotTrustDomains()},
			} {
				see(c.values, "spec.rules[%d].from[%d].source.%s", i, j, c.field)
			}
		}
		for j, when := range rule.GetWhen() {
			if slices.Contains(identityKeys, when.GetKey()) {
				see(slices.Concat(when.GetValues(), when.GetNotValues()), "spec.rules[%d].when[%d]", i, j)
			}
		}
	}
	return first, count
}

// identityKeys are the attributes of callers' identities.
var identityKeys = []string{"source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain"}

// describedLabels are the labels that tell people which application a pod belongs to.
var describedLabels = []string{"app.kubernetes.io/name", "app", "k8s-app"}

// describe names the pods of a workload, such as "app=cart in shop".
func describe(w mesh.Workload) string {
	for _, key := range describedLabels {
		if value, ok := w.Labels.Get(key); ok {
			return key + "=" + value + " in " + w.Namespace
		}
	}
	var parts []string
	for key, value := range w.Labels.Map() {
		if !strings.HasPrefix(key, mesh.AnnotationPrefix) && !strings.HasSuffix(key, "-hash") {
			parts = append(parts, key+"="+value)
		}
	}
	slices.Sort(parts)
	return cmp.Or(strings.Join(parts[:min(len(parts), maxNamed)], ","), "pods without labels") + " in " + w.Namespace
}

// some lists the first of several descriptions.
func some(all []string) string {
	if rest := len(all) - maxNamed; rest > 0 {
		return strings.Join(all[:maxNamed], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	return strings.Join(all, ", ")
}

// meant says what to correct in a selector that selects no pod: the values that the pods of the namespace have.
func (x *enforcement) meant(s subject) string {
	const wayOut = "Correct its labels, or the labels of the pods."
	namespace := s.key().Namespace
	if _, peer := s.(peerSubject); peer && namespace == x.security.root {
		return "In the root namespace a selector selects only the pods of that namespace. Write the object in the namespace of the pods, or remove the selector to set the mode of the mesh."
	}
	if wholeNamespace(s.selectors()) {
		return fmt.Sprintf("Namespace %s has no pods. Write the object in the namespace of the pods, or in the root namespace, %s (--root-namespace), if it is for the whole mesh.", namespace, x.security.root)
	}
	if namespace == x.security.root || len(s.selectors()) != 1 {
		return wayOut
	}
	for _, key := range sortedKeys(s.selectors()[0]) {
		want, values := s.selectors()[0][key], map[string]struct{}{}
		for labels := range x.labels.pods[namespace] {
			if value, ok := labels.Get(key); ok {
				values[value] = struct{}{}
			}
		}
		if _, some := values[want]; some {
			continue
		}
		if len(values) == 0 {
			return fmt.Sprintf("No pod of namespace %s has the label %s. ", namespace, key) + wayOut
		}
		return fmt.Sprintf("In namespace %s the label %s is: %s. ", namespace, key, some(sortedKeys(values))) + wayOut
	}
	return wayOut
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
