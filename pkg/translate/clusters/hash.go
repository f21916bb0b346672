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
	// ringSize is the default minimum size of a ring, in Istio and in clients.
	ringSize = 1024
	// usualRingSize is the default limit of the ring size in clients.
	usualRingSize = 4096
	// maxRingSize is the largest size that an author can set.
	maxRingSize = 8 << 20
)

// Ring hash has two parts: the cluster's ring of endpoints, and the route's hash policy, which states what is
// hashed. Both are made from the same setting. Problems are reported for the cluster. The weights of endpoints on
// the ring are in endpoints/ring.go.

// consistentHash makes the cluster's part. If there is no hash key, calls are balanced round robin, because on a
// ring they would be balanced at random. sizes is false for clients that reject a ring size: gRPC for Node reads
// sizes as strings, and rejects the cluster because they are not numbers.
func consistentHash(at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB, sizes bool) *clusterv3.LoadBalancingPolicy {
	if policy.HashKey(mesh.FamilyGRPC, at, h) == nil {
		return roundRobin()
	}
	at.Ignored(mesh.FeatureRingHash)
	ring := &ringhashv3.RingHash{HashFunction: ringhashv3.RingHash_XX_HASH}
	if n := ringEntries(mesh.FamilyGRPC, at, h); sizes && n != ringSize {
		ring.MinimumRingSize = wrapperspb.UInt64(n)
	}
	return policyList(
		// The ring is not inside localities. It contains the endpoints of all localities. Otherwise a hash would lead
		// to one endpoint in each locality.
		namedPolicy("ring_hash", ring),
		inLocalities(namedPolicy("round_robin", &roundrobinv3.RoundRobin{})),
	)
}

// ringEntries returns the minimum size of the ring.
func ringEntries(family mesh.Family, at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB) uint64 {
	size, where := h.GetMinimumRingSize(), at.Child("minimumRingSize") //nolint:staticcheck // authors still write it
	switch {
	case h.GetRingHash() != nil:
		size, where = h.GetRingHash().GetMinimumRingSize(), at.Child("ringHash.minimumRingSize")
	case h.GetMaglev() != nil:
		at.Child("maglev").Approximatef("Clients do not support Maglev. They use a hash ring instead, which also keeps calls together. Keep the setting if that is good enough.")
	}
	switch {
	case size == 0 || size == ringSize:
		return ringSize
	case size > maxRingSize:
		where.Errorf(mesh.CodeInvalidValue, "The ring size is more than %d. The size is %d instead. Set a smaller size.", maxRingSize, ringSize)
		return ringSize
	case family != mesh.FamilyGRPC:
		return size
	}
	where.Approximatef("gRPC for Node balances round robin if a cluster sets a ring size, so it gets a ring of %d entries, as do unknown clients. "+
		"Other clients make a ring of at most %d entries, unless they are configured otherwise. Keep the setting if that is good enough.", ringSize, usualRingSize)
	return size
}
