package inbound

import (
	"fmt"
	"maps"
	"slices"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The limits of the rules of one port, in bytes. gRPC ends a stream with a response above 4 MiB: a server would never
// get another edit, and the policies of before would stay in force. A response to a server in Node has the rules of all
// its ports, each of them twice if it serves plaintext.
const (
	maxSize     = 2 << 20
	maxSizeNode = maxSize / 4
)

func (in RulesInput) maxSize() int {
	if in.limited() {
		return maxSizeNode
	}
	return maxSize
}

// tooLarge returns rules that refuse every call, in place of rules that servers cannot be sent. They are named after the
// largest of these, which a server shows in errors.
func tooLarge(deny, allow *rbacv3.RBAC) (closedDeny, closedAllow *rbacv3.RBAC) {
	name, most := "", -1
	for _, rules := range []*rbacv3.RBAC{deny, allow} {
		for _, one := range slices.Sorted(maps.Keys(rules.GetPolicies())) {
			if size := proto.Size(rules.GetPolicies()[one]); size > most {
				name, most = one, size
			}
		}
	}
	deny = &rbacv3.RBAC{Action: rbacv3.RBAC_DENY, Policies: map[string]*rbacv3.Policy{name: always().policy(always())}}
	return deny, &rbacv3.RBAC{Action: rbacv3.RBAC_ALLOW}
}

// reportSize reports a policy that alone is above a limit.
func (t *translation) reportSize(rules []matched) {
	if !t.shadowed() {
		made := &rbacv3.RBAC{Policies: t.policyRules(rules)}
		if size := proto.Size(made); size <= maxSize || !t.in.limited() { // else it is reported for all servers
			t.reportClosed(size, "Its rules have")
		}
	}
	alone := t.in
	alone.Policies = mesh.MakeList(t.policy)
	if _, unlogged := shadows(alone); len(unlogged) > 0 {
		t.reportUnlogged()
	}
}

// Oversize reports what a server is not sent because its policies together are above a limit. For one policy alone
// CheckPolicy does that.
func Oversize(in Input, translate func(RulesInput) PolicyRules) []mesh.Problem {
	var problems []mesh.Problem
	rules := in.rules()
	if rules.Policies.Empty() || mesh.MakeList(rules.Policies.First()) == rules.Policies {
		return nil
	}
	deny, allow := rules.combineAll(translate)
	size := proto.Size(deny) + proto.Size(allow)
	for policy := range rules.Policies.All() {
		if t := newTranslation(&problems, rules, policy); !t.shadowed() {
			t.reportClosed(size, "All policies for its pods together have")
		}
	}
	_, unlogged := shadows(rules)
	for _, policy := range unlogged {
		newTranslation(&problems, rules, policy).reportUnlogged()
	}
	return problems
}

func (t *translation) reportClosed(size int, whose string) {
	if size <= t.in.maxSize() {
		return
	}
	p := mesh.Problem{Code: mesh.CodeClosed, Severity: mesh.Error}
	servers := "servers"
	if t.in.limited() {
		p.ClientKinds = nodeOnly()
		servers += " with " + nodeOnly().String()
	}
	p.Message = fmt.Sprintf("Every call to %s that the policy selects is denied. %s more than %d bytes, and servers are not sent more for a port. Write fewer values, or wildcards.", servers, whose, t.in.maxSize())
	t.at.Child("rules").Add(p)
}

func (t *translation) reportUnlogged() {
	t.field(mesh.AnnotationField(mesh.AnnotationLogCalls)).Warnf(mesh.CodeIgnored,
		"No call is logged. The rules to log calls by have more than %d bytes, and servers are not sent more. Log fewer policies at once, or write fewer values.", maxSizeNode)
}
