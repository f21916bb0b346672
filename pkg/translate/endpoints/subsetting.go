package endpoints

import (
	"math"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// With subsetting, each client gets only some of a Service's endpoints, so that hundreds of clients do not all have
// connections to hundreds of endpoints. Which ones depends only on the client's bucket: every endpoint has a score
// in every bucket, and a client gets the endpoints with the lowest scores. So when an endpoint is added or removed,
// only the buckets that gain or lose it change, and only their clients get an update.

// applySubsetting keeps n endpoints of each rank for the clients of a bucket, so that failover finds as many
// endpoints in the next rank as in the first. Without a bucket it keeps all.
func applySubsetting(groups []localityGroup, n uint32, bucket uint16) []localityGroup {
	if n == 0 || bucket == 0 {
		return groups
	}
	var kept []localityGroup
	for _, rank := range groupsByRank(groups) {
		kept = append(kept, applySubsettingToRank(rank, int(min(n, math.MaxInt32)), bucket)...)
	}
	return kept
}

// applySubsettingToRank keeps n endpoints of all groups together. If the groups have fixed shares of the calls,
// each group keeps its share, and its number of endpoints is its share of n, but at least 1. These may be more than
// n in all.
func applySubsettingToRank(rank []localityGroup, n int, bucket uint16) []localityGroup {
	var all []lbEndpoint
	total := uint64(0)
	for _, g := range rank {
		all = append(all, g.endpoints...)
		total += uint64(g.weight)
	}
	if len(all) <= n {
		return rank
	}
	limit := scoreLimit(all, n, bucket)
	var kept []localityGroup
	for _, g := range rank {
		if g.fixedWeight {
			share := math.Round(float64(n) * float64(g.weight) / float64(total))
			limit = scoreLimit(g.endpoints, max(int(share), 1), bucket)
		}
		g.endpoints = slices.DeleteFunc(slices.Clone(g.endpoints), func(b lbEndpoint) bool { return score(b.endpoint, bucket) > limit })
		if len(g.endpoints) == 0 {
			continue
		}
		if !g.fixedWeight {
			g.weight = endpointsWeight(g.endpoints)
		}
		kept = append(kept, g)
	}
	return kept
}

// scoreLimit returns the n-th lowest score. If there are at most n endpoints, it returns the maximum.
func scoreLimit(all []lbEndpoint, n int, bucket uint16) uint64 {
	if len(all) <= n {
		return math.MaxUint64
	}
	scores := make([]uint64, len(all))
	for i, b := range all {
		scores[i] = score(b.endpoint, bucket)
	}
	slices.Sort(scores)
	return scores[n-1]
}

// score returns the score of an endpoint in a bucket. It is pseudo-random, and the same in every replica and at any
// time. It does not depend on the port of the Service, so that a client gets the same pods on all ports.
func score(e *mesh.Endpoint, bucket uint16) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // of FNV-1a
	h := uint64(offset)
	for i := range len(e.Address) {
		h = (h ^ uint64(e.Address[i])) * prime
	}
	for _, p := range e.Ports {
		h = (h ^ uint64(p.Number)) * prime
	}
	return mix64(h ^ mix64(uint64(bucket)))
}

// mix64 spreads small differences over all bits. It is the last step of SplitMix64.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
