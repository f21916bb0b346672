package xds

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
)

// balancing is how the endpoints of a cluster are chosen.
type balancing struct {
	// localities is set if localities get calls by their weights. Otherwise all endpoints of a priority are alike.
	localities bool
	choice     choice
	// samples is how many endpoints least request compares.
	samples int
	warmup  warmup
}

type choice uint8

const (
	roundRobin choice = iota
	leastRequest
	pickFirst
	atRandom
	byHash
)

// clusterSettings is a Cluster.
type clusterSettings struct {
	// endpoints is the name of the ClusterLoadAssignment; empty if own is set.
	endpoints string
	// own is the one endpoint of a cluster that is found by DNS.
	own         *assignment
	balancing   balancing
	maxRequests int64
	// maxRetries limits the retries of plain HTTP calls at once; -1 is no limit.
	maxRetries int64
	outliers   *outliers
	ratios     *ratios
	// connectTimeout is zero if the cluster states none.
	connectTimeout time.Duration
	// reported is set if the control plane wants to know how calls end.
	reported bool
	// unread is what cannot be supported, and what calls must not do without.
	unread string
}

// withTLS is why calls to a cluster with TLS settings fail.
const withTLS = "TLS settings, and this client connects in plaintext only"

// defaultMaxRequests is Envoy's and gRPC's limit of calls at once to a cluster that states none.
const defaultMaxRequests = 1024

// readCluster fails if a client must reject the Cluster.
func readCluster(name string, c *clusterv3.Cluster) (*clusterSettings, error) {
	out := &clusterSettings{maxRequests: defaultMaxRequests, maxRetries: -1, connectTimeout: c.GetConnectTimeout().AsDuration()}
	switch c.GetType() {
	case clusterv3.Cluster_EDS:
		if source := c.GetEdsClusterConfig().GetEdsConfig(); source.GetAds() == nil && source.GetSelf() == nil {
			return nil, errors.New("the endpoints are not from ADS")
		}
		if out.endpoints = c.GetEdsClusterConfig().GetServiceName(); out.endpoints == "" {
			out.endpoints = name
		}
	case clusterv3.Cluster_LOGICAL_DNS:
		localities := c.GetLoadAssignment().GetEndpoints()
		if len(localities) != 1 || len(localities[0].GetLbEndpoints()) != 1 {
			return nil, errors.New("a cluster of type LOGICAL_DNS needs one endpoint")
		}
		address, err := addressOf(localities[0].GetLbEndpoints()[0].GetEndpoint().GetAddress())
		if err != nil {
			return nil, err
		}
		out.own = oneAddress(address)
	default:
		return nil, fmt.Errorf("the type %s is not supported", c.GetType())
	}
	if c.GetTransportSocket() != nil || len(c.GetTransportSocketMatches()) > 0 {
		out.unread = withTLS
	}
	out.limit(c.GetCircuitBreakers())
	out.outliers, out.ratios = readOutliers(c), readRatios(c)
	out.reported = c.GetLrsServer().GetSelf() != nil
	var err error
	out.balancing, err = readBalancing(c)
	return out, err
}

// limit reads the limits of what one client has under way.
func (s *clusterSettings) limit(c *clusterv3.CircuitBreakers) {
	for _, t := range c.GetThresholds() {
		if t.GetPriority() != corev3.RoutingPriority_DEFAULT {
			continue
		}
		if t.GetMaxRequests() != nil {
			s.maxRequests = int64(t.GetMaxRequests().GetValue())
		}
		if t.GetMaxRetries() != nil {
			s.maxRetries = int64(t.GetMaxRetries().GetValue())
		}
	}
}

// readBalancing takes the first policy that is known. The enum is for clusters without a list.
func readBalancing(c *clusterv3.Cluster) (balancing, error) {
	if policies := c.GetLoadBalancingPolicy().GetPolicies(); len(policies) > 0 {
		return firstPolicy(policies)
	}
	warm := readWarmup(c)
	switch c.GetLbPolicy() {
	case clusterv3.Cluster_LEAST_REQUEST:
		return balancing{localities: true, choice: leastRequest, samples: samples(c.GetLeastRequestLbConfig().GetChoiceCount().GetValue()), warmup: warm}, nil
	case clusterv3.Cluster_RANDOM:
		return balancing{localities: true, choice: atRandom}, nil
	case clusterv3.Cluster_RING_HASH:
		return balancing{localities: true, choice: byHash}, nil
	case clusterv3.Cluster_ROUND_ROBIN:
		return balancing{localities: true, warmup: warm}, nil
	default:
		return balancing{}, fmt.Errorf("lb_policy %s is not supported", c.GetLbPolicy())
	}
}

func firstPolicy(policies []*clusterv3.LoadBalancingPolicy_Policy) (balancing, error) {
	var names []string
	for _, p := range policies {
		config := p.GetTypedExtensionConfig().GetTypedConfig()
		locality, least, first := &wrrlocalityv3.WrrLocality{}, &leastrequestv3.LeastRequest{}, &pickfirstv3.PickFirst{}
		switch {
		case config.UnmarshalTo(locality) == nil:
			inside, err := firstPolicy(locality.GetEndpointPickingPolicy().GetPolicies())
			inside.localities = true
			return inside, err
		case config.UnmarshalTo(least) == nil:
			return balancing{choice: leastRequest, samples: samples(least.GetChoiceCount().GetValue())}, nil
		case config.UnmarshalTo(first) == nil:
			return balancing{choice: pickFirst}, nil
		case config.MessageIs(&ringhashv3.RingHash{}):
			return balancing{localities: true, choice: byHash}, nil
		case config.MessageIs(&roundrobinv3.RoundRobin{}):
			return balancing{}, nil
		}
		names = append(names, p.GetTypedExtensionConfig().GetName())
	}
	return balancing{}, fmt.Errorf("none of the load balancing policies %q is supported", names)
}

// samples is how many endpoints least request compares: 2 if nothing is set.
func samples(n uint32) int { return int(min(max(n, 2), 10)) }

func addressOf(a *corev3.Address) (string, error) {
	s := a.GetSocketAddress()
	if s.GetAddress() == "" || s.GetPortValue() == 0 || s.GetPortValue() > 65535 {
		return "", errors.New("an endpoint has no address and port")
	}
	return net.JoinHostPort(s.GetAddress(), strconv.Itoa(int(s.GetPortValue()))), nil
}
