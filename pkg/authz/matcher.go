package authz

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// answer is whether a condition matches a call. Its order is that of logic: and is the least of several, or the
// greatest, not the opposite.
type answer int8

const (
	no answer = iota
	maybe
	yes
)

func answerOf(matches bool) answer {
	if matches {
		return yes
	}
	return no
}

// matcher is a compiled condition.
type matcher func(*Call) answer

func always(*Call) answer { return yes }

func not(m matcher) matcher { return func(c *Call) answer { return yes - m(c) } }

func and(all []matcher) matcher {
	return func(c *Call) answer {
		least := yes
		for _, m := range all {
			if least = min(least, m(c)); least == no {
				break
			}
		}
		return least
	}
}

func or(all []matcher) matcher {
	return func(c *Call) answer {
		greatest := no
		for _, m := range all {
			if greatest = max(greatest, m(c)); greatest == yes {
				break
			}
		}
		return greatest
	}
}

// maxDepth limits the depth of conditions. C-core rejects deeper ones.
const maxDepth = 16

func policyMatcher(p *rbacv3.Policy) (matcher, error) {
	if p.GetCondition() != nil || p.GetCheckedCondition() != nil {
		return nil, errors.New("it has a condition, which servers reject or ignore")
	}
	permissions, err := each(p.GetPermissions(), maxDepth, permission)
	if err != nil {
		return nil, err
	}
	principals, err := each(p.GetPrincipals(), maxDepth, principal)
	if err != nil {
		return nil, err
	}
	return and([]matcher{or(permissions), or(principals)}), nil
}

// each compiles the members of a list.
func each[M any](list []M, depth int, compile func(M, int) (matcher, error)) ([]matcher, error) {
	if len(list) == 0 {
		return nil, errors.New("it has an empty list, which matches every call or none")
	}
	if depth == 0 {
		return nil, fmt.Errorf("it is deeper than %d", maxDepth)
	}
	var all []matcher
	for _, one := range list {
		m, err := compile(one, depth-1)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func permission(p *rbacv3.Permission, depth int) (matcher, error) {
	switch rule := p.GetRule().(type) {
	case *rbacv3.Permission_Any:
		return anybody(rule.Any)
	case *rbacv3.Permission_AndRules:
		all, err := each(rule.AndRules.GetRules(), depth, permission)
		return and(all), err
	case *rbacv3.Permission_OrRules:
		all, err := each(rule.OrRules.GetRules(), depth, permission)
		return or(all), err
	case *rbacv3.Permission_NotRule:
		m, err := each([]*rbacv3.Permission{rule.NotRule}, depth, permission)
		return not(or(m)), err
	case *rbacv3.Permission_UrlPath:
		return path(rule.UrlPath)
	case *rbacv3.Permission_Header:
		return header(rule.Header)
	}
	return nil, unsafe(p.GetRule())
}

func principal(p *rbacv3.Principal, depth int) (matcher, error) {
	switch id := p.GetIdentifier().(type) {
	case *rbacv3.Principal_Any:
		return anybody(id.Any)
	case *rbacv3.Principal_AndIds:
		all, err := each(id.AndIds.GetIds(), depth, principal)
		return and(all), err
	case *rbacv3.Principal_OrIds:
		all, err := each(id.OrIds.GetIds(), depth, principal)
		return or(all), err
	case *rbacv3.Principal_NotId:
		m, err := each([]*rbacv3.Principal{id.NotId}, depth, principal)
		return not(or(m)), err
	case *rbacv3.Principal_UrlPath:
		return path(id.UrlPath)
	case *rbacv3.Principal_Header:
		return header(id.Header)
	case *rbacv3.Principal_Authenticated_:
		return authenticated(id.Authenticated)
	case *rbacv3.Principal_DirectRemoteIp:
		return peer(id.DirectRemoteIp)
	}
	return nil, unsafe(p.GetIdentifier())
}

// unsafe is the error of a matcher that servers read differently.
func unsafe(m any) error {
	return fmt.Errorf("it has the matcher %T, which servers read differently", m)
}

func anybody(set bool) (matcher, error) {
	if !set {
		return nil, errors.New("it has any: false, which matches every call")
	}
	return always, nil
}

func path(m *matcherv3.PathMatcher) (matcher, error) {
	text, err := text(m.GetPath())
	return func(c *Call) answer {
		if c.AnyMethod {
			return maybe
		}
		return answerOf(text(c.Method))
	}, err
}

func authenticated(m *rbacv3.Principal_Authenticated) (matcher, error) {
	matches, err := text(m.GetPrincipalName())
	if err != nil {
		return nil, err
	}
	if matches("") {
		return nil, errors.New("it matches an empty principal, which servers read differently")
	}
	return func(c *Call) answer {
		for _, uri := range c.Principals {
			if c.Authenticated && matches(uri) {
				return yes
			}
		}
		return no
	}, nil
}

func peer(block *corev3.CidrRange) (matcher, error) {
	address, err := netip.ParseAddr(block.GetAddressPrefix())
	if err != nil || block.GetPrefixLen() == nil || address.Is4In6() || address.Zone() != "" {
		return nil, fmt.Errorf("it has the address block %v, which servers read differently", block)
	}
	prefix := netip.PrefixFrom(address, int(block.GetPrefixLen().GetValue()))
	if !prefix.IsValid() || prefix.Masked() != prefix {
		return nil, fmt.Errorf("it has the address block %v, which servers read differently", block)
	}
	return func(c *Call) answer {
		if !c.Peer.IsValid() {
			return maybe
		}
		return answerOf(prefix.Contains(c.Peer.Unmap()))
	}, nil
}

// text compiles a matcher of text. Its expression matches the whole text.
func text(m *matcherv3.StringMatcher) (func(string) bool, error) {
	if m.GetIgnoreCase() {
		return nil, errors.New("it ignores case, which not all servers do")
	}
	switch how := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return func(s string) bool { return s == how.Exact }, nil
	case *matcherv3.StringMatcher_Prefix:
		return affix(how.Prefix, strings.HasPrefix)
	case *matcherv3.StringMatcher_Suffix:
		return affix(how.Suffix, strings.HasSuffix)
	case *matcherv3.StringMatcher_SafeRegex:
		return expression(how.SafeRegex)
	}
	return nil, unsafe(m.GetMatchPattern())
}

func affix(part string, has func(s, part string) bool) (func(string) bool, error) {
	if part == "" {
		return nil, errors.New("it has an empty prefix or suffix, which some servers reject")
	}
	return func(s string) bool { return has(s, part) }, nil
}

func expression(m *matcherv3.RegexMatcher) (func(string) bool, error) {
	// An expression such as a)(b is valid inside the anchors only.
	if _, err := syntax.Parse(m.GetRegex(), syntax.Perl); err != nil {
		return nil, fmt.Errorf("it has an expression that is not valid: %w", err)
	}
	whole, err := regexp.Compile("^(?:" + m.GetRegex() + ")$")
	if err != nil {
		return nil, fmt.Errorf("it has an expression that is not valid: %w", err)
	}
	return whole.MatchString, nil
}

// header compiles a matcher of a header in its old fields. All releases read these.
func header(m *routev3.HeaderMatcher) (matcher, error) {
	name := m.GetName()
	if err := checkHeader(m); err != nil {
		return nil, err
	}
	var matches func(string) bool
	var err error
	switch how := m.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch:
		if !how.PresentMatch {
			return nil, errors.New("it has present_match: false")
		}
		return present(name), nil
	case *routev3.HeaderMatcher_ExactMatch:
		matches = func(s string) bool { return s == how.ExactMatch } //nolint:staticcheck // old releases read only this
	case *routev3.HeaderMatcher_PrefixMatch:
		matches, err = affix(how.PrefixMatch, strings.HasPrefix) //nolint:staticcheck // old releases read only this
	case *routev3.HeaderMatcher_SuffixMatch:
		matches, err = affix(how.SuffixMatch, strings.HasSuffix) //nolint:staticcheck // old releases read only this
	case *routev3.HeaderMatcher_SafeRegexMatch:
		matches, err = expression(how.SafeRegexMatch) //nolint:staticcheck // old releases read only this
	default:
		err = unsafe(how)
	}
	return func(c *Call) answer {
		value, ok := c.Headers[name]
		switch {
		case c.AnyHeaders:
			return maybe
		case name == authority:
			value, ok = c.Authority, true
		}
		return answerOf(ok && matches(value))
	}, err
}

// present compiles present_match. To some servers a header with an empty value is absent.
func present(name string) matcher {
	return func(c *Call) answer {
		value, ok := c.Headers[name]
		switch {
		case c.AnyHeaders, ok && value == "":
			return maybe
		}
		return answerOf(ok || name == authority)
	}
}

const authority = ":authority"

// checkHeader rejects headers that servers show differently, or not at all.
func checkHeader(m *routev3.HeaderMatcher) error {
	name := m.GetName()
	switch {
	case m.GetInvertMatch():
		return fmt.Errorf("it inverts a matcher of the header %q, which servers do differently if the header is absent", name)
	case name == authority:
		return nil
	case name == "" || name[0] == ':' || name != strings.ToLower(name) || strings.HasPrefix(name, "grpc-") || name == "te" || name == "host" || name == "content-type":
		return fmt.Errorf("it matches the header %q, which servers read differently", name)
	}
	return nil
}
