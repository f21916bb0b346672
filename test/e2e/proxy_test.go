//go:build e2e

package e2e

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// proxy is a network between two processes that can be slow, stall, or lose connections. With several targets, each
// new connection goes to the next one that accepts, as behind one name of several replicas.
type proxy struct {
	listener net.Listener

	// mu protects the fields below. changed is signaled when one of the last three changes.
	mu      sync.Mutex
	changed sync.Cond
	targets []string
	next    int
	arrived []time.Time
	open    map[net.Conn]*link
	delay   time.Duration
	stalled bool
}

// link is one connection through the proxy. A blackholed link passes nothing on, not even its end.
type link struct{ blackholed bool }

func newProxy(t *testing.T, targets ...string) *proxy {
	t.Helper()
	p := &proxy{listener: must(net.Listen("tcp", cluster.HostIP+":0"))(t), targets: targets, open: map[net.Conn]*link{}}
	p.changed.L = &p.mu
	go p.serve()
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.cut()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.carry(near)
	}
}

func (p *proxy) carry(near net.Conn) {
	far := p.dial()
	if far == nil {
		_ = near.Close()
		return
	}
	l := &link{}
	p.mu.Lock()
	p.arrived = append(p.arrived, time.Now())
	p.open[near], p.open[far] = l, l
	p.mu.Unlock()
	go p.copy(near, far, l)
	p.copy(far, near, l)
}

// route sends new connections to these targets.
func (p *proxy) route(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// nextTargets returns the targets, starting with the next one.
func (p *proxy) nextTargets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.targets) == 0 {
		return nil
	}
	first := p.next % len(p.targets)
	p.next++
	return slices.Concat(p.targets[first:], p.targets[:first])
}

// dial connects to the next target that accepts.
func (p *proxy) dial() net.Conn {
	for _, target := range p.nextTargets() {
		if conn, err := net.Dial("tcp", target); err == nil {
			return conn
		}
	}
	return nil
}

// copy passes on the data of one side, under the current conditions.
func (p *proxy) copy(to, from net.Conn, l *link) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if p.pass(l) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
}

// pass waits until data may pass, and reports whether it never will.
func (p *proxy) pass(l *link) (dead bool) {
	p.mu.Lock()
	delay := p.delay
	for p.stalled && !l.blackholed {
		p.changed.Wait()
	}
	dead = l.blackholed
	p.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	return dead
}

// slow adds a delay to everything.
func (p *proxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// stall holds all data, or releases it.
func (p *proxy) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = on
	p.changed.Broadcast()
}

// blackhole makes the open connections lose all data, without closing them.
func (p *proxy) blackhole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.open {
		l.blackholed = true
	}
	p.changed.Broadcast()
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn, l := range p.open {
		l.blackholed = true
		_ = conn.Close()
	}
	p.open = map[net.Conn]*link{}
	p.changed.Broadcast()
}

// arrivals returns when connections were opened since a moment.
func (p *proxy) arrivals(since time.Time) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.arrived), func(at time.Time) bool { return at.Before(since) })
}
