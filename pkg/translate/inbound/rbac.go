package inbound

import (
	"net/netip"
	"slices"
	"strings"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// RulesInput is all that decides who may call one port of a server. It is comparable.
type RulesInput struct {
	// Policies are those that select the server's pod.
	Policies mesh.AuthorizationPolicies
	// Port is the port that the server listens on. 0 means any server: conditions on its port and addresses match.
	Port uint32
	// Kind is the server's gRPC library. All that is not known is taken for the library that can do least.
	Kind mesh.ClientKind
	// Secure is set if the server accepts only clients with a certificate of the mesh.
	Secure bool
	// TrustDomain is the mesh's own; empty means mesh.DefaultTrustDomain. Aliases are other ones that count as its
	// own, joined by commas.
	TrustDomain, Aliases string
	// Addresses are the IPs of the server's pod. They are read only if NeedsAddresses reports so, so that the pods of a
	// workload can share their rules otherwise.
	Addresses mesh.List[netip.Addr]
}

// trustDomains returns the mesh's own trust domain and its aliases.
func (in RulesInput) trustDomains() []string {
	all := []string{in.TrustDomain}
	if in.TrustDomain == "" {
		all[0] = mesh.DefaultTrustDomain
	}
	for alias := range strings.SplitSeq(in.Aliases, ",") {
		if alias != "" && !slices.Contains(all, alias) {
			all = append(all, alias)
		}
	}
	return all
}

// limited reports whether the server's library matches no IPs and no binary headers.
func (in RulesInput) limited() bool {
	return in.Kind != mesh.GRPCGo && in.Kind != mesh.GRPCJava && in.Kind != mesh.GRPCCore
}

// Rules translates the policies of a server. A call is accepted if no policy of deny and some policy of allow matches
// it. What gRPC cannot express makes deny match more calls and allow match fewer calls, and is reported.
func Rules(sink *[]mesh.Problem, in RulesInput) (deny, allow *rbacv3.RBAC) {
	return in.combine(func(one RulesInput) PolicyRules {
		t := newTranslation(sink, one, one.Policies.First())
		return t.policyRules(t.rules())
	})
}

// PolicyRules are the rules of a policy that can match calls, by name. Resources share them, so they are read-only.
type PolicyRules map[string]*rbacv3.Policy

// TranslatePolicy translates the only policy of the Input. Servers with several policies need it for each of them, so it
// is worth a memo.
func TranslatePolicy(in RulesInput) PolicyRules {
	t := newTranslation(nil, in, in.Policies.First())
	return t.policyRules(t.rules())
}

// combine makes the rules of a server from the rules of each of its policies. If they are too large, they refuse every call.
func (in RulesInput) combine(translate func(RulesInput) PolicyRules) (deny, allow *rbacv3.RBAC) {
	deny, allow = in.combineAll(translate)
	if proto.Size(deny)+proto.Size(allow) > in.maxSize() {
		return tooLarge(deny, allow)
	}
	return deny, allow
}

// combineAll combines the rules, whatever their size.
func (in RulesInput) combineAll(translate func(RulesInput) PolicyRules) (deny, allow *rbacv3.RBAC) {
	deny, allow = &rbacv3.RBAC{Action: rbacv3.RBAC_DENY}, &rbacv3.RBAC{Action: rbacv3.RBAC_ALLOW}
	selected := false
	for policy := range in.Policies.All() {
		t := newTranslation(nil, in, policy)
		if t.shadowed() {
			continue
		}
		one, to := in, allow
		one.Policies = mesh.MakeList(policy)
		if t.deny() {
			to = deny
		} else {
			selected = true
		}
		for name, rule := range translate(one) {
			if to.Policies == nil {
				to.Policies = PolicyRules{}
			}
			to.Policies[name] = rule
		}
	}
	if !selected {
		allow.Policies = map[string]*rbacv3.Policy{mesh.Everybody: always().policy(always())}
	}
	return deny, allow
}

// translation is the translation of one policy.
type translation struct {
	in     RulesInput
	policy *mesh.AuthorizationPolicy
	action security.AuthorizationPolicy_Action
	// at is the spec.
	at report.Field
}

func newTranslation(sink *[]mesh.Problem, in RulesInput, policy *mesh.AuthorizationPolicy) *translation {
	return &translation{in, policy, policy.Spec.GetAction(), report.Field{Sink: sink, Ref: policy.Ref, Path: "spec"}}
}

// deny reports whether calls that match the rules are denied. A server cannot ask an authorizer, so the calls of a
// CUSTOM policy are denied, and so are those of an action that is not known.
func (t *translation) deny() bool {
	return t.action != security.AuthorizationPolicy_ALLOW && t.action != security.AuthorizationPolicy_AUDIT
}

// matched is what a rule of a policy matches.
type matched struct {
	rule                  int
	permission, principal expr
}

// always reports whether every call matches.
func (m matched) always() bool { return m.permission.kind == isAlways && m.principal.kind == isAlways }

// never reports whether no call matches.
func (m matched) never() bool { return m.permission.kind == isNever || m.principal.kind == isNever }

// policyRules returns the rules that can match calls.
func (t *translation) policyRules(rules []matched) PolicyRules {
	all := PolicyRules{}
	for _, m := range rules {
		all[t.policy.RuleName(m.rule)] = m.permission.policy(m.principal)
	}
	return all
}

// rules translates the rules, and returns those that can match calls.
func (t *translation) rules() []matched {
	var all []matched
	var closed []closures
	for i, r := range t.policy.Spec.GetRules() {
		m, c := t.rule(i, r)
		closed = append(closed, c)
		if !m.never() {
			all = append(all, m)
		}
	}
	if whole := t.unknownParts(); len(whole.list) > 0 {
		// A part of the policy that is not understood may be its action, its rules, or their limits.
		closed = append(closed, whole)
		all = nil
		if t.deny() {
			all = []matched{{0, always(), always()}}
		}
	}
	t.report(all, closed)
	return all
}
