package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// missingHosts are the declared hosts that have the form of a Service's host and no Service. The messages about them
// name similar Services, so they are checked again when any Service comes or goes.
type missingHosts map[string]struct{}

// note records whether a declared host has a Service.
func (m missingHosts) note(host, domain string, exists bool) {
	if exists || strings.HasPrefix(host, "*") || inDomain(host, domain) == "" {
		delete(m, host)
		return
	}
	m[host] = struct{}{}
}

// noSuchHost makes the Problem of a rule for a host without a Service. effect is what happens.
type noSuchHost func(key object.Key, field, host, effect string) mesh.Problem

// noSuchHost names a host that is probably meant.
func (r *rules) noSuchHost(key object.Key, field, host, effect string) mesh.Problem {
	message := fmt.Sprintf("No Service has the host %s. %s %s", host, effect, r.wayOut(host, field, key.Namespace))
	return mesh.Problem{Code: mesh.CodeNoSuchHost, Severity: mesh.Warning, Object: key.Ref(), Field: field, Message: message}
}

// noSuchReference makes the Problem of a reference by name and namespace to a Service that does not exist. elsewhere is that of
// mesh.MeantReference.
func (r *rules) noSuchReference(key object.Key, at, host, effect string, elsewhere func(namespace string) string) mesh.Problem {
	p := r.noSuchHost(key, at+".name", host, effect)
	if meant := r.meantIn(host, key.Namespace); meant != "" {
		field, wayOut := mesh.MeantReference(host, meant, key.Namespace, elsewhere)
		p.Field, p.Message = at+field, fmt.Sprintf("No Service has the host %s. %s %s", host, effect, wayOut)
	}
	return p
}

// wayOut returns what to do about a host without a Service that an object of the namespace names.
func (r *rules) wayOut(host, field, namespace string) string {
	if meant := r.meantIn(host, namespace); meant != "" {
		return fmt.Sprintf("Did you mean %q?", meant)
	}
	if !strings.HasSuffix(host, ".svc."+r.domain) {
		return fmt.Sprintf("Create a ServiceEntry for it, or correct %s.", field)
	}
	return fmt.Sprintf("Create the Service, or correct %s.", field)
}

// meantIn is meant as an author in the namespace writes it.
func (r *rules) meantIn(host, namespace string) string {
	if mesh.IsWildcard(host) {
		return r.meant(host) // Wildcards are not completed.
	}
	return strings.TrimSuffix(strings.TrimSuffix(r.meant(host), ".svc."+r.domain), "."+namespace)
}

// meant returns the host of the Service that is probably meant by a host without one, or empty: a Service with a similar
// name in the namespace, or the only one of the same name in another namespace or in a namespace with a similar name. Of a
// wildcard, it returns the one that covers Services.
func (r *rules) meant(host string) string {
	full := inDomain(host, r.domain)
	switch {
	case full == "":
		return r.meantNamespace(host)
	case r.hosts.has(full) && full != host:
		return full
	case mesh.IsWildcard(full):
		return r.meantNamespace("*" + strings.TrimSuffix(full[1:], ".svc."+r.domain))
	}
	near := mesh.NearHostsOf(full, r.domain, maps.Keys(r.hosts))
	if near.Similar != "" || len(near.Elsewhere) == 0 {
		return near.Similar
	}
	_, namespace, _ := strings.Cut(strings.TrimSuffix(full, ".svc."+r.domain), ".")
	_, other, _ := strings.Cut(strings.TrimSuffix(near.Elsewhere[0], ".svc."+r.domain), ".")
	if len(near.Elsewhere) == 1 || mesh.Nearest(namespace, []string{other}) != "" {
		return near.Elsewhere[0]
	}
	return ""
}

// meantNamespace returns the wildcard for the Services of a namespace that *.NAMESPACE probably means, or empty.
func (r *rules) meantNamespace(host string) string {
	namespace, ok := strings.CutPrefix(host, "*.")
	if !ok || namespace == "" || strings.Contains(namespace, ".") {
		return ""
	}
	best := ""
	for owner := range r.hosts {
		_, other, _ := strings.Cut(strings.TrimSuffix(owner, ".svc."+r.domain), ".")
		if other == namespace {
			best = other
			break
		}
		if likelyTypo(namespace, other) && (best == "" || other < best) {
			best = other
		}
	}
	if best == "" {
		return ""
	}
	return "*." + best + ".svc." + r.domain
}

// digits replaces digits with nothing.
var digits = []string{"0", "", "1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "", "9", ""}

// likelyTypo reports whether a name is probably another one, misspelled, and not a name that somebody chose: team-1 is not
// team-2, shop-eu not shop-us, and web not www.
func likelyTypo(name, other string) bool {
	if i := strings.LastIndexByte(name, '-') + 1; i > 0 && strings.HasPrefix(other, name[:i]) && min(len(name), len(other)) < i+minTypo {
		return false
	}
	letters := func(s string) string { return strings.Trim(strings.NewReplacer(digits...).Replace(s), "-") }
	limit := 1
	if len(other) > 5 {
		limit = 2
	}
	return min(len(name), len(other)) >= minTypo && letters(name) != letters(other) && (mesh.Distance(name, other) <= limit || swapped(name, other))
}

// minTypo is the length below which a text that is like another one is not taken for a misspelling of it.
const minTypo = 3

// swapped reports whether two neighboring letters are exchanged.
func swapped(a, b string) bool {
	for i := range min(len(a), len(b)) - 1 {
		if a[i] != b[i] {
			return len(a) == len(b) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}

// inDomain returns a host that has the form of a Service's host, but for a part of its domain that is missing or misspelled,
// with the right domain: cart.shop.svc.cluster and *.shop.svc.cluster.locl. A host that has that form is returned unchanged;
// any other gives an empty text. Another domain that clusters have is not a misspelled one.
func inDomain(host, domain string) string {
	if inServiceDomain(host, domain) {
		return host
	}
	labels := strings.Split(host, ".")
	names := 2 // the names before the domain; a wildcard and a name without namespace have less
	if i := slices.Index(labels, "svc"); i == 1 {
		names = 1
	}
	if len(labels) <= names || names == 1 && len(labels) < 3 {
		return ""
	}
	if rest := strings.Join(labels[names:], "."); !nearDomain(rest, "svc."+domain) {
		return ""
	}
	return strings.Join(labels[:names], ".") + ".svc." + domain
}

// otherDomain is the domain of Services of several clusters.
const otherDomain = "svc.clusterset.local"

// nearDomain reports whether a text is probably meant as the domain of Services: it is misspelled, or lacks some labels.
func nearDomain(text, domain string) bool {
	missing := []string{"svc"}
	if _, top, _ := strings.Cut(domain, "."); top != "" {
		first, last, _ := strings.Cut(top, ".")
		missing = append(missing, top, "svc."+first, "svc."+last, first+"."+last+".svc")
	}
	return slices.Contains(missing, text) || text != otherDomain && !extends(text, domain) && likelyTypo(text, domain) || len(text) < 5 && swapped(text, "svc")
}

// extends reports whether a part of a domain is that of the other domain with something before or behind it, as in
// svc.cluster-b.local and svc.my-cluster.local. Such domains are chosen. A letter that is there twice is misspelled.
func extends(text, domain string) bool {
	parts, others := strings.Split(text, "."), strings.Split(domain, ".")
	if len(parts) != len(others) {
		return false
	}
	once := func(s string) string { return string(slices.Compact([]byte(s))) }
	for i, part := range parts {
		if part != others[i] && strings.Contains(part, others[i]) && once(part) != once(others[i]) {
			return true
		}
	}
	return false
}
