package translate

import (
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// ringSize is the least number of entries of the rings that clients make unless told otherwise, as it is Istio's.
	ringSize = 1024
	// usualRingSize is the most that clients make, unless they are set up otherwise.
	usualRingSize = 4096
	// maxRingSize is the most that an author may ask for.
	maxRingSize = 8 << 20
	// channelID is the key of what a client hashes to tell its channels apart.
	channelID = "io.grpc.channel_id"
)

// Balancing by a hash has two halves that must agree: the cluster has a ring of its endpoints, and the route says what of a
// call is hashed to find a place in it. Both read the same setting; the cluster's half reports. See ring.go for the
// endpoints' part of the ring.

// consistentHash is the cluster's half. Where nothing of a call can be hashed calls go round robin: on a ring they would go
// at random. A size of its own is for clients that take sizes: gRPC for Node reads them as texts, and refuses the cluster for not
// being numbers.
func consistentHash(at fieldReporter, h *networking.LoadBalancerSettings_ConsistentHashLB, sizes bool) *clusterv3.LoadBalancingPolicy {
	if hashKey(at, h) == nil {
		return roundRobin()
	}
	at.ignored(mesh.FeatureRingHash)
	ring := &ringhashv3.RingHash{HashFunction: ringhashv3.RingHash_XX_HASH}
	if n := ringEntries(at, h); sizes && n != ringSize {
		ring.MinimumRingSize = wrapperspb.UInt64(n)
	}
	return policyList(
		// Bare, not inside localities: the ring spans all of them, or the same hash would lead to one endpoint in each.
		namedPolicy("ring_hash", ring),
		inLocalities(namedPolicy("round_robin", &roundrobinv3.RoundRobin{})),
	)
}

// hashKey says what of a call is hashed. It is nil, and reported, when gRPC sees nothing of the kind.
func hashKey(at fieldReporter, h *networking.LoadBalancerSettings_ConsistentHashLB) *routev3.RouteAction_HashPolicy {
	switch key := h.GetHashKey().(type) {
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName:
		name := strings.ToLower(key.HttpHeaderName)
		if reason := hiddenHeader(name); reason != "" {
			at.child("httpHeaderName").warnf(mesh.CodeUnsupported, "%s. Calls are balanced round robin. Hash a header that the application sends as metadata.", reason)
			return nil
		}
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{
			Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: name},
		}}
	case *networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp:
		if key.UseSourceIp {
			at.child("useSourceIp").approximatef("gRPC hashes the client's channel instead of its address. All calls of a channel go to one endpoint. Another channel may use another endpoint. To keep a user's calls together, hash a header.")
			return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_FilterState_{
				FilterState: &routev3.RouteAction_HashPolicy_FilterState{Key: channelID},
			}}
		}
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie:
		at.child("httpCookie").warnf(mesh.CodeUnsupported, noteCookie)
		return nil
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName:
		at.child("httpQueryParameterName").warnf(mesh.CodeUnsupported, noteQueryHash)
		return nil
	}
	at.errorf(mesh.CodeInvalidValue, "No hash key is set. Calls are balanced round robin. Set httpHeaderName.")
	return nil
}

// ringEntries is the least number of entries of the ring.
func ringEntries(at fieldReporter, h *networking.LoadBalancerSettings_ConsistentHashLB) uint64 {
	size, where := h.GetMinimumRingSize(), at.child("minimumRingSize") //nolint:staticcheck // authors still write it
	switch {
	case h.GetRingHash() != nil:
		size, where = h.GetRingHash().GetMinimumRingSize(), at.child("ringHash.minimumRingSize")
	case h.GetMaglev() != nil:
		at.child("maglev").approximatef("gRPC does not support Maglev. Clients use a hash ring instead, which also keeps calls together.")
	}
	switch {
	case size == 0 || size == ringSize:
		return ringSize
	case size > maxRingSize:
		where.errorf(mesh.CodeInvalidValue, "The ring size is more than %d. The size is %d instead. Set a smaller size.", maxRingSize, ringSize)
		return ringSize
	}
	where.approximatef("gRPC for Node rejects a cluster that sets a ring size, so it gets a ring of %d entries, as do unknown clients. "+
		"Other clients make a ring of at most %d entries, unless they are configured otherwise.", ringSize, usualRingSize)
	return size
}

// hashPolicyFor is the route's half, for calls to that port and subset of the host that the policy is for. It is nil when they are
// not balanced by a hash. p may be nil.
func hashPolicyFor(p *mesh.MergedDestinationRule, subset string, port uint32) *routev3.RouteAction_HashPolicy {
	var part *mesh.Subset
	if s, ok := p.Subset(subset); ok {
		part = &s
	}
	s := settingsFor(nil, p, part, port) // The cluster reports its Problems.
	if s.loadBalancer.GetConsistentHash() == nil {
		return nil
	}
	return hashKey(s.loadBalancerAt.child("consistentHash"), s.loadBalancer.GetConsistentHash())
}

// hashPolicies says what is hashed of a rule's calls. That is decided for the rule as a whole, though its destinations may differ.
func (t destinationResolver) hashPolicies(at fieldReporter, destinations []*networking.HTTPRouteDestination, listenerPort uint32) []*routev3.RouteAction_HashPolicy {
	var all []*routev3.RouteAction_HashPolicy
	for _, d := range destinations {
		if len(destinations) > 1 && d.GetWeight() <= 0 {
			continue
		}
		target := t.byHost[d.GetDestination().GetHost()]
		port := destinationPort(d.GetDestination(), target.Service, listenerPort)
		if port == 0 {
			continue // The rule is read for its Problems alone, and which setting would hold is not known.
		}
		policy := hashPolicyFor(target.DestinationRules.For(t.namespace, t.labels), d.GetDestination().GetSubset(), port)
		if policy != nil && !slices.ContainsFunc(all, func(p *routev3.RouteAction_HashPolicy) bool { return proto.Equal(p, policy) }) {
			all = append(all, policy)
		}
	}
	if len(all) > 1 {
		at.approximatef("The destinations have different hash keys, and gRPC hashes all of them for each call. " +
			"Only calls that agree in all keys stay together. Split the rule, or use one hash key.")
	}
	return all
}
