package clientrules

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	weightedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// maxRing is the largest size of a ring that clients take; defaultRing the smallest size when none is asked for.
	maxRing, defaultRing = 8 << 20, 1024
	// maxNesting is how deep a list of policies may be nested.
	maxNesting = 16

	policyPrefix       = "type.googleapis.com/envoy.extensions.load_balancing_policies."
	localitiesType     = policyPrefix + "wrr_locality.v3.WrrLocality"
	ringType           = policyPrefix + "ring_hash.v3.RingHash"
	leastRequestType   = policyPrefix + "least_request.v3.LeastRequest"
	firstType          = policyPrefix + "pick_first.v3.PickFirst"
	weightedByLoadType = policyPrefix + "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin"
)

// policyTypes are the policies that may stand in a list, with the clients that know them. A policy of an application's own is none
// of them: whoever does not have it goes on to the next.
var policyTypes = map[string]mesh.ClientKinds{
	policyPrefix + "round_robin.v3.RoundRobin": notRust,
	localitiesType:     notRust,
	ringType:           notRust,
	leastRequestType:   inGo | inJava,
	weightedByLoadType: inGo | inJava | inCore,
	firstType:          inGo | inJava | inCore,
}

// policyFeatures are what clients lack that pass over a policy which later ones of their kind know.
var policyFeatures = map[string]mesh.Features{
	leastRequestType:   mesh.FeatureLeastRequest,
	weightedByLoadType: mesh.FeatureWeightedRoundRobin,
	firstType:          mesh.FeaturePickFirst,
}

// balancer looks at the enum, which clients that read the list look at as well, and at the list.
func (l *checker) balancer(m *clusterv3.Cluster) {
	switch m.GetLbPolicy() {
	case clusterv3.Cluster_ROUND_ROBIN:
	case clusterv3.Cluster_RING_HASH:
		l.reject(inRust|l.missing(mesh.FeatureRingHash), "is balanced by ring hash")
		c := m.GetRingHashLbConfig()
		l.ringHash(c.GetHashFunction() == clusterv3.Cluster_RingHashLbConfig_XX_HASH, c.GetMinimumRingSize(), c.GetMaximumRingSize())
	case clusterv3.Cluster_LEAST_REQUEST:
		l.reject(inCore|inNode|l.missing(mesh.FeatureLeastRequest)&^inRust, "is balanced by least request, not in a list of policies")
		l.choiceCount(m.GetLeastRequestLbConfig().GetChoiceCount())
	default:
		l.reject(allKinds, "is balanced by %s", m.GetLbPolicy())
	}
	if m.GetLoadBalancingPolicy() != nil {
		l.policies(m.GetLoadBalancingPolicy(), notRust, 0)
	}
}

// policies is a list of which each client takes the first policy that it knows, and refuses the cluster when there is none or it
// does not like what it found: it does not go on.
func (l *checker) policies(list *clusterv3.LoadBalancingPolicy, kinds mesh.ClientKinds, depth int) {
	if depth == maxNesting {
		l.reject(kinds, "has load balancing policies nested deeper than %d", maxNesting)
		return
	}
	looking := kinds &^ unknownClients
	for _, p := range list.GetPolicies() {
		config := p.GetTypedExtensionConfig().GetTypedConfig()
		if found := policyTypes[config.GetTypeUrl()] & looking; found != 0 {
			l.policy(config, found|unknownClients, depth)
			looking &^= found &^ l.missing(policyFeatures[config.GetTypeUrl()])
		}
	}
	if looking != 0 {
		l.reject(looking|unknownClients, "has a list of load balancing policies whose last one some clients do not know")
	}
}

func (l *checker) policy(config *anypb.Any, kinds mesh.ClientKinds, depth int) {
	var err error
	switch config.GetTypeUrl() {
	case localitiesType:
		m := &wrrlocalityv3.WrrLocality{}
		err = config.UnmarshalTo(m)
		l.policies(m.GetEndpointPickingPolicy(), kinds, depth+1)
	case ringType:
		m := &ringhashv3.RingHash{}
		err = config.UnmarshalTo(m)
		l.ringHash(m.GetHashFunction() == ringhashv3.RingHash_XX_HASH, m.GetMinimumRingSize(), m.GetMaximumRingSize())
		if m.GetMinimumRingSize() != nil || m.GetMaximumRingSize() != nil {
			// It compares the message that holds the size with a number.
			l.reject(inNode&kinds, "sets a ring size")
		}
	case leastRequestType:
		m := &leastrequestv3.LeastRequest{}
		err = config.UnmarshalTo(m)
		l.choiceCount(m.GetChoiceCount())
	case weightedByLoadType:
		m := &weightedv3.ClientSideWeightedRoundRobin{}
		err = config.UnmarshalTo(m)
		if m.GetErrorUtilizationPenalty().GetValue() < 0 {
			l.reject(kinds, "has a negative error utilization penalty")
		}
		for _, d := range []duration{m.GetBlackoutPeriod(), m.GetOobReportingPeriod(), m.GetWeightExpirationPeriod(), m.GetWeightUpdatePeriod()} {
			if !validDuration(d) {
				l.reject(inCore&kinds, "weighs endpoints by the duration %v", d)
			}
		}
	}
	if err != nil {
		l.reject(kinds, "has a load balancing policy that cannot be read: %v", err)
	}
}

func (l *checker) ringHash(known bool, smallest, largest *wrapperspb.UInt64Value) {
	if !known {
		l.reject(notRust, "has a hash function other than XX_HASH")
	}
	low, high := uint64(defaultRing), uint64(maxRing)
	if smallest != nil {
		low = smallest.GetValue()
	}
	if largest != nil {
		high = largest.GetValue()
	}
	if low == 0 || high == 0 {
		l.reject(inJava|inCore|inNode, "has a ring of size 0")
	}
	if low > maxRing || high > maxRing || low > high {
		l.reject(notRust, "has a ring of at least %d entries and at most %d", low, high)
	}
}

func (l *checker) choiceCount(n *wrapperspb.UInt32Value) {
	if n != nil && n.GetValue() < 2 {
		l.reject(inGo|inJava, "has the choice count %d for least request", n.GetValue())
	}
}
