package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/live"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// plane is what a Hub looks at.
type plane struct {
	mu       sync.Mutex
	current  *snapshot.Snapshot
	status   uint64
	problems []mesh.Problem
	streams  int
	edges    []load.Edge
	// looks counts how often Problems and edges were asked for.
	problemLooks, edgeLooks int
}

func (p *plane) change(f func(p *plane)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
	p.status++
}

func (p *plane) publish(revision uint64) {
	s := snapshot.New(&mesh.World{Revision: revision, Domain: "cluster.local"})
	p.change(func(p *plane) { p.current = s })
}

func (p *plane) Current() *snapshot.Snapshot { p.mu.Lock(); defer p.mu.Unlock(); return p.current }
func (p *plane) StatusRevision() uint64      { p.mu.Lock(); defer p.mu.Unlock(); return p.status }
func (p *plane) CountStreams() int           { p.mu.Lock(); defer p.mu.Unlock(); return p.streams }

func (p *plane) Problems() []mesh.Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problemLooks++
	return slices.Clone(p.problems)
}

func (p *plane) Edges() []load.Edge {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edgeLooks++
	return slices.Clone(p.edges)
}

// event is one event as a browser gets it.
type event struct {
	name string
	id   string
	data string
}

// viewer is a browser. It is a http.ResponseWriter.
type viewer struct {
	mu       sync.Mutex
	header   http.Header
	status   int
	text     string
	deadline time.Time
	// stuck means that the browser does not read.
	stuck bool
	// unbounded is set if something was written without a deadline.
	unbounded bool
	// leave makes the browser go, and gone is closed when its request has ended.
	leave context.CancelFunc
	gone  chan struct{}
}

func (v *viewer) Header() http.Header    { return v.header }
func (v *viewer) WriteHeader(status int) { v.status = status }
func (v *viewer) Flush()                 {}

func (v *viewer) SetWriteDeadline(at time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deadline = at
	return nil
}

func (v *viewer) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unbounded = v.unbounded || v.deadline.IsZero()
	if v.stuck {
		<-time.After(time.Until(v.deadline))
		return 0, errors.New("deadline exceeded")
	}
	v.text += string(b)
	return len(b), nil
}

// events returns the events since the last call.
func (v *viewer) events(t *testing.T) []event {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []event
	for block := range strings.SplitSeq(v.text, "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			}
		}
		if e.name != "" {
			all = append(all, e)
		}
	}
	v.text = ""
	return all
}

type fixture struct {
	*plane

	hub      *live.Hub
	draining chan struct{}
	stop     func()
}

func start(t *testing.T) fixture {
	t.Helper()
	f := fixture{plane: &plane{}, draining: make(chan struct{})}
	f.hub = live.NewHub(live.Options{Store: f.plane, Edges: f.Edges, Draining: f.draining, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.hub.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
	return f
}

func (f fixture) view(ctx context.Context) *viewer {
	ctx, cancel := context.WithCancel(ctx)
	v := &viewer{header: http.Header{}, leave: cancel, gone: make(chan struct{})}
	go func() {
		defer close(v.gone)
		f.hub.ServeHTTP(v, httptest.NewRequest(http.MethodGet, live.Path, http.NoBody).WithContext(ctx))
	}()
	synctest.Wait()
	return v
}

func stateOf(t *testing.T, e event) live.State {
	t.Helper()
	var s live.State
	if err := json.Unmarshal([]byte(e.data), &s); err != nil || e.name != "state" {
		t.Fatalf("%s %q: %v", e.name, e.data, err)
	}
	return s
}

func edgesOf(t *testing.T, e event) live.Edges {
	t.Helper()
	var s live.Edges
	if err := json.Unmarshal([]byte(e.data), &s); err != nil || e.name != "edges" {
		t.Fatalf("%s %q: %v", e.name, e.data, err)
	}
	return s
}

func names(events []event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.name)
	}
	return strings.Join(all, " ")
}

func edge(service string, calls uint64) load.Edge {
	return load.Edge{Source: load.Source{Namespace: "shop", Workload: "web"}, Destination: load.Destination{Service: service, Namespace: "shop", Port: 80}, Calls: calls}
}

// TestFirstEvents: whoever connects, first or later, is told everything at once.
func TestFirstEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(7)
		f.change(func(p *plane) {
			p.streams, p.edges = 3, []load.Edge{edge("cart", 5)}
			p.problems = []mesh.Problem{{Severity: mesh.Error, Message: "a"}, {Severity: mesh.Info, Message: "b"}}
		})
		begun := time.Now()
		first := f.view(t.Context())
		<-time.After(1200 * time.Millisecond)
		synctest.Wait()
		joined := map[*viewer]time.Time{first: begun, f.view(t.Context()): time.Now()}
		for v, at := range joined {
			name := "the viewer of " + at.Sub(begun).String()
			got := v.events(t)
			if names(got) != "state edges" {
				t.Fatalf("%s: got the events %s, want state edges", name, names(got))
			}
			s, e := stateOf(t, got[0]), edgesOf(t, got[1])
			if s.Revision != 7 || !s.Ready || s.Counts.Clients != 3 || s.Counts.Problems != (live.ProblemCounts{Error: 1, Info: 1}) || !slices.Equal(s.Changed, []string{"hosts", "clients", "problems"}) {
				t.Errorf("%s: got the state %+v", name, s)
			}
			if !s.At.Equal(at) { // The browser takes the clock of the process from it.
				t.Errorf("%s: got the time %v of the state, want %v", name, s.At, at)
			}
			if !e.Full || len(e.Edges) != 1 || e.Edges[0].Calls != 5 || e.Edges[0].Key == "" || e.Total != 1 || e.LeftOut != 0 {
				t.Errorf("%s: got the edges %+v", name, e)
			}
			if got[0].id == "" || v.header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("%s: got the id %q and the headers %v", name, got[0].id, v.header)
			}
		}
		for v := range joined {
			v.leave()
		}
		f.stop()
	})
}

// TestChanges: a viewer is told which lists differ, at most every half second, and which edges, every two seconds.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		f.change(func(p *plane) { p.edges = []load.Edge{edge("cart", 5), edge("stock", 1)} })
		v := f.view(t.Context())
		v.events(t)

		for revision := range uint64(20) { // 20 Worlds in 200 ms
			f.publish(2 + revision)
			<-time.After(10 * time.Millisecond)
		}
		<-time.After(400 * time.Millisecond)
		synctest.Wait()
		got := v.events(t)
		if len(got) != 1 || stateOf(t, got[0]).Revision != 21 || !slices.Equal(stateOf(t, got[0]).Changed, []string{"hosts", "clients"}) {
			t.Fatalf("20 Worlds: got %v, want one event with the last one", got)
		}
		<-time.After(3 * time.Second)
		synctest.Wait()
		if got := v.events(t); len(got) != 0 {
			t.Fatalf("nothing changed: got %v", got)
		}
		f.change(func(p *plane) { p.problems = []mesh.Problem{{Severity: mesh.Warning, Message: "x"}} })
		<-time.After(3 * time.Second)
		synctest.Wait()
		if got := v.events(t); len(got) != 1 || !slices.Equal(stateOf(t, got[0]).Changed, []string{"clients", "problems"}) {
			t.Fatalf("a Problem: got %v", got)
		}
		f.mu.Lock()
		f.edges = []load.Edge{edge("cart", 6), edge("pay", 1)}
		f.mu.Unlock()
		<-time.After(2 * time.Second)
		synctest.Wait()
		got = v.events(t)
		if names(got) != "edges" {
			t.Fatalf("edges: got %v", got)
		}
		e := edgesOf(t, got[0])
		if e.Full || len(e.Edges) != 2 || e.Edges[0].Calls != 6 || len(e.Gone) != 1 || e.Gone[0] == e.Edges[0].Key || e.Total != 2 {
			t.Errorf("edges: got %+v, want cart with another number, pay, and stock gone", e)
		}
		<-time.After(20 * time.Second)
		synctest.Wait()
		if got := v.events(t); len(got) != 1 || len(stateOf(t, got[0]).Changed) != 0 {
			t.Errorf("heartbeat: got %v, want one state without a change", got)
		}
		v.leave()
		f.stop()
	})
}

// TestProblemsAreCountedRarely: clients that answer all the time do not make the process look at all Problems all the time.
// Without viewers it looks at nothing.
func TestProblemsAreCountedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		v := f.view(t.Context())
		for range 1000 {
			f.change(func(*plane) {})
			<-time.After(10 * time.Millisecond)
		}
		synctest.Wait()
		if f.problemLooks > 6 || f.edgeLooks > 6 {
			t.Errorf("in 10 s Problems were counted %d times, and edges %d times; want at most 6", f.problemLooks, f.edgeLooks)
		}
		if n := len(v.events(t)); n > 23 {
			t.Errorf("got %d events in 10 s, want at most one each 500 ms", n)
		}
		v.leave()
		<-time.After(time.Second)
		synctest.Wait()
		before := f.problemLooks + f.edgeLooks
		for range 100 {
			f.change(func(*plane) {})
			<-time.After(time.Second)
		}
		if after := f.problemLooks + f.edgeLooks; after != before {
			t.Errorf("without viewers there were %d looks", after-before)
		}
		f.stop()
	})
}

// TestStuckViewer: a browser that never reads is dropped, and others are told everything all the same.
func TestStuckViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		good, stuck := f.view(t.Context()), f.view(t.Context())
		stuck.mu.Lock()
		stuck.stuck = true
		stuck.mu.Unlock()
		for revision := range uint64(40) {
			f.publish(2 + revision)
			<-time.After(600 * time.Millisecond)
		}
		synctest.Wait()
		select {
		case <-stuck.gone:
		default:
			t.Error("the request of the browser that never reads has not ended after 24 s")
		}
		if n := len(good.events(t)); n < 35 {
			t.Errorf("the other viewer got %d events, want all", n)
		}
		if good.unbounded || !good.deadline.IsZero() {
			t.Errorf("written without a deadline: %t; the deadline between two events is %v, want none", good.unbounded, good.deadline)
		}
		good.leave()
		f.stop()
	})
}

// TestJoining: browsers that connect make the others hear nothing more often, and are told what is true by then.
func TestJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		first := f.view(t.Context())
		first.events(t)
		<-time.After(100 * time.Millisecond)
		for revision := range uint64(20) {
			f.publish(2 + revision)
			f.view(t.Context()).leave()
			<-time.After(10 * time.Millisecond)
		}
		synctest.Wait()
		if got := first.events(t); len(got) > 0 {
			t.Errorf("got %v, want nothing before half a second has passed", got)
		}
		f.mu.Lock()
		f.edges = []load.Edge{edge("cart", 6)}
		f.mu.Unlock()
		<-time.After(5 * time.Second)
		synctest.Wait()
		last := f.view(t.Context())
		if got := edgesOf(t, last.events(t)[1]); len(got.Edges) != 1 || got.Edges[0].Calls != 6 {
			t.Errorf("got the edges %+v, want the present ones", got)
		}
		first.leave()
		last.leave()
		f.stop()
	})
}

// TestManyViewers: of 1,000 browsers the last ones are told that there are too many, and when one leaves there is a place.
func TestManyViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		ctx, stop := context.WithCancel(t.Context())
		all := make([]*viewer, 1000)
		for i := range all {
			all[i] = f.view(ctx)
		}
		for i, v := range all {
			if refused := v.status == http.StatusServiceUnavailable; refused != (i >= live.MaxViewers) {
				t.Fatalf("viewer %d: got the status %d and %q", i, v.status, v.text)
			}
		}
		if text := all[live.MaxViewers].text; !strings.Contains(text, "256 viewers follow this replica already") {
			t.Errorf("got %q", text)
		}
		all[0].leave()
		<-all[0].gone
		if v := f.view(ctx); v.status != 0 || names(v.events(t)) != "state edges" {
			t.Errorf("after one left: got the status %d", v.status)
		}
		stop()
		f.stop()
	})
}

// TestEnds: streams end when the process shuts down, and when a session must be looked at again.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		v := f.view(t.Context())
		<-time.After(15*time.Minute + time.Second)
		<-v.gone
		if got := v.events(t); got[len(got)-1] != (event{"ending", "", `{"why":"renewal"}`}) {
			t.Errorf("after 15 minutes: got %v at the end", got[len(got)-1])
		}
		v = f.view(t.Context())
		close(f.draining)
		<-v.gone
		if got := v.events(t); got[len(got)-1] != (event{"ending", "", `{"why":"shutdown"}`}) {
			t.Errorf("while draining: got %v at the end", got[len(got)-1])
		}
		f.stop()
	})
}

// TestHostileTexts: what clients choose cannot end an event or begin another one.
func TestHostileTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		const text = "</script><script>alert(1)</script>\n\nevent: state\ndata: {}\r\n\x00\u2028"
		e := edge(text, 1)
		e.Source.Workload, e.Subset, e.Zone = text, text, text
		f.change(func(p *plane) { p.edges = []load.Edge{e} })
		v := f.view(t.Context())
		got := v.events(t)
		if names(got) != "state edges" {
			t.Fatalf("got the events %s", names(got))
		}
		if back := edgesOf(t, got[1]).Edges[0]; !reflect.DeepEqual(back.Edge, e) {
			t.Errorf("got %+v, want %+v", back.Edge, e)
		}
		if strings.ContainsAny(got[1].data, "<>") {
			t.Errorf("got %q with brackets that are not escaped", got[1].data)
		}
		v.leave()
		f.stop()
	})
}

// TestMostEdges: of more edges than a page can show, viewers are told those with the most calls, and how many there are.
func TestMostEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.publish(1)
		f.change(func(p *plane) {
			for i := range 6000 {
				p.edges = append(p.edges, edge(fmt.Sprint("s", i), uint64(i)))
			}
		})
		v := f.view(t.Context())
		got := edgesOf(t, v.events(t)[1])
		if len(got.Edges) != 5000 || got.Total != 6000 || got.LeftOut != 1000 || got.Edges[0].Calls < 1000 {
			t.Errorf("got %d edges of %d, %d left out, the first with %d calls", len(got.Edges), got.Total, got.LeftOut, got.Edges[0].Calls)
		}
		v.leave()
		f.stop()
	})
}
