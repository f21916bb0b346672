package authz_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// This file decides calls as Istio's documentation of AuthorizationPolicy says. It is written from that documentation
// alone and shares no code with the translation. Where Istio refuses a value, or needs what gRPC does not have, a rule
// may do the worst: an ALLOW rule matches nothing, and any other rule matches.

// istio decides one call.
type istio struct {
	in   inbound.RulesInput
	call authz.Call
	// domain, namespace and account are those of the caller, if its certificate has Istio's form.
	domain, namespace, account string
	policy                     *mesh.AuthorizationPolicy
	// invalid is set if the rule at hand has a value that Istio refuses.
	invalid bool
}

func istioAllows(in inbound.RulesInput, call authz.Call) bool {
	i := &istio{in: in, call: call}
	for _, uri := range call.Principals {
		if found := regexp.MustCompile(`^spiffe://([^/]+)(?:/.*)?/ns/([^/]+)/sa/([^/]+)$`).FindStringSubmatch(uri); found != nil {
			i.domain, i.namespace, i.account = found[1], found[2], found[3]
		}
	}
	allowPolicies, allowed := false, false
	for p := range in.Policies.All() {
		i.policy = p
		action := p.Spec.GetAction()
		if p.DryRun || action == security.AuthorizationPolicy_AUDIT {
			continue
		}
		deny := action == security.AuthorizationPolicy_DENY || action == security.AuthorizationPolicy_CUSTOM
		matched := i.matches(p, deny)
		if deny && matched {
			return false
		}
		if !deny {
			allowPolicies, allowed = true, allowed || matched
		}
	}
	return allowed || !allowPolicies
}

// matches reports whether any rule matches.
func (i *istio) matches(p *mesh.AuthorizationPolicy, deny bool) bool {
	for n, rule := range p.Spec.GetRules() {
		i.invalid = slices.ContainsFunc(p.UnknownFields, func(path string) bool {
			return strings.HasPrefix(path, fmt.Sprintf("spec.rules[%d]", n)) || !strings.HasPrefix(path, "spec.rules")
		})
		matched := i.rule(rule)
		if i.invalid {
			matched = deny && matched
		}
		if matched {
			return true
		}
	}
	return false
}

// rule: at least one source, one operation and all conditions.
func (i *istio) rule(r *security.Rule) bool {
	from, to := len(r.GetFrom()) == 0, len(r.GetTo()) == 0
	for _, f := range r.GetFrom() {
		matched := i.source(f.GetSource())
		from = from || matched
	}
	for _, t := range r.GetTo() {
		matched := i.operation(t.GetOperation())
		to = to || matched
	}
	matched := from && to
	for _, w := range r.GetWhen() {
		condition := i.condition(w)
		matched = matched && condition
	}
	return matched
}

// list: one of the values and none of the others. A value that Istio refuses makes the list true, in a rule that denies.
func (i *istio) list(values, notValues []string, match func(string) (matched, valid bool)) bool {
	check := func(list []string, want bool) bool {
		found, valid := false, true
		for _, v := range list {
			m, ok := match(v)
			ok = ok && v != ""
			found, valid = found || m, valid && ok
		}
		if !valid {
			i.invalid = true
			return true
		}
		return len(list) == 0 || found == want
	}
	a, b := check(values, true), check(notValues, false)
	return a && b
}

func (i *istio) source(s *security.Source) bool {
	tokens := func(string) (bool, bool) { return false, true } // no call has a token
	all := []bool{
		i.list(s.GetPrincipals(), s.GetNotPrincipals(), i.principal),
		i.list(s.GetNamespaces(), s.GetNotNamespaces(), i.inNamespace),
		i.list(s.GetServiceAccounts(), s.GetNotServiceAccounts(), i.serviceAccount),
		i.list(s.GetTrustDomains(), s.GetNotTrustDomains(), i.trustDomain),
		i.list(s.GetIpBlocks(), s.GetNotIpBlocks(), i.ip),
		i.list(s.GetRemoteIpBlocks(), s.GetNotRemoteIpBlocks(), i.ip), // no call has X-Forwarded-For
		i.list(s.GetRequestPrincipals(), s.GetNotRequestPrincipals(), tokens),
	}
	return !slices.Contains(all, false)
}

func (i *istio) operation(o *security.Operation) bool {
	all := []bool{
		i.list(o.GetHosts(), o.GetNotHosts(), func(v string) (bool, bool) {
			return wildcard(strings.ToLower(v), strings.ToLower(i.call.Authority)), true
		}),
		i.list(o.GetPorts(), o.GetNotPorts(), port),
		i.list(o.GetMethods(), o.GetNotMethods(), func(v string) (bool, bool) { return wildcard(v, "POST"), true }),
		i.list(o.GetPaths(), o.GetNotPaths(), i.path),
	}
	return !slices.Contains(all, false)
}

func (i *istio) condition(c *security.Condition) bool {
	if len(c.GetValues())+len(c.GetNotValues()) == 0 {
		i.invalid = true
		return true
	}
	match := map[string]func(string) (bool, bool){
		"source.ip": i.ip, "remote.ip": i.ip, "source.namespace": i.inNamespace, "source.principal": i.principal, "source.serviceAccount": i.serviceAccount,
		"source.trustDomain": i.trustDomain, "destination.port": port, "destination.ip": i.ownIP,
		"request.auth.principal": nothing, "request.auth.claims[iss]": nothing, "connection.sni": nothing,
	}[c.GetKey()]
	if name, ok := strings.CutPrefix(c.GetKey(), "request.headers["); ok && strings.HasSuffix(name, "]") {
		name = strings.ToLower(strings.TrimSuffix(name, "]"))
		match = func(v string) (bool, bool) {
			value, ok := i.header(name)
			return ok && wildcard(v, value), true
		}
	}
	if match == nil {
		i.invalid = true
		return true
	}
	return i.list(c.GetValues(), c.GetNotValues(), match)
}

func nothing(string) (matched, valid bool) { return false, true }

func (i *istio) header(name string) (string, bool) {
	switch name {
	case ":authority", "host":
		return i.call.Authority, true
	case ":path":
		return i.call.Method, true
	case ":method":
		return "POST", true
	case "te":
		return "trailers", true
	}
	value, ok := i.call.Headers[name]
	return value, ok
}

// wildcard: exact, prefix, suffix, or any value that is not empty.
func wildcard(pattern, value string) bool {
	if pattern == "*" {
		return value != ""
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(value, rest)
	}
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(value, rest)
	}
	return pattern == value
}

// principal: the trust domain of the mesh and its aliases are one, and cluster.local is another name of it.
func (i *istio) principal(v string) (matched, valid bool) {
	own := append([]string{i.in.TrustDomain}, strings.Split(i.in.Aliases, ",")...)
	if own[0] == "" {
		own[0] = "cluster.local"
	}
	for _, uri := range i.call.Principals {
		name := strings.TrimPrefix(uri, "spiffe://")
		domain, rest, _ := strings.Cut(name, "/")
		names := []string{name}
		if slices.Contains(own, domain) {
			for _, other := range append([]string{"cluster.local"}, own...) {
				if other != "" {
					names = append(names, other+"/"+rest)
				}
			}
		}
		for _, n := range names {
			matched = matched || wildcard(v, n)
		}
	}
	return matched, true
}

func (i *istio) inNamespace(v string) (matched, valid bool) { return wildcard(v, i.namespace), true }

func (i *istio) serviceAccount(v string) (matched, valid bool) {
	namespace, account, ok := strings.Cut(v, "/")
	if !ok {
		namespace, account = i.policy.Ref.Namespace, v
	}
	return namespace == i.namespace && account == i.account, !strings.Contains(v, "*") && strings.Count(v, "/") < 2
}

func (i *istio) trustDomain(v string) (matched, valid bool) { return wildcard(v, i.domain), true }

func (i *istio) ip(v string) (matched, valid bool)    { return within(v, i.call.Peer) }
func (i *istio) ownIP(v string) (matched, valid bool) { return within(v, i.in.Addresses.First()) }

func within(block string, address netip.Addr) (matched, valid bool) {
	if single, err := netip.ParseAddr(block); err == nil {
		return single == address, true
	}
	prefix, err := netip.ParsePrefix(block)
	if err != nil {
		return false, false
	}
	if prefix.Addr().Is4In6() {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Contains(address), true
}

func port(v string) (matched, valid bool) {
	valid = regexp.MustCompile(`^[1-9][0-9]{0,4}$`).MatchString(v) && (len(v) < 5 || v <= "65535")
	return v == "50051", valid
}

// path: a template has whole segments as operators, and {**} is the last operator.
func (i *istio) path(v string) (matched, valid bool) {
	if !strings.ContainsAny(v, "{}") {
		return wildcard(v, i.call.Method), true
	}
	var whole []string
	seen := false
	for n, segment := range strings.Split(v, "/") {
		switch {
		case n == 0 && segment != "", seen && strings.HasPrefix(segment, "{"):
			return false, false
		case segment == "{*}":
			whole = append(whole, `[^/]+`)
		case segment == "{**}":
			whole, seen = append(whole, `.*`), true
		case strings.ContainsAny(segment, "*{}"):
			return false, false
		default:
			whole = append(whole, regexp.QuoteMeta(segment))
		}
	}
	return regexp.MustCompile("^" + strings.Join(whole, "/") + "$").MatchString(i.call.Method), true
}
