package xds

import (
	"math"
	"math/rand/v2"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// ratios says when an endpoint that fails calls of RPC frameworks is left out for a while, as in gRPC: by the share of its calls in an
// interval that failed, with any status.
type ratios struct {
	interval, base, most time.Duration
	percent              float64
	success, failure     *shareRule
}

// shareRule compares the endpoints that had volume calls, if at least hosts of them did.
type shareRule struct {
	hosts, volume, enforced uint32
	// limit is a percentage of failures, or a number of standard deviations in thousandths.
	limit float64
}

// readRatios returns nil if no endpoint is ejected.
func readRatios(c *clusterv3.Cluster) *ratios {
	o := c.GetOutlierDetection()
	out := &ratios{
		interval: max(1, length(o.GetInterval(), 10*time.Second)), base: length(o.GetBaseEjectionTime(), 30*time.Second),
		most: length(o.GetMaxEjectionTime(), 300*time.Second), percent: float64(number(o.GetMaxEjectionPercent(), 10)),
	}
	out.most = max(out.most, out.base)
	if enforced := number(o.GetEnforcingSuccessRate(), 100); o != nil && enforced > 0 {
		out.success = &shareRule{number(o.GetSuccessRateMinimumHosts(), 5), number(o.GetSuccessRateRequestVolume(), 100), enforced, float64(number(o.GetSuccessRateStdevFactor(), 1900))}
	}
	if enforced := number(o.GetEnforcingFailurePercentage(), 0); enforced > 0 {
		out.failure = &shareRule{number(o.GetFailurePercentageMinimumHosts(), 5), number(o.GetFailurePercentageRequestVolume(), 50), enforced, float64(number(o.GetFailurePercentageThreshold(), 85))}
	}
	if out.success == nil && out.failure == nil {
		return nil
	}
	return out
}

// count counts the end of a call. The first one after an interval ejects the endpoints that failed too often in it.
func (c *cluster) count(e *endpoint, failed bool, now time.Time) {
	b := c.current.Load()
	if b == nil || b.ratios == nil {
		return
	}
	began := c.counted.Load()
	if began == 0 {
		c.counted.CompareAndSwap(0, now.UnixNano())
	} else if now.UnixNano()-began >= int64(b.ratios.interval) && c.counted.CompareAndSwap(began, now.UnixNano()) {
		b.sweep(began, now)
	}
	e.record.mu.Lock()
	defer e.record.mu.Unlock()
	e.record.calls++
	if failed {
		e.record.failed++
	}
}

// counts are the calls of an endpoint in an interval.
type counts struct {
	*endpoint
	calls uint32
	// rate is the percentage that succeeded.
	rate float64
}

// sweep ends the interval that began then.
func (b *balancer) sweep(began int64, now time.Time) {
	var all []counts
	ejected := 0
	for _, p := range b.priorities {
		for _, g := range p.groups {
			for _, e := range g.endpoints {
				all = append(all, e.record.take(e))
				if e.ejectedUntil.Load() > now.UnixNano() {
					ejected++
				}
			}
		}
	}
	for _, rule := range []*shareRule{b.ratios.success, b.ratios.failure} {
		if rule == nil {
			continue
		}
		for _, e := range rule.exceeding(all, rule == b.ratios.success) {
			if float64(100*ejected) >= b.ratios.percent*float64(len(all)) {
				break
			}
			if e.ejectedUntil.Load() <= now.UnixNano() && rand.Uint32N(100) < rule.enforced { //nolint:gosec // no secret
				ejected++
				times := time.Duration(min(e.record.again(1), 1000))
				e.ejectedUntil.Store(now.Add(min(b.ratios.most, b.ratios.base*times)).UnixNano())
			}
		}
	}
	for _, e := range all {
		if e.ejectedUntil.Load() <= began { // Each interval that it is not away makes the next time shorter.
			e.record.again(-1)
		}
	}
}

// take begins the next interval.
func (r *record) take(e *endpoint) counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := counts{e, r.calls, 100 * float64(r.calls-r.failed) / float64(max(r.calls, 1))}
	r.calls, r.failed = 0, 0
	return out
}

// again adds to how often the endpoint was ejected in a row.
func (r *record) again(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ejections = max(0, r.ejections+n)
	return r.ejections
}

// exceeding returns the endpoints that fail more than the rule allows.
func (r *shareRule) exceeding(all []counts, deviating bool) (out []counts) {
	var compared []counts
	sum := 0.0
	for _, e := range all {
		if e.calls >= r.volume && e.calls > 0 {
			compared = append(compared, e)
			sum += e.rate
		}
	}
	if len(compared) == 0 || len(compared) < int(r.hosts) {
		return nil
	}
	least := 100 - r.limit
	if deviating {
		mean, squares := sum/float64(len(compared)), 0.0
		for _, e := range compared {
			squares += (e.rate - mean) * (e.rate - mean)
		}
		least = mean - math.Sqrt(squares/float64(len(compared)))*r.limit/1000
	}
	for _, e := range compared {
		if e.rate < least {
			out = append(out, e)
		}
	}
	return out
}
