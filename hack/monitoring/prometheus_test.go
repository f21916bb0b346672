package monitoring

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
)

// interval is how often Prometheus scrapes and evaluates.
const interval = 15 * time.Second

// prom is a Prometheus with files of manifests/monitoring, at a time that the test moves.
type prom struct {
	t      *testing.T
	now    time.Time
	store  *teststorage.TestStorage
	engine *promql.Engine
	groups []*rules.Group
	// fired are the names and reasons of the alerts that Prometheus sent.
	fired []string
}

func newProm(t *testing.T, files ...string) *prom {
	t.Helper()
	grammar := parser.NewParser(parser.Options{})
	p := &prom{
		t: t, now: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), store: teststorage.New(t),
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: grammar}),
	}
	manager := rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Context: t.Context(), AppendableV2: p.store, Queryable: p.store, Logger: slog.New(slog.DiscardHandler), Parser: grammar,
		QueryFunc: rules.EngineQueryFunc(p.engine, p.store),
		NotifyFunc: func(_ context.Context, _ string, alerts ...*rules.Alert) {
			for _, a := range alerts {
				p.fired = append(p.fired, a.Labels.Get("alertname")+" "+a.Labels.Get("reason"))
			}
		},
	})
	for _, file := range files {
		groups, errs := manager.LoadGroups(interval, labels.EmptyLabels(), "", nil, false, "../../manifests/monitoring/"+file)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, g := range groups {
			p.groups = append(p.groups, g)
		}
	}
	return p
}

// tick scrapes the replicas by their names, evaluates the rules, and moves the time by an interval.
func (p *prom) tick(replicas map[string]prometheus.Collector) {
	p.t.Helper()
	for pod, collector := range replicas {
		p.scrape(pod, collector)
	}
	for _, g := range p.groups {
		g.Eval(p.t.Context(), p.now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				p.t.Fatalf("%s: %v", r.Name(), err)
			}
		}
	}
	p.now = p.now.Add(interval)
}

// scrape stores what a replica serves on /metrics, with the labels of scrape.yaml.
func (p *prom) scrape(pod string, collector prometheus.Collector) {
	p.t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	p.scrapeFrom("mizzen", pod, registry)
}

// scrapeFrom stores what a pod of a job serves on /metrics.
func (p *prom) scrapeFrom(job, pod string, registry *prometheus.Registry) {
	p.t.Helper()
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	samples, err := textparse.New(text, "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	appender := p.store.AppenderV2(p.t.Context())
	for {
		entry, err := samples.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		samples.Labels(&own)
		_, _, value := samples.Series()
		all := labels.NewBuilder(own).Set("job", job).Set("instance", pod+":8081").Set("pod", pod).Labels()
		if _, err := appender.Append(0, all, 0, p.now.UnixMilli(), value, nil, nil, storage.AppendV2Options{}); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := appender.Commit(); err != nil {
		p.t.Fatal(err)
	}
}

// query returns what a query gives at the time of the last scrape.
func (p *prom) query(text string) promql.Vector {
	p.t.Helper()
	q, err := p.engine.NewInstantQuery(p.t.Context(), p.store, nil, text, p.now.Add(-interval))
	if err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	defer q.Close()
	found, err := q.Exec(p.t.Context()).Vector()
	if err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	return slices.Clone(found)
}

// number returns the one value that a query gives.
func (p *prom) number(text string) float64 {
	p.t.Helper()
	found := p.query(text)
	if len(found) != 1 {
		p.t.Fatalf("%s: got %d values, want 1", text, len(found))
	}
	return found[0].F
}
