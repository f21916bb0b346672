package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

const (
	// ringSize is the least number of entries of the rings that clients make unless told otherwise, as it is Istio's.
	ringSize = 1024
	// usualRingSize is the most that clients make, unless they are set up otherwise.
	usualRingSize = 4096
	// maxRingSize is the most that an author may ask for.
	maxRingSize = 8 << 20
)

// Balancing by a hash has two halves that must agree: the cluster has a ring of its endpoints, and the route says
// what of a call is hashed to find a place in it. Both read the same setting; the cluster's half reports. See
// ring.go for the endpoints' part of the ring.

// consistentHash is the cluster's half. Where nothing of a call can be hashed calls go round robin: on a ring they
// would go at random. A size of its own is for clients that take sizes: gRPC for Node reads them as texts, and
// refuses the cluster for not being numbers.
func consistentHash(at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB, sizes bool) *clusterv3.LoadBalancingPolicy {
	if policy.HashKey(at, h) == nil {
		return roundRobin()
	}
	at.Ignored(mesh.FeatureRingHash)
	ring := &ringhashv3.RingHash{HashFunction: ringhashv3.RingHash_XX_HASH}
	if n := ringEntries(at, h); sizes && n != ringSize {
		ring.MinimumRingSize = wrapperspb.UInt64(n)
	}
	return policyList(
		// Bare, not inside localities: the ring spans all of them, or the same hash would lead to one endpoint in
		// each.
		namedPolicy("ring_hash", ring),
		inLocalities(namedPolicy("round_robin", &roundrobinv3.RoundRobin{})),
	)
}

// ringEntries is the least number of entries of the ring.
func ringEntries(at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB) uint64 {
	size, where := h.GetMinimumRingSize(), at.Child("minimumRingSize") //nolint:staticcheck // authors still write it
	switch {
	case h.GetRingHash() != nil:
		size, where = h.GetRingHash().GetMinimumRingSize(), at.Child("ringHash.minimumRingSize")
	case h.GetMaglev() != nil:
		at.Child("maglev").Approximatef("gRPC does not support Maglev. Clients use a hash ring instead, which also keeps calls together.")
	}
	switch {
	case size == 0 || size == ringSize:
		return ringSize
	case size > maxRingSize:
		where.Errorf(mesh.CodeInvalidValue, "The ring size is more than %d. The size is %d instead. Set a smaller size.", maxRingSize, ringSize)
		return ringSize
	}
	where.Approximatef("gRPC for Node rejects a cluster that sets a ring size, so it gets a ring of %d entries, as do unknown clients. "+
		"Other clients make a ring of at most %d entries, unless they are configured otherwise.", ringSize, usualRingSize)
	return size
}
