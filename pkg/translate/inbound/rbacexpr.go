package inbound

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// expr is a condition on a call, before it becomes a permission or a principal. Its constructors simplify it, so that
// it has no empty and, no empty or, and no constant inside: some libraries take an empty and for everybody.
type expr struct {
	kind  exprKind
	parts []expr // of and, or, not
	leaf  leaf
}

type exprKind uint8

const (
	isNever exprKind = iota
	isAlways
	isAnd
	isOr
	isNot
	isLeaf
)

// leaf is a matcher; one field is set. There are only matchers that all libraries read alike.
type leaf struct {
	identity *matcherv3.StringMatcher // a URI of the client's certificate; never matches without a certificate
	path     *matcherv3.StringMatcher // the full name of the method
	header   *routev3.HeaderMatcher
	address  *corev3.CidrRange // of the client's socket
}

func never() expr  { return expr{} }
func always() expr { return expr{kind: isAlways} }

func identity(m *matcherv3.StringMatcher) expr {
	return expr{kind: isLeaf, leaf: leaf{identity: m}}
}
func path(m *matcherv3.StringMatcher) expr { return expr{kind: isLeaf, leaf: leaf{path: m}} }
func header(m *routev3.HeaderMatcher) expr { return expr{kind: isLeaf, leaf: leaf{header: m}} }
func address(block *corev3.CidrRange) expr { return expr{kind: isLeaf, leaf: leaf{address: block}} }
func constant(matches bool) expr {
	if matches {
		return always()
	}
	return never()
}

func and(parts ...expr) expr { return join(isAnd, isAlways, isNever, parts) }
func or(parts ...expr) expr  { return join(isOr, isNever, isAlways, parts) }

// join joins parts. neutral parts are left out, and one absorbing part decides alone.
func join(kind, neutral, absorbing exprKind, parts []expr) expr {
	joined := expr{kind: kind}
	for _, p := range parts {
		switch p.kind {
		case neutral:
		case absorbing:
			return expr{kind: absorbing}
		case kind:
			joined.parts = append(joined.parts, p.parts...)
		default:
			joined.parts = append(joined.parts, p)
		}
	}
	switch len(joined.parts) {
	case 0:
		return expr{kind: neutral}
	case 1:
		return joined.parts[0]
	}
	return joined
}

func not(e expr) expr {
	switch e.kind {
	case isNever:
		return always()
	case isAlways:
		return never()
	case isNot:
		return e.parts[0]
	case isAnd, isOr, isLeaf:
	}
	return expr{kind: isNot, parts: []expr{e}}
}

// alternatives returns the parts of an or, or e alone.
func (e expr) alternatives() []expr {
	if e.kind == isOr {
		return e.parts
	}
	return []expr{e}
}

// policy makes an RBAC policy from a permission and a principal that can match.
func (e expr) policy(principal expr) *rbacv3.Policy {
	p := &rbacv3.Policy{}
	for _, one := range e.alternatives() {
		p.Permissions = append(p.Permissions, one.permission())
	}
	for _, one := range principal.alternatives() {
		p.Principals = append(p.Principals, one.principal())
	}
	return p
}

// permission has no conditions on the client: fields of from, and keys of the source, become principals.
func (e expr) permission() *rbacv3.Permission {
	set := func() *rbacv3.Permission_Set {
		s := &rbacv3.Permission_Set{}
		for _, p := range e.parts {
			s.Rules = append(s.Rules, p.permission())
		}
		return s
	}
	switch {
	case e.kind == isAnd:
		return &rbacv3.Permission{Rule: &rbacv3.Permission_AndRules{AndRules: set()}}
	case e.kind == isOr:
		return &rbacv3.Permission{Rule: &rbacv3.Permission_OrRules{OrRules: set()}}
	case e.kind == isNot:
		return &rbacv3.Permission{Rule: &rbacv3.Permission_NotRule{NotRule: e.parts[0].permission()}}
	case e.leaf.path != nil:
		return &rbacv3.Permission{Rule: &rbacv3.Permission_UrlPath{UrlPath: pathMatcher(e.leaf.path)}}
	case e.leaf.header != nil:
		return &rbacv3.Permission{Rule: &rbacv3.Permission_Header{Header: e.leaf.header}}
	}
	// Every library rejects a permission without a rule, as it would be for a condition on the client.
	if e.kind != isAlways {
		return &rbacv3.Permission{}
	}
	return &rbacv3.Permission{Rule: &rbacv3.Permission_Any{Any: true}}
}

func (e expr) principal() *rbacv3.Principal {
	set := func() *rbacv3.Principal_Set {
		s := &rbacv3.Principal_Set{}
		for _, p := range e.parts {
			s.Ids = append(s.Ids, p.principal())
		}
		return s
	}
	switch {
	case e.kind == isAnd:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_AndIds{AndIds: set()}}
	case e.kind == isOr:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_OrIds{OrIds: set()}}
	case e.kind == isNot:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_NotId{NotId: e.parts[0].principal()}}
	case e.leaf.identity != nil:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_Authenticated_{Authenticated: &rbacv3.Principal_Authenticated{PrincipalName: e.leaf.identity}}}
	case e.leaf.address != nil:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_DirectRemoteIp{DirectRemoteIp: e.leaf.address}}
	case e.leaf.path != nil:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_UrlPath{UrlPath: pathMatcher(e.leaf.path)}}
	case e.leaf.header != nil:
		return &rbacv3.Principal{Identifier: &rbacv3.Principal_Header{Header: e.leaf.header}}
	}
	if e.kind != isAlways {
		return &rbacv3.Principal{}
	}
	return &rbacv3.Principal{Identifier: &rbacv3.Principal_Any{Any: true}}
}

func pathMatcher(m *matcherv3.StringMatcher) *matcherv3.PathMatcher {
	return &matcherv3.PathMatcher{Rule: &matcherv3.PathMatcher_Path{Path: m}}
}
