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
	// maxRing is the largest ring size that clients accept. defaultRing is the minimum size if the cluster does not
	// set it.
	maxRing, defaultRing = 8 << 20, 1024
	// maxNesting is the largest depth of nested lists of policies.
	maxNesting = 16

	policyPrefix       = "type.googleapis.com/envoy.extensions.load_balancing_policies."
	localitiesType     = policyPrefix + "wrr_locality.v3.WrrLocality"
	ringType           = policyPrefix + "ring_hash.v3.RingHash"
	leastRequestType   = policyPrefix + "least_request.v3.LeastRequest"
	firstType          = policyPrefix + "pick_first.v3.PickFirst"
	weightedByLoadType = policyPrefix + "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin"
)

// policyTypes are the known policies, with the client kinds that support each. A custom policy of an application is
// not listed: clients without it continue with the next policy of the list.
var policyTypes = map[string]mesh.ClientKinds{
	policyPrefix + "round_robin.v3.RoundRobin": notRust,
	localitiesType:     notRust,
	ringType:           notRust,
	leastRequestType:   inGo | inJava,
	weightedByLoadType: inGo | inJava | inCore,
	firstType:          inGo | inJava | inCore,
}

// policyFeatures has the policies that old versions of a client kind skip, because they lack the feature.
var policyFeatures = map[string]mesh.Features{
	leastRequestType:   mesh.FeatureLeastRequest,
	weightedByLoadType: mesh.FeatureWeightedRoundRobin,
	firstType:          mesh.FeaturePickFirst,
}

// balancer checks lb_policy and load_balancing_policy. Clients that use the list validate the enum, too.
func (c *checker) balancer(m *clusterv3.Cluster) {
	switch m.GetLbPolicy() {
	case clusterv3.Cluster_ROUND_ROBIN:
	case clusterv3.Cluster_RING_HASH:
		c.reject(inRust|c.missing(mesh.FeatureRingHash), "is balanced by ring hash")
		config := m.GetRingHashLbConfig()
		c.ringHash(config.GetHashFunction() == clusterv3.Cluster_RingHashLbConfig_XX_HASH, config.GetMinimumRingSize(), config.GetMaximumRingSize())
	case clusterv3.Cluster_LEAST_REQUEST:
		c.reject(inCore|inNode|c.missing(mesh.FeatureLeastRequest)&^inRust, "is balanced by least request, not in a list of policies")
		c.choiceCount(m.GetLeastRequestLbConfig().GetChoiceCount())
	default:
		c.reject(allKinds, "is balanced by %s", m.GetLbPolicy())
	}
	if m.GetLoadBalancingPolicy() != nil {
		c.policies(m.GetLoadBalancingPolicy(), notRust, 0)
	}
}

// policies checks a list of policies. Each client uses the first policy that it supports. It rejects the cluster if
// it supports none, or if the first one is invalid: it does not continue with the next.
func (c *checker) policies(list *clusterv3.LoadBalancingPolicy, kinds mesh.ClientKinds, depth int) {
	if depth == maxNesting {
		c.reject(kinds, "has load balancing policies nested deeper than %d", maxNesting)
		return
	}
	looking := kinds &^ unknownClients
	for _, p := range list.GetPolicies() {
		config := p.GetTypedExtensionConfig().GetTypedConfig()
		if found := policyTypes[config.GetTypeUrl()] & looking; found != 0 {
			c.policy(config, found|unknownClients, depth)
			looking &^= found &^ c.missing(policyFeatures[config.GetTypeUrl()])
		}
	}
	if looking != 0 {
		c.reject(looking|unknownClients, "has a list of load balancing policies whose last one some clients do not know")
	}
}

func (c *checker) policy(config *anypb.Any, kinds mesh.ClientKinds, depth int) {
	var err error
	switch config.GetTypeUrl() {
	case localitiesType:
		m := &wrrlocalityv3.WrrLocality{}
		err = config.UnmarshalTo(m)
		c.policies(m.GetEndpointPickingPolicy(), kinds, depth+1)
	case ringType:
		m := &ringhashv3.RingHash{}
		err = config.UnmarshalTo(m)
		c.ringHash(m.GetHashFunction() == ringhashv3.RingHash_XX_HASH, m.GetMinimumRingSize(), m.GetMaximumRingSize())
		if m.GetMinimumRingSize() != nil || m.GetMaximumRingSize() != nil {
			// gRPC for Node compares the wrapper message with a number.
			c.reject(inNode&kinds, "sets a ring size")
		}
	case leastRequestType:
		m := &leastrequestv3.LeastRequest{}
		err = config.UnmarshalTo(m)
		c.choiceCount(m.GetChoiceCount())
	case weightedByLoadType:
		m := &weightedv3.ClientSideWeightedRoundRobin{}
		err = config.UnmarshalTo(m)
		if m.GetErrorUtilizationPenalty().GetValue() < 0 {
			c.reject(kinds, "has a negative error utilization penalty")
		}
		for _, d := range []duration{m.GetBlackoutPeriod(), m.GetOobReportingPeriod(), m.GetWeightExpirationPeriod(), m.GetWeightUpdatePeriod()} {
			if !validDuration(d) {
				c.reject(inCore&kinds, "weighs endpoints by the duration %v", d)
			}
		}
	}
	if err != nil {
		c.reject(kinds, "has a load balancing policy that cannot be read: %v", err)
	}
}

func (c *checker) ringHash(known bool, smallest, largest *wrapperspb.UInt64Value) {
	if !known {
		c.reject(notRust, "has a hash function other than XX_HASH")
	}
	low, high := uint64(defaultRing), uint64(maxRing)
	if smallest != nil {
		low = smallest.GetValue()
	}
	if largest != nil {
		high = largest.GetValue()
	}
	if low == 0 || high == 0 {
		c.reject(inJava|inCore|inNode, "has a ring of size 0")
	}
	if low > maxRing || high > maxRing || low > high {
		c.reject(notRust, "has a ring of at least %d entries and at most %d", low, high)
	}
}

func (c *checker) choiceCount(n *wrapperspb.UInt32Value) {
	if n != nil && n.GetValue() < 2 {
		c.reject(inGo|inJava, "has the choice count %d for least request", n.GetValue())
	}
}
