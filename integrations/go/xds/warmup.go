package xds

import (
	"math"
	"math/rand/v2"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// warmup has a new endpoint get a growing share of the calls. The zero value warms up nothing.
type warmup struct {
	window             time.Duration
	aggression, lowest float64
}

func readWarmup(c *clusterv3.Cluster) warmup {
	s := c.GetRoundRobinLbConfig().GetSlowStartConfig()
	if s == nil {
		s = c.GetLeastRequestLbConfig().GetSlowStartConfig()
	}
	out := warmup{window: s.GetSlowStartWindow().AsDuration(), aggression: 1, lowest: 0.1}
	if a := s.GetAggression().GetDefaultValue(); a > 0 {
		out.aggression = a
	}
	if p := s.GetMinWeightPercent(); p != nil {
		out.lowest = p.GetValue() / 100
	}
	return out
}

// passes reports whether an endpoint takes the call that it was chosen for. Of endpoints that warm up it is a part of them.
func (w warmup) passes(e *endpoint, now time.Time) bool {
	if w.window <= 0 || e.since.IsZero() {
		return true
	}
	age := now.Sub(e.since)
	if age >= w.window {
		return true
	}
	return rand.Float64() < max(w.lowest, math.Pow(float64(max(age, time.Millisecond))/float64(w.window), 1/w.aggression)) //nolint:gosec // no secret
}
