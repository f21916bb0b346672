package peers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/peers"
)

const path = "/api/edges"

// mesh are replicas, each at an address of loopback and the same port.
type mesh struct {
	t    *testing.T
	port string

	mu        sync.Mutex
	addresses []netip.Addr
	failure   error
}

func (m *mesh) lookup(_ context.Context, _, host string) ([]netip.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if host != "replicas" {
		m.t.Errorf("looked up %q", host)
	}
	return m.addresses, m.failure
}

func edge(workload string, calls uint64) load.Edge {
	return load.Edge{
		Source: load.Source{Namespace: "shop", Workload: workload}, Destination: load.Destination{Service: "cart", Namespace: "shop", Port: 80},
		Calls: calls, Reported: time.Unix(1, 0).UTC(),
	}
}

// replica starts one at an address, whose clients report so many calls of the workload both and of a workload of its own.
func (m *mesh) replica(address string, calls uint64) (p *peers.Peers, log *bytes.Buffer, registry *prometheus.Registry, stop func()) {
	m.t.Helper()
	log, registry = &bytes.Buffer{}, prometheus.NewRegistry()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, m.port))
	if err != nil {
		m.t.Fatal(err)
	}
	_, m.port, _ = net.SplitHostPort(listener.Addr().String())
	p = peers.New(peers.Options{
		Address: net.JoinHostPort("replicas", m.port), Path: path, Lookup: m.lookup, Logger: slog.New(slog.NewTextHandler(log, nil)), Registry: registry,
		Edges: func() []load.Edge { return []load.Edge{edge("both", calls), edge("of-"+address, 1)} },
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+path, p.OwnHandler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	var once sync.Once
	stop = func() { once.Do(func() { _ = server.Close(); <-done }) }
	m.t.Cleanup(stop)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addresses = append(m.addresses, netip.MustParseAddr(address))
	return p, log, registry, stop
}

// calls asks a Handler, and returns the calls by workload.
func calls(t *testing.T, h http.Handler, query string) map[string]uint64 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	defer func() { _ = server.Close(); <-done }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + listener.Addr().String() + path + query)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var edges []load.Edge
	if err := json.NewDecoder(response.Body).Decode(&edges); err != nil || response.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %v, %v", response.Header, err)
	}
	found := map[string]uint64{}
	for _, e := range edges {
		found[e.Source.Workload] += e.Calls
	}
	return found
}

// TestEdgesOfAllReplicas: each replica answers for all of them, counts itself once, and adds up what several have of one edge.
func TestEdgesOfAllReplicas(t *testing.T) {
	m := &mesh{t: t, port: "0"}
	first, _, registry, _ := m.replica("127.0.0.1", 3)
	second, _, _, _ := m.replica("127.0.0.2", 4)
	want := map[string]uint64{"both": 7, "of-127.0.0.1": 1, "of-127.0.0.2": 1}
	for name, p := range map[string]*peers.Peers{"the first": first, "the second": second} {
		if diff := cmp.Diff(want, calls(t, p.Handler(), "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(map[string]uint64{"both": 3, "of-127.0.0.1": 1}, calls(t, first.Handler(), "?"+peers.Own)); diff != "" {
		t.Errorf("its own (-want +got):\n%s", diff)
	}
	if got := len(first.Edges()); got != 3 {
		t.Errorf("the page has %d edges, want 3", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- first.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader("# HELP mizzen_peers_absent Other replicas that did not answer when they were last asked for their edges.\n# TYPE mizzen_peers_absent gauge\nmizzen_peers_absent 0\n"), "mizzen_peers_absent"); err != nil {
		t.Error(err)
	}
}

// TestReplicaIsAbsent: what the others report is there all the same, and one line of the log says that a part is missing.
func TestReplicaIsAbsent(t *testing.T) {
	m := &mesh{t: t, port: "0"}
	first, log, registry, _ := m.replica("127.0.0.1", 3)
	_, _, _, _ = m.replica("127.0.0.2", 4)
	_, _, _, stop := m.replica("127.0.0.3", 5)
	stop()
	want := map[string]uint64{"both": 7, "of-127.0.0.1": 1, "of-127.0.0.2": 1}
	if diff := cmp.Diff(want, calls(t, first.Handler(), "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Count(log.String(), "cannot ask other replicas") != 1 || !strings.Contains(log.String(), "127.0.0.3") {
		t.Errorf("the log is:\n%s", log)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader("# HELP mizzen_peers_absent Other replicas that did not answer when they were last asked for their edges.\n# TYPE mizzen_peers_absent gauge\nmizzen_peers_absent 1\n"), "mizzen_peers_absent"); err != nil {
		t.Error(err)
	}
}

// TestNoReplicas: without an address, and while no name can be resolved, a replica answers for itself.
func TestNoReplicas(t *testing.T) {
	m := &mesh{t: t, port: "0"}
	first, log, registry, _ := m.replica("127.0.0.1", 3)
	m.mu.Lock()
	m.failure = errors.New("no such host")
	m.mu.Unlock()
	want := map[string]uint64{"both": 3, "of-127.0.0.1": 1}
	if diff := cmp.Diff(want, calls(t, first.Handler(), "")); diff != "" || !strings.Contains(log.String(), "no such host") {
		t.Errorf("(-want +got):\n%s\n%s", diff, log)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader("# HELP mizzen_peers_absent Other replicas that did not answer when they were last asked for their edges.\n# TYPE mizzen_peers_absent gauge\nmizzen_peers_absent 1\n"), "mizzen_peers_absent"); err != nil {
		t.Error(err)
	}
	alone := peers.New(peers.Options{Path: path, Edges: func() []load.Edge { return nil }, Logger: slog.New(slog.DiscardHandler)})
	if got := calls(t, alone.Handler(), ""); len(got) != 0 || len(alone.Edges()) != 0 {
		t.Errorf("got %v, want an empty list", got)
	}
}
