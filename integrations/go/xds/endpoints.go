package xds

import (
	"errors"
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// assignment is a ClusterLoadAssignment.
type assignment struct {
	// priorities has the localities by priority; the first is called while it can be.
	priorities [][]localityOf
	// drops are the shares of calls that fail, each from 0 to 1.
	drops []float64
}

type localityOf struct {
	weight  uint64
	members []member
}

type member struct {
	address string
	weight  uint64
	zone    zone
}

// readAssignment fails if a client must reject the ClusterLoadAssignment.
func readAssignment(_ string, m *endpointv3.ClusterLoadAssignment) (*assignment, error) {
	out := &assignment{}
	byPriority := map[uint32][]localityOf{}
	for _, l := range m.GetEndpoints() {
		weight := uint64(l.GetLoadBalancingWeight().GetValue())
		if weight == 0 {
			continue // It gets no calls.
		}
		members, err := readMembers(l)
		if err != nil {
			return nil, err
		}
		byPriority[l.GetPriority()] = append(byPriority[l.GetPriority()], localityOf{weight, members})
	}
	for p := range uint32(len(byPriority)) {
		localities, ok := byPriority[p]
		if !ok {
			return nil, fmt.Errorf("there is no priority %d, and a later one", p)
		}
		// A locality without endpoints gets no calls either.
		localities = slices.DeleteFunc(localities, func(l localityOf) bool { return len(l.members) == 0 })
		if len(localities) > 0 {
			out.priorities = append(out.priorities, localities)
		}
	}
	for _, d := range m.GetPolicy().GetDropOverloads() {
		share, err := fraction(d.GetDropPercentage())
		if err != nil {
			return nil, fmt.Errorf("drop_overloads: %w", err)
		}
		out.drops = append(out.drops, share)
	}
	return out, nil
}

func readMembers(l *endpointv3.LocalityLbEndpoints) ([]member, error) {
	var members []member
	for _, e := range l.GetLbEndpoints() {
		if h := e.GetHealthStatus(); h != corev3.HealthStatus_HEALTHY && h != corev3.HealthStatus_UNKNOWN {
			continue
		}
		address, err := addressOf(e.GetEndpoint().GetAddress())
		if err != nil {
			return nil, err
		}
		weight := uint64(1)
		if w := e.GetLoadBalancingWeight(); w != nil {
			if weight = uint64(w.GetValue()); weight == 0 {
				return nil, errors.New("an endpoint has the weight 0")
			}
		}
		members = append(members, member{address, weight, zoneOf(l.GetLocality())})
	}
	return members, nil
}

// oneAddress is the assignment of a cluster that is found by DNS.
func oneAddress(address string) *assignment {
	return &assignment{priorities: [][]localityOf{{{weight: 1, members: []member{{address: address, weight: 1}}}}}}
}
