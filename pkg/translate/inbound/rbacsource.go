package inbound

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// sourceRows are the fields of a source.
var sourceRows = []fieldRow[*security.Source]{
	{"principals", func(s *security.Source) (a, b []string) { return s.GetPrincipals(), s.GetNotPrincipals() }, principalLeaf, ""},
	{"namespaces", func(s *security.Source) (a, b []string) { return s.GetNamespaces(), s.GetNotNamespaces() }, namespaceLeaf, ""},
	{"serviceAccounts", func(s *security.Source) (a, b []string) { return s.GetServiceAccounts(), s.GetNotServiceAccounts() }, serviceAccountLeaf, ""},
	{"trustDomains", func(s *security.Source) (a, b []string) { return s.GetTrustDomains(), s.GetNotTrustDomains() }, trustDomainLeaf, ""},
	{"ipBlocks", func(s *security.Source) (a, b []string) { return s.GetIpBlocks(), s.GetNotIpBlocks() }, addressLeaf, ""},
	{"remoteIpBlocks", func(s *security.Source) (a, b []string) { return s.GetRemoteIpBlocks(), s.GetNotRemoteIpBlocks() }, remoteAddressLeaf, ""},
	{"requestPrincipals", func(s *security.Source) (a, b []string) { return s.GetRequestPrincipals(), s.GetNotRequestPrincipals() }, tokenLeaf, ""},
}

// sources translates from: one of the sources must match.
func (s *ruleScope) sources(at report.Field, from []*security.Rule_From) expr {
	if len(from) == 0 {
		return always()
	}
	var parts []expr
	for i, f := range from {
		source, rows := at.Index(i).Child("source"), sourceRows
		if isMixed(f.GetSource()) {
			s.close(source, &obstacle{
				what:   "serviceAccounts and principals or namespaces are set in one source, which API servers refuse. They have no effect.",
				wayOut: "Write a source for each, or keep one of the fields.",
			})
			rows = slices.DeleteFunc(slices.Clone(rows), func(r fieldRow[*security.Source]) bool { return slices.Contains(mixedFields, r.name) })
		}
		parts = append(parts, all(s, source, f.GetSource(), rows))
	}
	return or(parts...)
}

// mixedFields are the fields that a source cannot have together: the first one, and any of the others.
var mixedFields = []string{"serviceAccounts", "principals", "namespaces"}

// isMixed reports whether a source has service accounts and principals or namespaces.
func isMixed(source *security.Source) bool {
	has := func(name string) bool {
		i := slices.IndexFunc(sourceRows, func(r fieldRow[*security.Source]) bool { return r.name == name })
		values, notValues := sourceRows[i].values(source)
		return len(values)+len(notValues) > 0
	}
	return has(mixedFields[0]) && slices.ContainsFunc(mixedFields[1:], has)
}

// scheme begins the URI of an identity.
const scheme = "spiffe://"

// identified returns an obstacle for conditions on identities if the server does not know them: a condition would
// never match, and what it denies would be open.
func (c condition) identified() *obstacle {
	if c.in.Secure {
		return nil
	}
	return &obstacle{
		what:   "The server accepts plaintext, so it does not know who calls.",
		wayOut: "Give the pods a certificate and mode STRICT, or remove the condition.",
		whole:  true,
	}
}

// principalLeaf matches TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT.
func principalLeaf(c condition, value string) (expr, *obstacle) {
	if why := c.identified(); why != nil {
		return never(), why
	}
	p, why := parseName(value)
	switch {
	case why != nil:
		return never(), why
	case strings.HasPrefix(value, scheme):
		return never(), &obstacle{what: fmt.Sprintf("%q begins with spiffe://, which is added to principals, so it would never match.", value), wayOut: "Write it without spiffe://."}
	}
	if p.kind == exact && len(strings.Split(value, "/")) < 5 {
		c.at.Warnf(mesh.CodeUnreachable, "No identity of the mesh has the form of %q. The value matches no caller of the mesh. Write TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT.", value)
	}
	var parts []expr
	for _, p := range c.inEveryTrustDomain(p) {
		part, why := byName(p)
		if why != nil {
			return never(), why
		}
		parts = append(parts, part)
	}
	return or(parts...), nil
}

// byName matches identities by their text after the scheme.
func byName(p pattern) (expr, *obstacle) {
	if p.kind == present || p.kind == suffix {
		return byRegex(scheme+p.regex("."), identity)
	}
	return identity(pattern{p.kind, scheme + p.text}.matcher()), nil
}

// slashes is the number of slashes in TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT.
const slashes = 4

// inEveryTrustDomain returns a principal in each trust domain that counts as the mesh's own, if its trust domain does.
// As in Istio, cluster.local means the mesh's own. A part of a trust domain counts only where too much must match.
func (c condition) inEveryTrustDomain(p pattern) []pattern {
	domain, rest, whole := strings.Cut(p.text, "/")
	counts := func(name string) bool {
		switch {
		case p.kind == suffix:
			return c.wide && strings.Count(p.text, "/") == slashes && strings.HasSuffix(name, domain)
		case p.kind == prefix && !whole:
			return c.wide && strings.HasPrefix(name, domain)
		}
		return whole && name == domain
	}
	own := c.in.trustDomains()
	if p.kind == present || !slices.ContainsFunc(append([]string{mesh.DefaultTrustDomain}, own...), counts) {
		return []pattern{p}
	}
	var all []pattern
	for _, name := range own {
		one := pattern{p.kind, name + "/" + rest}
		if p.kind == suffix {
			one.kind = exact
		}
		all = append(all, one)
	}
	if c.wide && !slices.Contains(all, p) {
		all = append(all, p)
	}
	return all
}

// namespaceLeaf matches the namespaces of identities.
func namespaceLeaf(c condition, value string) (expr, *obstacle) {
	if why := c.identified(); why != nil {
		return never(), why
	}
	p, why := parseName(value)
	if why == nil {
		why = badName("namespace", p.text, nameCharacters, value)
	}
	if why != nil {
		return never(), why
	}
	return c.account(p.regex("[^/]"), p.kind == exact, "")
}

// serviceAccountLeaf matches NAMESPACE/ACCOUNT, or an account of the policy's namespace.
func serviceAccountLeaf(c condition, value string) (expr, *obstacle) {
	if why := c.identified(); why != nil {
		return never(), why
	}
	namespace, name, ok := strings.Cut(value, "/")
	if !ok {
		namespace, name = c.policy.Ref.Namespace, value
	}
	why := badName("service account", name, nameCharacters+".", value)
	if why == nil {
		why = badName("service account", namespace, nameCharacters, value)
	}
	if why == nil && (name == "" || namespace == "") {
		why = &obstacle{what: fmt.Sprintf("%q has no name before or after the slash.", value), wayOut: "Write NAMESPACE/ACCOUNT."}
	}
	if why != nil {
		return never(), why
	}
	return c.account(namespace, true, name)
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-"

// badName returns an obstacle for a text with other characters, which would match nobody.
func badName(kind, text, characters, value string) *obstacle {
	if rest := strings.Trim(text, characters); rest != "" {
		return &obstacle{what: fmt.Sprintf("No %s is named %q: it has the character %q.", kind, value, rest[:1]), wayOut: "Correct it."}
	}
	return nil
}

// account matches identities of a namespace, and of an account unless it is empty. What must not match too much
// matches only the mesh's own trust domains, and the rest matches every trust domain, as in Istio.
func (c condition) account(namespace string, literal bool, name string) (expr, *obstacle) {
	tail := "/sa/" + regexp.QuoteMeta(name)
	if name == "" {
		tail = "/.*"
	}
	if c.wide {
		return byRegex(".*/ns/"+namespace+tail, identity)
	}
	var parts []expr
	for _, domain := range c.in.trustDomains() {
		begin := scheme + domain + "/ns/"
		var part expr
		var why *obstacle
		switch {
		case name != "":
			part = identity(pattern{exact, begin + namespace + "/sa/" + name}.matcher())
		case literal:
			part = identity(pattern{prefix, begin + namespace + "/"}.matcher())
		default:
			part, why = byRegex(regexp.QuoteMeta(begin)+namespace+tail, identity)
		}
		if why != nil {
			return never(), why
		}
		parts = append(parts, part)
	}
	return or(parts...), nil
}

// trustDomainLeaf matches the trust domains of identities.
func trustDomainLeaf(c condition, value string) (expr, *obstacle) {
	if why := c.identified(); why != nil {
		return never(), why
	}
	p, why := parseName(value)
	if why == nil {
		why = badName("trust domain", p.text, nameCharacters+"._", value)
	}
	switch {
	case why != nil:
		return never(), why
	case p.kind == exact:
		return identity(pattern{prefix, scheme + p.text + "/"}.matcher()), nil
	}
	return byRegex(scheme+p.regex("[^/]")+"/.*", identity)
}

// tokenLeaf is for claims of tokens. No gRPC server checks tokens.
func tokenLeaf(condition, string) (expr, *obstacle) {
	return never(), &obstacle{what: "gRPC servers do not check tokens.", wayOut: wayOutOfTokens, whole: true}
}
