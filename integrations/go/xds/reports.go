package xds

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The control plane asks for reports about some clusters (LRS): how their calls ended since the last report, for each zone. A report
// that is lost with its stream is not sent again.

// tally counts the attempts at the endpoints of one zone: those that ended since the last report, and those under way.
type tally struct {
	ok, failed atomic.Uint64
	underWay   atomic.Int64
}

// end counts how an attempt ended.
func (t *tally) end(o Outcome) {
	t.underWay.Add(-1)
	if o.Err != nil || o.Status >= 500 {
		t.failed.Add(1)
	} else {
		t.ok.Add(1)
	}
}

// zone is a Locality.
type zone struct{ region, zone, subZone string }

func zoneOf(l *corev3.Locality) zone { return zone{l.GetRegion(), l.GetZone(), l.GetSubZone()} }

// tallyOf returns the counters of a zone. The caller holds the Client's lock.
func (c *cluster) tallyOf(z zone) *tally {
	if c.tallies == nil {
		c.tallies = map[zone]*tally{}
	}
	if c.tallies[z] == nil {
		c.tallies[z] = &tally{}
	}
	return c.tallies[z]
}

// maxUnused bounds the zones without endpoints whose counters are kept: a control plane may ask for reports and not take them.
const maxUnused = 100

// forget drops the counters of zones without endpoints, unless they have something to report. The caller holds the Client's lock.
func (c *cluster) forget(reported bool) {
	used := map[*tally]bool{}
	for _, e := range c.endpoints {
		used[e.tally] = true
	}
	unused := 0
	maps.DeleteFunc(c.tallies, func(_ zone, t *tally) bool {
		switch {
		case used[t]:
			return false
		case !reported || t.ok.Load()+t.failed.Load()+uint64(max(0, t.underWay.Load())) == 0:
			return true
		}
		unused++
		return unused > maxUnused
	})
}

// shortestInterval bounds how often a control plane can have reports.
const shortestInterval = 100 * time.Millisecond

// keepReporting reports over a connection until the context ends, from when a cluster asks for it.
func (c *Client) keepReporting(ctx context.Context, conn *grpc.ClientConn) {
	for {
		if !c.isReporting() {
			select {
			case <-c.asked:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := c.reportTo(ctx, conn)
		switch {
		case ctx.Err() != nil:
			return
		case status.Code(err) == codes.Unimplemented:
			c.logger.Warn("the control plane asks for load reports and does not take them", "error", err)
			return
		}
		c.logger.Debug("the stream for load reports ended", "error", err)
		if sleep(ctx, firstPause+time.Duration(rand.Int64N(int64(firstPause)))) != nil { //nolint:gosec // no secret
			return
		}
	}
}

// isReporting reports whether a cluster asks for reports.
func (c *Client) isReporting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.clusters {
		if one.settings != nil && one.settings.reported {
			return true
		}
	}
	return false
}

// reportTo is one stream, from its beginning to its end.
func (c *Client) reportTo(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := loadv3.NewLoadReportingServiceClient(conn).StreamLoadStats(ctx)
	if err != nil {
		return err
	}
	node := proto.CloneOf(c.node)
	node.ClientFeatures = append(node.ClientFeatures, "envoy.lrs.supports_send_all_clusters")
	answers := receive(ctx, stream.Recv)
	if err := stream.Send(&loadv3.LoadStatsRequest{Node: node}); err != nil {
		return answers.end()
	}
	due := time.NewTicker(time.Hour)
	defer due.Stop()
	var asked *loadv3.LoadStatsResponse
	last := time.Now()
	for {
		select {
		case answer := <-answers.messages:
			// An answer that asks for the same does not put the next report off.
			if next := answer.GetLoadReportingInterval().AsDuration(); asked == nil || next != asked.GetLoadReportingInterval().AsDuration() {
				due.Reset(max(shortestInterval, next))
			}
			asked = answer
		case now := <-due.C:
			if asked == nil {
				continue
			}
			if err := stream.Send(&loadv3.LoadStatsRequest{ClusterStats: c.report(asked, now.Sub(last))}); err != nil {
				return answers.end()
			}
			last = now
		case err := <-answers.ended:
			return err
		}
	}
}

// report takes what was counted of the clusters that were asked for.
func (c *Client) report(asked *loadv3.LoadStatsResponse, interval time.Duration) (out []*endpointv3.ClusterStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, one := range c.clusters {
		if one.settings == nil || !one.settings.reported || !asked.GetSendAllClusters() && !slices.Contains(asked.GetClusters(), name) {
			continue
		}
		stats := &endpointv3.ClusterStats{
			ClusterName: name, ClusterServiceName: one.settings.endpoints, TotalDroppedRequests: one.dropped.Swap(0), LoadReportInterval: durationpb.New(interval),
		}
		for z, t := range one.tallies {
			ok, failed, underWay := t.ok.Swap(0), t.failed.Swap(0), max(0, t.underWay.Load())
			if ok+failed+uint64(underWay) == 0 {
				continue
			}
			stats.UpstreamLocalityStats = append(stats.UpstreamLocalityStats, &endpointv3.UpstreamLocalityStats{
				Locality:                &corev3.Locality{Region: z.region, Zone: z.zone, SubZone: z.subZone},
				TotalSuccessfulRequests: ok, TotalErrorRequests: failed, TotalIssuedRequests: ok + failed, TotalRequestsInProgress: uint64(underWay),
			})
		}
		if stats.TotalDroppedRequests > 0 || len(stats.UpstreamLocalityStats) > 0 {
			out = append(out, stats)
		}
	}
	return out
}
