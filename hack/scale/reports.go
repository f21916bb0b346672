package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// reportedClusters and reportedZones are what each stream reports about.
	reportedClusters, reportedZones = 5, 2
	// reportingWorkloads is the number of workloads that the streams are of: with the clusters and zones, 50,000 edges.
	reportingWorkloads = 5000
	// reportIntervals is how many intervals are measured.
	reportIntervals = 3
)

// workload is the number of the workload that a client is of.
func workload(id int) int { return id % reportingWorkloads }

// reporters are the streams on which the clients of a fleet report their load.
type reporters struct {
	fleet   *fleet
	cancel  context.CancelFunc
	running sync.WaitGroup
	// sent counts reports, failed streams that ended.
	sent, failed atomic.Int64
	// interval is how often the server wants reports.
	interval atomic.Int64
}

// report opens a stream for each client, on its connection.
func (f *fleet) report(ctx context.Context) *reporters {
	r := &reporters{fleet: f}
	ctx, r.cancel = context.WithCancel(ctx)
	for _, c := range f.clients {
		r.running.Go(func() {
			if err := r.run(ctx, c); err != nil && ctx.Err() == nil {
				r.failed.Add(1)
				f.o.logf("a stream for reports ended: %v", err)
			}
		})
	}
	return r
}

func (r *reporters) stop() {
	r.cancel()
	r.running.Wait()
}

// run reports as often as the server wants. Clients begin at different times.
func (r *reporters) run(ctx context.Context, c *client) error {
	stream, err := r.fleet.conn(c.id).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		loadv3.LoadReportingService_StreamLoadStats_FullMethodName, grpc.ForceCodecV2(codec{}))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&loadv3.LoadStatsRequest{Node: r.fleet.node(c.id)}); err != nil {
		return cause(stream, err)
	}
	var answer loadv3.LoadStatsResponse
	if err := stream.RecvMsg(&answer); err != nil {
		return err
	}
	interval := answer.GetLoadReportingInterval().AsDuration()
	if interval <= 0 {
		return fmt.Errorf("the server wants a report every %v", interval)
	}
	r.interval.Store(int64(interval))
	message, err := proto.Marshal(c.load(interval))
	if err != nil {
		return err
	}
	pause(ctx, rand.N(interval)) //nolint:gosec // spreads the reports
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := stream.SendMsg(mem.BufferSlice{mem.SliceBuffer(message)}); err != nil {
			return cause(stream, err)
		}
		r.sent.Add(1)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// load is a report about some of the client's clusters.
func (c *client) load(interval time.Duration) *loadv3.LoadStatsRequest {
	report := &loadv3.LoadStatsRequest{}
	for _, name := range c.subscriptions[clusters].names[:min(reportedClusters, len(c.subscriptions[clusters].names))] {
		stats := &endpointv3.ClusterStats{ClusterName: name, ClusterServiceName: name, LoadReportInterval: durationpb.New(interval)}
		for zone := range reportedZones {
			stats.UpstreamLocalityStats = append(stats.UpstreamLocalityStats, &endpointv3.UpstreamLocalityStats{
				Locality:                &corev3.Locality{Region: "region", Zone: fmt.Sprint("zone-", zone)},
				TotalSuccessfulRequests: 1000, TotalErrorRequests: 10, TotalIssuedRequests: 1010, TotalRequestsInProgress: 5,
			})
		}
		report.ClusterStats = append(report.ClusterStats, stats)
	}
	return report
}

// reports measures what reports cost: the server's CPU, memory and allocations, and how long changes take meanwhile.
func reports(ctx context.Context, s *session) error {
	const before, with = scenarioChurn + " without reports", scenarioChurn + " with reports"
	if err := s.roundsOf(ctx, before, s.plan.moves()); err != nil {
		return err
	}
	s.quiet(ctx)
	streams, resident := float64(s.o.streams), s.meter.rss()
	idle := s.meter.share(ctx, s.o.settle)
	r := s.fleet.report(ctx)
	defer r.stop()
	s.until(ctx, func() bool { return r.sent.Load()+r.failed.Load() >= int64(s.o.streams) })
	interval := time.Duration(r.interval.Load())
	pause(ctx, interval)
	sent, failed := r.sent.Load(), r.failed.Load()
	share := s.meter.share(ctx, reportIntervals*interval)
	sent = r.sent.Load() - sent
	s.results.add(scenarioReports, "reports", "a second", float64(sent)/(reportIntervals*interval).Seconds())
	s.results.add(scenarioReports, "ended streams", "", float64(failed))
	s.results.cost(scenarioReports, "CPU before", "% of a core", 100*idle)
	s.results.cost(scenarioReports, "CPU", "% of a core", 100*share)
	s.results.cost(scenarioReports, "CPU for it", "µs a report", 1e6*(share-idle)*(reportIntervals*interval).Seconds()/max(1, float64(sent)))
	s.results.cost(scenarioReports, "RSS of it", "kB a stream", (s.meter.rss()-resident)*1024/streams)
	if s.meter.metrics != "" {
		if err := s.scrape(ctx); err != nil {
			return err
		}
	}
	if err := s.roundsOf(ctx, with, s.plan.moves()); err != nil {
		return err
	}
	s.results.ratio("with ÷ without reports", with, before, "p50", "last, p50", "p50 with the write", "CPU")
	return ctx.Err()
}

// share returns how many cores the server uses for a while.
func (m meter) share(ctx context.Context, d time.Duration) float64 {
	cpu, began := m.cpu(), time.Now()
	pause(ctx, max(d, time.Second))
	return (m.cpu() - cpu).Seconds() / time.Since(began).Seconds()
}

// scrape measures the metrics of the edges.
func (s *session) scrape(ctx context.Context) error {
	cpu, began := s.meter.cpu(), time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.meter.metrics, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	edges := 0
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "mizzen_calls_in_progress{") {
			edges++
		}
	}
	s.results.add(scenarioReports, "edges", "", float64(edges))
	s.results.add(scenarioReports, "a scrape", "MiB", float64(len(body))/(1<<20))
	s.results.add(scenarioReports, "a scrape takes", "ms", ms(time.Since(began)))
	s.results.cost(scenarioReports, "CPU of a scrape", "ms", ms(s.meter.cpu()-cpu))
	return nil
}
