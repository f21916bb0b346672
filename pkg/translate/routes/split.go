package routes

import "github.com/mizzen-mesh/mizzen/pkg/translate/resource"

// The limits of what splitting multiplies weights by, so that they do not overflow. Shares are exact up to these.
const (
	maxShares = 1 << 12
	maxScale  = 1 << 16
)

// splitClusters replaces each cluster by those of its endpoints that take calls in one way. If there are both kinds, each
// gets the share of calls that it has of the endpoints.
func splitClusters(all []weightedCluster) []weightedCluster {
	scale := uint64(1)
	for _, c := range all {
		if mtls, plain := shares(c); mtls > 0 && plain > 0 {
			scale = min(lcm(scale, mtls+plain), maxScale)
		}
	}
	split := make([]weightedCluster, 0, len(all))
	for _, c := range all {
		weight := c.weight * scale
		mtls, plain := shares(c)
		one := func(name string, share uint64) {
			part := c
			part.cluster = name
			if part.weight = weight * share / (mtls + plain); weight > 0 {
				part.weight = max(part.weight, 1)
			}
			split = append(split, part)
		}
		if plain > 0 {
			one(c.cluster, plain)
		}
		if mtls > 0 {
			one(resource.MTLSCluster(c.cluster), mtls)
		}
	}
	return split
}

// shares returns in which ratio the calls to a cluster go to the endpoints that take them over TLS and to the others. If
// no endpoint gets calls, they go to those of which it is known how they would take them.
func shares(c weightedCluster) (mtls, plain uint64) {
	mtls, plain = c.split.MTLS, c.split.Plaintext
	switch {
	case mtls+plain == 0 && len(c.split.Accounts) > 0:
		return 1, 0
	case mtls == 0:
		return 0, 1
	case plain == 0:
		return 1, 0
	}
	common := gcd(mtls, plain)
	mtls, plain = mtls/common, plain/common
	if sum := mtls + plain; sum > maxShares {
		mtls, plain = max(mtls*maxShares/sum, 1), max(plain*maxShares/sum, 1)
	}
	return mtls, plain
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b uint64) uint64 { return a / gcd(a, b) * b }
