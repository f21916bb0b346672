package mesh

import (
	"slices"

	networking "istio.io/api/networking/v1"
)

// VirtualService is one VirtualService as far as it concerns the mesh (not gateways), bound to its destinations.
type VirtualService struct {
	Ref Ref
	// Spec is the author's text, read-only.
	Spec *networking.VirtualService
	// Destinations has an entry for each destination host of Spec, under the text the author wrote.
	Destinations map[string]Destination
	// Delegates has an entry for each VirtualService that a rule of Spec delegates to, if it exists, by its Key.
	Delegates map[string]Delegate
}

// Destination is what a destination host of a VirtualService stands for.
type Destination struct {
	// Host is the full name.
	Host string
	// Service is nil when there is no such Service.
	Service *Service
	// DestinationRules is nil when no DestinationRule speaks of the host.
	DestinationRules *DestinationRuleSet
}

// VirtualServiceSet is every VirtualService that holds for one host. One client is ruled by one of them: VirtualServices for the same
// host do not merge.
type VirtualServiceSet struct {
	Host string
	// Candidates stand with the most specific host first and, among equals, the oldest.
	Candidates []VirtualServiceCandidate
}

// VirtualServiceCandidate is one VirtualService and who may see it.
type VirtualServiceCandidate struct {
	// Host is the one it declares, in full: the table's own, or a wildcard.
	Host           string
	VirtualService *VirtualService
	Export         Export
}

// For returns the VirtualService that rules clients of that namespace, or nil: of those it may see, the one with the most
// specific host. Among equals the order is Istio's: one that the client's own namespace keeps to itself, then one exported to it
// by name, then a public one. t may be nil.
func (t *VirtualServiceSet) For(namespace string) *VirtualService {
	if t == nil {
		return nil
	}
	var best *VirtualServiceCandidate
	rank := rankInvisible
	for i := range t.Candidates {
		c := &t.Candidates[i]
		if best != nil && c.Host != best.Host {
			break
		}
		if r := c.Export.rank(c.VirtualService.Ref.Namespace, namespace); r < rank {
			best, rank = c, r
		}
	}
	if best == nil {
		return nil
	}
	return best.VirtualService
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
	rankInvisible
)

// VisibleTo says whether clients of namespace may see an object of namespace owner.
func (e Export) VisibleTo(owner, namespace string) bool {
	return e.rank(owner, namespace) != rankInvisible
}

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
