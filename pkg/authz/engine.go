package authz

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Engine decides the calls of one server. It is immutable.
type Engine struct {
	filters []filter
}

// filter is one RBAC filter.
type filter struct {
	action   rbacv3.RBAC_Action
	policies []policy
}

// policy is one policy of a filter. The policies are sorted by name.
type policy struct {
	name    string
	matches matcher
}

// New makes an Engine from the rules of a server's filters, in the order of the filters. It fails if a rule is not one
// that all servers read alike.
func New(rules ...*rbacv3.RBAC) (*Engine, error) {
	e := &Engine{}
	for _, r := range rules {
		if r == nil {
			return nil, errors.New("a filter has no rules, so it decides nothing")
		}
		if r.GetAction() != rbacv3.RBAC_ALLOW && r.GetAction() != rbacv3.RBAC_DENY {
			return nil, fmt.Errorf("a filter has the action %v", r.GetAction())
		}
		f := filter{action: r.GetAction()}
		for _, name := range slices.Sorted(maps.Keys(r.GetPolicies())) {
			matches, err := policyMatcher(r.GetPolicies()[name])
			if err != nil {
				return nil, fmt.Errorf("policy %q: %w", name, err)
			}
			f.policies = append(f.policies, policy{name, matches})
		}
		e.filters = append(e.filters, f)
	}
	return e, nil
}

// Evaluate decides a call by the rules of the two filters of a server.
func Evaluate(deny, allow *rbacv3.RBAC, call Call) Verdict {
	engine, err := New(deny, allow)
	if err != nil {
		return Verdict{Action: None, Reason: fmt.Sprintf("The rules cannot be evaluated: %v.", err)}
	}
	return engine.Evaluate(call)
}

// Evaluate decides a call. If the call is not known completely, the worst case decides: what may be denied is denied.
func (e *Engine) Evaluate(call Call) Verdict {
	v := Verdict{Action: None, Reason: "The server has no filter that allows calls."}
	for _, f := range e.filters {
		best, by := f.match(&call)
		switch {
		case f.action == rbacv3.RBAC_DENY && best != no:
			return verdict(false, Deny, by, best)
		case f.action == rbacv3.RBAC_DENY:
		case best != yes:
			return verdict(false, Allow, by, best)
		default:
			v = verdict(true, Allow, by, best)
		}
	}
	return v
}

// Refuses reports whether the server denies the call whatever is not known of it. It may be false for a call that is
// always denied for several reasons, each of which depends on what is not known.
func (e *Engine) Refuses(call Call) bool {
	_, refused := e.Refusal(call)
	return refused
}

// Refusal is Refuses with the verdict. The verdict names the DENY policy that refuses the call; it names no policy if the
// ALLOW policies do not match the call.
func (e *Engine) Refusal(call Call) (v Verdict, refused bool) {
	for _, f := range e.filters {
		best, by := f.match(&call)
		if f.action == rbacv3.RBAC_DENY && best == yes || f.action == rbacv3.RBAC_ALLOW && best == no {
			return verdict(false, Action(f.action.String()), by, best), true
		}
	}
	return Verdict{Action: None, Reason: "The server has no filter that allows calls."}, len(e.filters) == 0
}

// match returns the best answer of the policies, and the first policy that gives it.
func (f filter) match(call *Call) (best answer, by string) {
	for _, p := range f.policies {
		if a := p.matches(call); a > best {
			best, by = a, p.name
		}
		if best == yes {
			break
		}
	}
	return best, by
}

// verdict describes the answer of a filter.
func verdict(allowed bool, action Action, name string, best answer) Verdict {
	v := Verdict{Allowed: allowed, Action: action}
	var ok bool
	v.Policy, v.Rule, ok = mesh.ParseRuleName(name)
	switch {
	case name == mesh.Everybody:
		return Verdict{Allowed: allowed, Action: None, Reason: "No ALLOW policy selects the server, and no DENY policy matches the call."}
	case best == no:
		return Verdict{Allowed: allowed, Action: None, Reason: "ALLOW policies select the server, and none matches the call."}
	case !ok:
		v.Policy = name
	}
	v.Reason = fmt.Sprintf("Rule %d of the %s policy %s matches the call.", v.Rule, action, v.Policy)
	if best == maybe {
		v.Reason = fmt.Sprintf("Rule %d of the %s policy %s may match the call. That depends on something that is not given, such as the caller's IP.", v.Rule, action, v.Policy)
	}
	return v
}
