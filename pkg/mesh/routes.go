package mesh

import (
	"slices"

	networking "istio.io/api/networking/v1"
)

// Routes is one VirtualService as far as it concerns the mesh (not gateways), bound to its destinations.
type Routes struct {
	Ref Ref
	// Spec is the author's text, read-only.
	Spec *networking.VirtualService
	// Targets has an entry for each destination host of Spec, under the text the author wrote.
	Targets map[string]Target
	// Delegates has an entry for each VirtualService that a rule of Spec delegates to, if it exists, by its Key.
	Delegates map[string]Delegate
}

// Target is what a destination host of a VirtualService stands for.
type Target struct {
	// Host is the full name.
	Host string
	// Service is nil when there is no such Service.
	Service *Service
	// Policies is nil when no DestinationRule speaks of the host.
	Policies *PolicyTable
}

// RouteTable is every VirtualService that holds for one host. One client is ruled by one of them: VirtualServices for the same
// host do not merge.
type RouteTable struct {
	Host string
	// Candidates stand with the most specific host first and, among equals, the oldest.
	Candidates []RouteCandidate
}

// RouteCandidate is one VirtualService and who may see it.
type RouteCandidate struct {
	// Host is the one it declares, in full: the table's own, or a wildcard.
	Host   string
	Routes *Routes
	Export Export
}

// For returns the VirtualService that rules clients of that namespace, or nil: of those it may see, the one with the most
// specific host. Among equals the order is Istio's: one that the client's own namespace keeps to itself, then one exported to it
// by name, then a public one. t may be nil.
func (t *RouteTable) For(namespace string) *Routes {
	if t == nil {
		return nil
	}
	var best *RouteCandidate
	rank := invisible
	for i := range t.Candidates {
		c := &t.Candidates[i]
		if best != nil && c.Host != best.Host {
			break
		}
		if r := c.Export.rank(c.Routes.Ref.Namespace, namespace); r < rank {
			best, rank = c, r
		}
	}
	if best == nil {
		return nil
	}
	return best.Routes
}

// Export is an exportTo list: who may see an object. The empty list is everybody.
type Export struct {
	// Private is ".", the object's own namespace.
	Private bool
	// Namespaces are those named, besides.
	Namespaces []string
	// Public is "*", or an absent list.
	Public bool
}

// Ranks of visibility, the strongest claim first.
const (
	rankPrivate = iota
	rankNamed
	rankPublic
	invisible
)

// VisibleTo says whether clients of namespace may see an object of namespace owner.
func (e Export) VisibleTo(owner, namespace string) bool { return e.rank(owner, namespace) != invisible }

func (e Export) rank(owner, namespace string) int {
	switch {
	case e.Private && !e.Public && owner == namespace:
		return rankPrivate
	case e.named(namespace):
		return rankNamed
	case e.Public:
		return rankPublic
	}
	return invisible
}

func (e Export) named(namespace string) bool {
	return slices.Contains(e.Namespaces, namespace)
}
