package peers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

const (
	// maxAge is how old may be what is known of other replicas.
	maxAge = 2 * time.Second
	// patience is how long a replica may take to answer.
	patience = 2 * time.Second
	// maxAnswer bounds an answer, in bytes. One with 100,000 edges has less than half of it.
	maxAnswer = 64 << 20
	// header has the name of the replica that answers, by which one that asks all leaves itself out.
	header = "Mizzen-Replica"
)

// Own is the query with which Handler answers for this replica alone.
const Own = "replica=own"

// Options of Peers. All but Address and Lookup are required.
type Options struct {
	// Address is HOST:PORT: each address of the host is a replica, which answers with its Edges at the port. Empty for a single one.
	Address string
	// Path is where the Edges of a replica are.
	Path string
	// Edges are those of the clients of this replica.
	Edges func() []load.Edge
	// Lookup finds the addresses; nil for DNS.
	Lookup   func(ctx context.Context, network, host string) ([]netip.Addr, error)
	Logger   *slog.Logger
	Registry prometheus.Registerer
}

// Peers are the other replicas. It is safe for concurrent use.
type Peers struct {
	o      Options
	name   string
	client *http.Client
	absent prometheus.Gauge

	// asking has a value while the replicas are asked, and wanted if they are to be asked by Run.
	asking, wanted chan struct{}

	// mu protects the fields below.
	mu sync.Mutex
	// edges are what the others answered at the time at.
	edges []load.Edge
	at    time.Time
	// failing is set if the last time a replica did not answer. It is logged once.
	failing bool
}

// New returns Peers. It asks none of them before it is used.
func New(o Options) *Peers {
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupNetIP
	}
	p := &Peers{
		o: o, name: rand.Text(), asking: make(chan struct{}, 1), wanted: make(chan struct{}, 1),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}},
		absent: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_peers_absent", Help: "Other replicas that did not answer when they were last asked for their edges."}),
	}
	if o.Registry != nil && o.Address != "" {
		o.Registry.MustRegister(p.absent)
	}
	return p
}

// Run asks the others when Edges finds that what is known of them is old, until ctx ends.
func (p *Peers) Run(ctx context.Context) error {
	for {
		select {
		case <-p.wanted:
			p.ask(ctx)
		case <-ctx.Done():
			p.client.CloseIdleConnections()
			return nil
		}
	}
}

// Edges returns those of this replica with what is known of the others, without waiting for them.
func (p *Peers) Edges() []load.Edge {
	if p.isOld() {
		select {
		case p.wanted <- struct{}{}:
		default:
		}
	}
	return p.merged()
}

// Handler serves the edges of all replicas, or with the query Own those of this one.
func (p *Peers) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == Own {
			p.OwnHandler().ServeHTTP(w, r)
			return
		}
		p.ask(r.Context())
		write(w, p.merged())
	})
}

// OwnHandler serves the edges of this replica.
func (p *Peers) OwnHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(header, p.name)
		write(w, p.o.Edges())
	})
}

func write(w http.ResponseWriter, edges []load.Edge) {
	body, err := json.Marshal(append([]load.Edge{}, edges...)) // not nil, which is encoded as null
	if err != nil {
		http.Error(w, fmt.Sprintf("encode the edges: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client may have closed the connection
}

func (p *Peers) merged() []load.Edge {
	own := p.o.Edges()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.edges) == 0 {
		return own
	}
	return load.Merge(append(own, p.edges...))
}

func (p *Peers) isOld() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.o.Address != "" && time.Since(p.at) >= maxAge
}

// ask asks the other replicas, unless what is known is new. One caller at a time does, and the others wait for it.
func (p *Peers) ask(ctx context.Context) {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return
	}
	if !p.isOld() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	edges, absent, err := p.askAll(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		return // The caller does not want to know any more.
	}
	if err != nil {
		absent = max(absent, 1) // It is not known how many there are while their name cannot be resolved.
	}
	p.absent.Set(float64(absent))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edges, p.at = edges, time.Now()
	switch {
	case err != nil && !p.failing:
		p.o.Logger.Warn("cannot ask other replicas for their edges; what their clients report is missing from /api/edges and the page of this one", "replicas", absent, "error", err)
	case err == nil && p.failing:
		p.o.Logger.Info("all replicas tell their edges again")
	}
	p.failing = err != nil
}

// askAll returns the edges of all other replicas, and how many did not answer.
func (p *Peers) askAll(ctx context.Context) (edges []load.Edge, absent int, err error) {
	host, port, err := net.SplitHostPort(p.o.Address)
	if err != nil {
		return nil, 0, err
	}
	addresses, err := p.o.Lookup(ctx, "ip", host)
	if err != nil {
		return nil, 0, err
	}
	answers, failures := make([][]load.Edge, len(addresses)), make([]error, len(addresses))
	var all errgroup.Group
	for i, a := range addresses {
		all.Go(func() error {
			answers[i], failures[i] = p.askOne(ctx, net.JoinHostPort(a.Unmap().String(), port))
			return nil
		})
	}
	_ = all.Wait() // each has its own error
	for _, failure := range failures {
		if failure != nil {
			absent, err = absent+1, failure
		}
	}
	return slices.Concat(answers...), absent, err
}

// askOne returns the edges of a replica; none if it is this one.
func (p *Peers) askOne(ctx context.Context, address string) (edges []load.Edge, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+p.o.Path+"?"+Own, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %s", address, response.Status)
	case response.Header.Get(header) == p.name:
		return nil, nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&edges); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return edges, nil
}
