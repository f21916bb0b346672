package xds

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// outliers says when an endpoint that fails plain HTTP calls is left out for a while. Each rule is a number of failures in a row,
// and the percentage of the times at which it is enforced.
type outliers struct {
	fives, gateway, local failureRule
	splitLocal, one       bool
	interval, base, most  time.Duration
	// percent is the largest share of endpoints that is ejected; the share that is left is at least healthy.
	percent, healthy float64
}

type failureRule struct {
	failures, enforced uint32
}

// readOutliers returns nil if no endpoint is ejected.
func readOutliers(c *clusterv3.Cluster) *outliers {
	o := c.GetOutlierDetection()
	if o == nil {
		return nil
	}
	out := &outliers{
		fives:      failureRule{number(o.GetConsecutive_5Xx(), 5), number(o.GetEnforcingConsecutive_5Xx(), 100)},
		gateway:    failureRule{number(o.GetConsecutiveGatewayFailure(), 5), number(o.GetEnforcingConsecutiveGatewayFailure(), 0)},
		local:      failureRule{number(o.GetConsecutiveLocalOriginFailure(), 5), number(o.GetEnforcingConsecutiveLocalOriginFailure(), 100)},
		splitLocal: o.GetSplitExternalLocalOriginErrors(), one: o.GetAlwaysEjectOneHost().GetValue(),
		interval: max(1, length(o.GetInterval(), 10*time.Second)), base: length(o.GetBaseEjectionTime(), 30*time.Second),
		most: length(o.GetMaxEjectionTime(), 300*time.Second), percent: float64(number(o.GetMaxEjectionPercent(), 10)), healthy: 50,
	}
	out.most = max(out.most, out.base)
	if p := c.GetCommonLbConfig().GetHealthyPanicThreshold(); p != nil {
		out.healthy = p.GetValue()
	}
	return out
}

func number(v *wrapperspb.UInt32Value, unset uint32) uint32 {
	if v == nil {
		return unset
	}
	return v.GetValue()
}

func length(d *durationpb.Duration, unset time.Duration) time.Duration {
	if d == nil {
		return unset
	}
	return d.AsDuration()
}

// record is how the calls of an endpoint ended.
type record struct {
	mu                    sync.Mutex
	fives, gateway, local uint32
	// ejections counts how often in a row it was ejected.
	ejections int64
	// calls and failed are of the interval.
	calls, failed uint32
}

// judge counts the end of a call, and ejects the endpoint if it failed too often in a row.
func (c *cluster) judge(e *endpoint, o Outcome, now time.Time) {
	b := c.current.Load()
	if b == nil || b.outliers == nil || o.unsent || e.ejectedUntil.Load() > now.UnixNano() {
		return
	}
	rules, r := b.outliers, &e.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.count(rules, o.Status) {
		return
	}
	r.fives, r.gateway, r.local = 0, 0, 0
	if b.mayEject(now) {
		if last := e.ejectedUntil.Load(); last != 0 { // Each interval without an ejection makes the next one shorter.
			r.ejections = max(0, r.ejections-(now.UnixNano()-last)/int64(rules.interval))
		}
		r.ejections++
		e.ejectedUntil.Store(now.Add(min(rules.most, rules.base*time.Duration(min(r.ejections, 1000)))).UnixNano())
	}
}

// count counts the end of a call, which had a response unless the status is 0. It reports whether it was one failure too many.
func (r *record) count(rules *outliers, status int) bool {
	switch {
	case status > 0 && status < http.StatusInternalServerError:
		r.fives, r.gateway, r.local = 0, 0, 0
		return false
	case status == 0 && rules.splitLocal:
		r.local++
		return rules.local.met(r.local)
	}
	r.local = 0 // there was a connection
	r.fives++
	r.gateway++
	if status != 0 && (status < http.StatusBadGateway || status > http.StatusGatewayTimeout) {
		r.gateway = 0
	}
	return rules.gateway.met(r.gateway) || rules.fives.met(r.fives)
}

func (r failureRule) met(failures uint32) bool {
	return r.failures > 0 && failures >= r.failures && rand.Uint32N(100) < r.enforced //nolint:gosec // no secret
}

// mayEject reports whether one more endpoint may be left out.
func (b *balancer) mayEject(now time.Time) bool {
	all, ejected := 0.0, 0.0
	for _, p := range b.priorities {
		for _, g := range p.groups {
			for _, e := range g.endpoints {
				all++
				if e.ejectedUntil.Load() > now.UnixNano() {
					ejected++
				}
			}
		}
	}
	if 100*(all-ejected-1) < b.outliers.healthy*all {
		return false
	}
	return 100*(ejected+1) <= b.outliers.percent*all || b.outliers.one && ejected == 0
}
