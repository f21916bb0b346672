package assemble

import (
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// claim is what a ServiceEntry says about an address: that clients may dial it in place of a host.
type claim struct {
	host string
	of   *mesh.Service
	part int
}

// applyAddresses evaluates the addresses of Services that changed, and those that a pod got or lost.
func (j *join) applyAddresses(b *worldBuilder) {
	for _, v := range j.inventories {
		for ip := range take(&v.endpoints.movedIPs) {
			if len(j.byAddress[ip]) > 0 {
				j.dirtyAddresses[ip] = struct{}{}
			}
		}
	}
	dirty := take(&j.dirtyAddresses)
	pods := j.podsAt(dirty)
	for ip := range dirty {
		b.addresses.put(ip, b.services.get(j.addressed(ip, pods[ip])))
	}
}

// podsAt returns the first pod of each namespace that has one of the addresses. It looks only for those that a ServiceEntry has.
func (j *join) podsAt(ips map[string]struct{}) map[string]map[string]mesh.Ref {
	found := map[string]map[string]mesh.Ref{}
	for ip := range ips {
		if slices.ContainsFunc(j.byAddress[ip], func(host string) bool { s := j.service(host); return s != nil && isEntry(s) }) {
			found[ip] = map[string]mesh.Ref{}
		}
	}
	if len(found) == 0 {
		return nil
	}
	for _, v := range j.inventories {
		for id, p := range v.endpoints.pods {
			for _, ip := range p.Addresses() {
				at := found[ip]
				ref := mesh.Ref{Kind: string(object.KindPod), Namespace: id.Namespace, Name: id.Name, Cluster: v.cluster}
				if first, ok := at[id.Namespace]; at != nil && (!ok || ref.Compare(first) < 0) {
					at[id.Namespace] = ref
				}
			}
		}
	}
	return found
}

// addressed returns the host of an address; empty if it has none. In a cluster only one Service can have a cluster IP. In files, and over
// several parts, several may have it: the first by part and host gets it. pods are those that have the address, by namespace.
//
// A ServiceEntry takes an address from nobody: not from a Service, and not from a pod of another namespace. If ServiceEntries of
// several namespaces have it, none of them gets it, because calls to one namespace would go to another. Each is told.
func (j *join) addressed(ip string, pods map[string]mesh.Ref) string {
	var services, entries []claim
	for _, host := range j.byAddress[ip] {
		i, s := j.owner(host)
		switch {
		case s == nil:
		case isEntry(s):
			entries = append(entries, claim{host, s, i})
		default:
			services = append(services, claim{host, s, i})
		}
	}
	var problems []mesh.Problem
	refuse := func(to mesh.Ref, severity mesh.Severity, format string, args ...any) {
		problems = append(problems, mesh.Problem{Code: mesh.CodeConflict, Severity: severity, Object: to, Field: "spec.addresses", Message: fmt.Sprintf(format, args...)})
	}
	owner := firstClaim(services)
	entries = slices.DeleteFunc(entries, func(c claim) bool {
		holder, held := otherPod(pods, c.of.Ref.Namespace)
		switch {
		case owner.of != nil:
			refuse(c.of.Ref, mesh.Warning, "%s has the address %s, and calls to it go there. The address has no effect here. Remove it; clients can dial the hosts.", owner.of.Ref, ip)
		case held:
			refuse(c.of.Ref, mesh.Error, "%s of another namespace has the address %s. The address has no effect here, because calls to that pod would go elsewhere. Remove it; clients can dial the hosts.", holder, ip)
		}
		return owner.of != nil || held
	})
	if owner.of == nil {
		if disputed := disputes(entries); len(disputed) > 0 {
			for _, pair := range disputed {
				refuse(pair[0], mesh.Error, "%s of another namespace has the address %s, too. Calls to the address fail. Remove it from one of the two; clients can dial the hosts.", pair[1], ip)
			}
		} else {
			owner = firstClaim(entries)
		}
	}
	j.problems.put(problemKey{topicAddress, object.Key{Name: ip}}, mesh.SortProblems(problems))
	return owner.host
}

func firstClaim(claims []claim) claim {
	var first claim
	for _, c := range claims {
		if first.of == nil || c.part < first.part || c.part == first.part && c.host < first.host {
			first = c
		}
	}
	return first
}

// otherPod returns the first pod of another namespace.
func otherPod(pods map[string]mesh.Ref, namespace string) (first mesh.Ref, found bool) {
	for n, ref := range pods {
		if n != namespace && (!found || ref.Compare(first) < 0) {
			first, found = ref, true
		}
	}
	return first, found
}

// disputes pairs each ServiceEntry with one of another namespace that has the same address. What several namespaces declare for
// one host is not in dispute: each client calls what it sees.
func disputes(claims []claim) [][2]mesh.Ref {
	var refs []mesh.Ref
	for _, c := range claims {
		if _, _, variant := mesh.CutHostIn(c.host); !variant {
			refs = append(refs, c.of.Ref)
		}
	}
	mesh.SortFunc(refs, mesh.Ref.Compare)
	refs = slices.Compact(refs) // An entry with several hosts claims an address for each.
	var pairs [][2]mesh.Ref
	for _, r := range refs {
		if i := slices.IndexFunc(refs, func(o mesh.Ref) bool { return o.Namespace != r.Namespace }); i >= 0 {
			pairs = append(pairs, [2]mesh.Ref{r, refs[i]})
		}
	}
	return pairs
}
