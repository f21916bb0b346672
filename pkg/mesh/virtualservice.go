package mesh

import (
	"slices"

	networking "istio.io/api/networking/v1"
)

// VirtualService is one VirtualService that applies to the mesh (not only to gateways), with its destinations and
// delegates resolved.
type VirtualService struct {
	Ref Ref
	// Spec is the spec of the object, read-only.
	Spec *networking.VirtualService
	// Gateways is set if its rules apply to calls through gateways, too.
	Gateways bool
	// Destinations has an entry for each destination host of Spec, keyed by the host as the author wrote it.
	Destinations map[string]Destination
	// Delegates has an entry for each existing VirtualService that a rule of Spec delegates to, keyed by Ref.Key.
	Delegates map[string]Delegate
	// Authors has, for each http rule of Spec, what the rule was compiled from, and Routes has all of these objects. Both
	// are nil for a VirtualService that an author wrote. Ref is then the first of the Routes.
	Authors []*Author
	Routes  []*Route
}

// Destination is what a destination host of a VirtualService refers to.
type Destination struct {
	// Host is the full name.
	Host string
	// Service is nil if the Service does not exist.
	Service *Service
	// Meant names the Service that is probably meant, as the author would write it. It is empty if Service is set, and if
	// no Service has a similar name.
	Meant string
	// DestinationRules is nil if no DestinationRule is for the host.
	DestinationRules *DestinationRuleSet
	// Groups are the endpoints of Service. It is nil if clients can call all of them in plaintext.
	Groups *EndpointGroups
	// Refused is set if the host is an alias for Host whose calls are refused, see Alias.
	Refused bool
}

// VirtualServiceSet has every VirtualService for one host. One of them applies to each call: VirtualServices for the
// same host are not merged.
type VirtualServiceSet struct {
	Host string
	// Candidates are sorted: the most specific host first. For one host, those compiled from GRPCRoutes come before those
	// compiled from HTTPRoutes, then VirtualServices, the oldest first.
	Candidates []VirtualServiceCandidate
}

// VirtualServiceCandidate is one VirtualService with the namespaces that can see it.
type VirtualServiceCandidate struct {
	// Host is the host that it declares, as a full name: the host of the set, or a wildcard.
	Host           string
	VirtualService *VirtualService
	Export         Export
	// Share is the part of the clients that follow it.
	Share Share
}

// For returns the VirtualServices that clients of the namespace can see, of those with the most specific host that
// any of them has. They are in the order of Istio: private to the client's namespace, then exported to it by name, then
// public. Of two versions it has the approved one. To a call applies the first one that has a rule for its client and its port. Compiled ones are for some ports, so
// they leave the other ports to VirtualServices with any host that covers theirs. s may be nil.
func (s *VirtualServiceSet) For(namespace string) VirtualServices {
	return s.ForClient(Client{Namespace: namespace})
}

// ForClient is For with the versions that the client follows, and without the VirtualServices that its Sidecar leaves out.
// Routes of the Gateway API apply wherever the client sees the host: that API has no Sidecars.
func (s *VirtualServiceSet) ForClient(client Client) VirtualServices {
	if s == nil {
		return VirtualServices{}
	}
	var byRank [rankInvisible][]*VirtualService
	host := ""
	for _, c := range s.Candidates {
		if host != "" && c.Host != host {
			break
		}
		owner := c.VirtualService.Ref.Namespace
		if !c.Share.Has(client.Bucket) {
			continue
		}
		if !c.VirtualService.Compiled() && !client.Sidecar.SeesRules(client.Namespace, owner, c.Host) {
			continue
		}
		if r := c.Export.rank(owner, client.Namespace); r < rankInvisible {
			if !c.VirtualService.Compiled() {
				host = c.Host
			}
			byRank[r] = append(byRank[r], c.VirtualService)
		}
	}
	return MakeVirtualServices(slices.Concat(byRank[:]...)...)
}

// Export is a parsed exportTo list: the namespaces that can see an object. The zero Export is visible to none.
type Export struct {
	// Private is set by ".", the object's own namespace.
	Private bool
	// Namespaces are the namespaces that the list names.
	Namespaces []string
	// Public is set by "*", and by an absent or empty list.
	Public bool
}

// The ranks of visibility, the highest precedence first.
const (
	rankPrivate = iota
	rankNamed
	rankPublic
	rankInvisible
)

// VisibleTo reports whether clients of namespace can see an object in namespace owner.
func (e Export) VisibleTo(owner, namespace string) bool {
	return e.rank(owner, namespace) != rankInvisible
}

// None reports whether no client can see an object.
func (e Export) None() bool { return !e.Private && !e.Public && len(e.Namespaces) == 0 }

func (e Export) rank(owner, namespace string) int {
	switch {
	case e.Private && !e.Public && owner == namespace:
		return rankPrivate
	case e.named(namespace):
		return rankNamed
	case e.Public:
		return rankPublic
	}
	return rankInvisible
}

func (e Export) named(namespace string) bool {
	return slices.Contains(e.Namespaces, namespace)
}
