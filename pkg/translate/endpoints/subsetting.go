package endpoints

import (
	"math"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// A Service may give each client a part of its endpoints, so that hundreds of clients do not each hold connections
// to hundreds of endpoints. Which part depends on the client's bucket alone: every endpoint has a score in every
// bucket, and the endpoints of the lowest scores are taken. An endpoint that comes or goes therefore changes the
// part only of buckets that gain or lose it, and nobody else is told.

// applySubsetting keeps n endpoints of each rank for the clients of a bucket, or all without a bucket. Failover
// finds as many in the next rank as there were in the first.
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

// applySubsettingToRank takes the endpoints from wherever they are. Where groups have shares of the calls, each
// keeps its share, and gives as many endpoints as that comes to: one at least, even should it be one too many.
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
			part := math.Round(float64(n) * float64(g.weight) / float64(total))
			limit = scoreLimit(g.endpoints, max(int(part), 1), bucket)
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

// scoreLimit is the greatest score among the n lowest ones.
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

// score is how far an endpoint is from being taken in a bucket: a number that looks random, and is the same
// everywhere and always. It does not depend on the port of the Service, so that a client calls the same pods on all
// ports.
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

// mix64 makes numbers that are alike differ in all bits. It is the last step of SplitMix64.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
