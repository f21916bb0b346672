package istiodiff

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// condition decides as gRPC for Go does, whatever other libraries make of it.
type condition func(call) bool

// rulesOf compiles the rules of a filter. It fails where gRPC for Go rejects the Listener. Without rules the filter decides nothing.
func rulesOf(rules *rbacv3.RBAC) (allows condition, err error) {
	if rules == nil {
		return always, nil
	}
	var policies []condition
	for _, name := range slices.Sorted(keys(rules.GetPolicies())) {
		p := rules.GetPolicies()[name]
		permissions, err := all(p.GetPermissions(), permissionOf)
		if err != nil {
			return nil, err
		}
		principals, err := all(p.GetPrincipals(), principalOf)
		if err != nil {
			return nil, err
		}
		policies = append(policies, and([]condition{or(permissions), or(principals)}))
	}
	switch matches := or(policies); rules.GetAction() {
	case rbacv3.RBAC_ALLOW:
		return matches, nil
	case rbacv3.RBAC_DENY:
		return not(matches), nil
	default:
		return nil, fmt.Errorf("action %s", rules.GetAction())
	}
}

func always(call) bool { return true }

func never(call) bool { return false }

func not(c condition) condition { return func(x call) bool { return !c(x) } }

func and(all []condition) condition {
	return func(x call) bool { return !slices.ContainsFunc(all, func(c condition) bool { return !c(x) }) }
}

func or(all []condition) condition {
	return func(x call) bool { return slices.ContainsFunc(all, func(c condition) bool { return c(x) }) }
}

func all[M any](list []M, of func(M) (condition, error)) (conditions []condition, err error) {
	for _, m := range list {
		c, err := of(m)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

func permissionOf(p *rbacv3.Permission) (condition, error) {
	switch rule := p.GetRule().(type) {
	case *rbacv3.Permission_Any:
		return always, nil
	case *rbacv3.Permission_AndRules:
		list, err := all(rule.AndRules.GetRules(), permissionOf)
		return and(list), err
	case *rbacv3.Permission_OrRules:
		list, err := all(rule.OrRules.GetRules(), permissionOf)
		return or(list), err
	case *rbacv3.Permission_NotRule:
		c, err := permissionOf(rule.NotRule)
		return not(c), err
	case *rbacv3.Permission_Header:
		return headerOf(rule.Header)
	case *rbacv3.Permission_UrlPath:
		return pathOf(rule.UrlPath)
	case *rbacv3.Permission_DestinationPort:
		return func(c call) bool { return c.port == rule.DestinationPort }, nil
	case *rbacv3.Permission_DestinationIp:
		return addressOf(rule.DestinationIp, func(c call) netip.Addr { return c.at })
	case *rbacv3.Permission_RequestedServerName:
		return func(call) bool { return matchesText(rule.RequestedServerName, "") }, nil
	case *rbacv3.Permission_Metadata:
		return ofMetadata(rule.Metadata), nil //nolint:staticcheck // the field that istiod sends
	}
	return nil, fmt.Errorf("permission %T", p.GetRule())
}

func principalOf(p *rbacv3.Principal) (condition, error) {
	from := func(c call) netip.Addr { return c.from }
	switch id := p.GetIdentifier().(type) {
	case *rbacv3.Principal_Any:
		return always, nil
	case *rbacv3.Principal_AndIds:
		list, err := all(id.AndIds.GetIds(), principalOf)
		return and(list), err
	case *rbacv3.Principal_OrIds:
		list, err := all(id.OrIds.GetIds(), principalOf)
		return or(list), err
	case *rbacv3.Principal_NotId:
		c, err := principalOf(id.NotId)
		return not(c), err
	case *rbacv3.Principal_Header:
		return headerOf(id.Header)
	case *rbacv3.Principal_UrlPath:
		return pathOf(id.UrlPath)
	case *rbacv3.Principal_DirectRemoteIp:
		return addressOf(id.DirectRemoteIp, from)
	case *rbacv3.Principal_RemoteIp:
		return addressOf(id.RemoteIp, from)
	case *rbacv3.Principal_Metadata:
		return ofMetadata(id.Metadata), nil //nolint:staticcheck // the field that istiod sends
	case *rbacv3.Principal_Authenticated_:
		name := id.Authenticated.GetPrincipalName()
		return func(c call) bool { return c.caller != "" && (name == nil || matchesText(name, c.caller)) }, nil
	}
	return nil, fmt.Errorf("principal %T", p.GetIdentifier())
}

// ofMetadata: gRPC has no metadata, such as that of tokens.
func ofMetadata(m *matcherv3.MetadataMatcher) condition {
	if m.GetInvert() {
		return always
	}
	return never
}

func pathOf(m *matcherv3.PathMatcher) (condition, error) {
	return func(c call) bool { return matchesText(m.GetPath(), c.path) }, checkText(m.GetPath())
}

func headerOf(h *routev3.HeaderMatcher) (condition, error) {
	name := strings.ToLower(h.GetName())
	switch {
	case name == ":scheme" || strings.HasPrefix(name, "grpc-"):
		return nil, fmt.Errorf("header %q", name)
	case name == "host":
		name = ":authority"
	}
	lower := &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: h.GetHeaderMatchSpecifier(), InvertMatch: h.GetInvertMatch()}
	return func(c call) bool { return matchesHeader(lower, c.asServed()) }, checkText(h.GetStringMatch())
}

// checkText rejects what gRPC for Go rejects.
func checkText(m *matcherv3.StringMatcher) error {
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Prefix:
		if p.Prefix == "" {
			return errors.New("empty prefix")
		}
	case *matcherv3.StringMatcher_Suffix:
		if p.Suffix == "" {
			return errors.New("empty suffix")
		}
	}
	return nil
}

func addressOf(block *corev3.CidrRange, of func(call) netip.Addr) (condition, error) {
	prefix, err := netip.ParsePrefix(fmt.Sprintf("%s/%d", block.GetAddressPrefix(), block.GetPrefixLen().GetValue()))
	return func(c call) bool { return prefix.Masked().Contains(of(c)) }, err
}
