package authz_test

import (
	"math/rand/v2"
	"net/netip"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// The words of random policies and calls. They are few, so that conditions match.
var (
	principals = []string{
		"spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/shop/sa/jobs", "spiffe://cluster.local/ns/team-a/sa/web",
		"spiffe://old.org/ns/shop/sa/web", "spiffe://foreign.org/ns/shop/sa/web", "spiffe://foreign.org/strange/ns/shop/sa/web",
	}
	methods     = []string{"/shop.Cart/Get", "/shop.Cart/List", "/shop.Admin/Get", "/shop.Cart/Get/deep", "/shop.V1/", "/a/b/c"}
	authorities = []string{"cart.shop", "CART.shop:50051", "10.0.0.1:80"}
	peers       = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.9")}
	values      = []string{"", "a", "ab", "b", "*/*", "a,b"}

	principalWords = []string{
		"cluster.local/ns/shop/sa/web", "old.org/ns/shop/sa/web", "foreign.org/ns/shop/sa/web", "*", "cluster.local/ns/shop/*", "*/sa/web", "cluster*",
		"*local/ns/shop/sa/jobs", "old.org/*", "web", "spiffe://cluster.local/ns/shop/sa/web", "a*b", "", "mesh.org/ns/shop/sa/web", "*/ns/shop/sa/web",
	}
	namespaceWords = []string{"shop", "team-a", "team-*", "*op", "*", "Shop", "a/b", ""}
	accountWords   = []string{"web", "shop/web", "team-a/web", "jobs", "web*", "/", "a/b/c", ""}
	domainWords    = []string{"cluster.local", "old.org", "*.org", "foreign*", "*", "", "a/b"}
	blockWords     = []string{"127.0.0.1", "127.0.0.0/8", "127.0.0.8/29", "::1", "::ffff:127.0.0.0/104", "0.0.0.0/0", "10.0.0.0/33", "x", "", "127.1.2.3/8"}
	hostWords      = []string{"cart.shop", "CART.SHOP", "cart*", "*:50051", "*.shop", "10.0.0.1:80", "*", "a*b", ""}
	portWords      = []string{"50051", "8080", "http", "0", "65536", ""}
	methodWords    = []string{"POST", "GET", "P*", "*T", "*", ""}
	pathWords      = []string{
		"/shop.Cart/Get", "/shop.Cart/*", "/shop.*", "*/Get", "/shop.Cart/{*}", "/{*}/Get", "/shop.V1/{**}", "/{**}", "/{*}.txt", "*", "", "é", "/a*b", "info",
		"/{**}/Get", "/{*}/{*}/{**}",
	}
	headerWords = []string{"a", "a*", "*b", "*", "*/*", "", "é", " a"}
	keyWords    = []string{
		"request.headers[x-a]", "request.headers[X-B]", "request.headers[x-c-bin]", "request.headers[:authority]", "request.headers[host]", "request.headers[:path]", "request.headers[:method]",
		"request.headers[te]", "request.headers[grpc-timeout]", "request.headers[x", "source.ip", "source.namespace", "source.principal", "source.serviceAccount",
		"source.trustDomain", "remote.ip", "request.auth.principal", "request.auth.claims[iss]", "destination.ip", "destination.port", "connection.sni", "x",
	}
	unknownWords = []string{"spec.rules[0].form", "spec.rules[0].from[0].source.principal", "spec.rules[1].to", "spec.selektor"}
)

// random makes policies and calls.
type random struct{ *rand.Rand }

func (r random) one(of []string) string { return of[r.IntN(len(of))] }

// some returns no values in most cases, and else up to three.
func (r random) some(of []string) (list []string) {
	if r.IntN(4) > 0 {
		return nil
	}
	for range 1 + r.IntN(3) {
		word := r.one(of)
		if word == "" && r.IntN(4) > 0 { // mistakes are rare, because they close whole rules
			word = of[0]
		}
		list = append(list, word)
	}
	return list
}

func (r random) source() *security.Source {
	return &security.Source{
		Principals: r.some(principalWords), NotPrincipals: r.some(principalWords), Namespaces: r.some(namespaceWords), NotNamespaces: r.some(namespaceWords),
		ServiceAccounts: r.some(accountWords), NotServiceAccounts: r.some(accountWords), IpBlocks: r.some(blockWords), NotIpBlocks: r.some(blockWords),
		TrustDomains: r.some(domainWords), NotTrustDomains: r.some(domainWords),
		RequestPrincipals: r.rare(principalWords), NotRequestPrincipals: r.rare(principalWords), RemoteIpBlocks: r.rare(blockWords), NotRemoteIpBlocks: r.rare(blockWords),
	}
}

// rare is for fields that gRPC cannot express.
func (r random) rare(of []string) []string {
	if r.IntN(8) > 0 {
		return nil
	}
	return r.some(of)
}

func (r random) operation() *security.Operation {
	return &security.Operation{
		Hosts: r.some(hostWords), NotHosts: r.some(hostWords), Ports: r.rare(portWords), NotPorts: r.rare(portWords),
		Methods: r.rare(methodWords), NotMethods: r.rare(methodWords), Paths: r.some(pathWords), NotPaths: r.some(pathWords),
	}
}

func (r random) condition() *security.Condition {
	key := r.one(keyWords)
	words := headerWords
	switch key {
	case "source.ip", "remote.ip", "destination.ip":
		words = blockWords
	case "source.namespace":
		words = namespaceWords
	case "source.principal":
		words = principalWords
	case "source.serviceAccount":
		words = accountWords
	case "source.trustDomain":
		words = domainWords
	case "destination.port":
		words = portWords
	case "request.headers[:authority]", "request.headers[host]":
		words = hostWords
	case "request.headers[:path]":
		words = pathWords
	case "request.headers[:method]":
		words = methodWords
	}
	c := &security.Condition{Key: key, Values: r.some(words), NotValues: r.some(words)}
	if len(c.GetValues())+len(c.GetNotValues()) == 0 && r.IntN(10) > 0 {
		c.Values = []string{r.one(words)}
	}
	return c
}

func (r random) rule() *security.Rule {
	rule := &security.Rule{}
	for range r.IntN(3) {
		rule.From = append(rule.From, &security.Rule_From{Source: r.source()})
	}
	for range r.IntN(3) {
		rule.To = append(rule.To, &security.Rule_To{Operation: r.operation()})
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(2) {
			rule.When = append(rule.When, r.condition())
		}
	}
	return rule
}

func (r random) policy(name string) *mesh.AuthorizationPolicy {
	actions := []security.AuthorizationPolicy_Action{
		security.AuthorizationPolicy_ALLOW, security.AuthorizationPolicy_ALLOW, security.AuthorizationPolicy_ALLOW, security.AuthorizationPolicy_DENY,
		security.AuthorizationPolicy_DENY, security.AuthorizationPolicy_AUDIT, security.AuthorizationPolicy_CUSTOM,
	}
	p := &mesh.AuthorizationPolicy{
		Ref:  mesh.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: name},
		Spec: &security.AuthorizationPolicy{Action: actions[r.IntN(len(actions))]}, DryRun: r.IntN(12) == 0,
	}
	for range r.IntN(4) {
		p.Spec.Rules = append(p.Spec.Rules, r.rule())
	}
	if r.IntN(12) == 0 {
		p.UnknownFields = []string{r.one(unknownWords)}
	}
	return p
}

// input makes what decides the rules of a server.
func (r random) input() inbound.RulesInput {
	var all []*mesh.AuthorizationPolicy
	for _, name := range []string{"a", "b", "c", "d"}[:r.IntN(4)] {
		all = append(all, r.policy(name))
	}
	in := inbound.RulesInput{
		Policies: mesh.MakeList(all...), Port: 50051, Kind: mesh.GRPCGo, Secure: r.IntN(10) > 0, Aliases: []string{"", "old.org"}[r.IntN(2)],
		TrustDomain: []string{"", "", "mesh.org"}[r.IntN(3)], Addresses: mesh.MakeList(netip.MustParseAddr("127.0.0.1")),
	}
	if r.IntN(10) == 0 {
		in.Kind = mesh.GRPCNode
	}
	return in
}

func (r random) call() authz.Call {
	c := authz.Call{
		Authenticated: true, Principals: []string{r.one(principals)}, Method: r.one(methods), Authority: r.one(authorities), Peer: peers[r.IntN(len(peers))],
		Headers: map[string]string{},
	}
	for _, name := range []string{"x-a", "x-b", "x-c-bin"} {
		if r.IntN(2) == 0 {
			c.Headers[name] = r.one(values)
		}
	}
	return c
}
