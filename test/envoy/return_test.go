//go:build envoy

package envoy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// relay passes connections on to a control plane, unless it is cut.
type relay struct {
	address, to string
	mu          sync.Mutex
	cut         bool
	open        map[net.Conn]struct{}
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	r := &relay{address: listener.Addr().String(), to: to, open: map[net.Conn]struct{}{}}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { r.pass(from) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.setCut(true)
		work.Wait()
	})
	return r
}

// setCut ends all connections and refuses new ones, or lets them pass again.
func (r *relay) setCut(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
}

// admit notes the connections, which setCut closes, unless the relay is cut.
func (r *relay) admit(connections ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range connections {
		if r.cut {
			_ = c.Close()
		} else {
			r.open[c] = struct{}{}
		}
	}
	return !r.cut
}

func (r *relay) pass(from net.Conn) {
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = from.Close()
		return
	}
	if !r.admit(from, to) {
		return
	}
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		ways.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = way[0].Close(), way[1].Close()
		})
	}
	ways.Wait()
}

// errNotYet is why a test waits for what an Envoy was sent.
var errNotYet = errors.New("not yet")

// TestReturnWithoutInterruption has applications that call without a pause while the subsets of a host are renamed with the rule that leads to
// them, during which the Envoy has no stream: it returns with clusters that are gone, and with routes that lead to them.
func TestReturnWithoutInterruption(t *testing.T) {
	for _, as := range []protocol{delta, sotw} {
		for _, by := range []string{"listener", "egress"} {
			t.Run(string(as)+"/"+by, func(t *testing.T) { returnWithoutInterruption(t, as, by == "egress") })
		}
	}
}

func returnWithoutInterruption(t *testing.T, as protocol, egress bool) {
	base := service("http", startBackend(t, "v1"))
	named := func(subset string) string {
		return base + strings.NewReplacer("name: v1,", "name: "+subset+",", "subset: v1}", "subset: "+subset+"}").Replace(
			rules("", "\n  - {route: [{destination: {host: web, subset: v1}}]}"))
	}
	m := startPlane(t, named("s0"))
	r := startRelay(t, m.xds)
	at, address := place{namespace: "demo", xds: r.address}, ""
	var p *proxy
	if egress {
		at.egress = freeAddress(t)
		p, address = startEnvoyWith(t, m, as, at), at.egress
	} else {
		p = startEnvoyWith(t, m, as, at, listener{name: "edge", routes: web})
		address = p.address("edge")
	}
	eventually(t, func() error { return answered(caller(false), address, "web") })
	failed, calls := callAlways(t, address)
	for i := range 8 {
		old, renamed := fmt.Sprintf("s%d", i), fmt.Sprintf("s%d", i+1)
		eventually(t, func() error { return p.leadsTo(old) })
		r.setCut(true)
		m.write(named(renamed))
		eventually(t, func() error { return m.has(renamed) })
		before := calls.Load()
		eventually(t, func() error {
			if n := calls.Load() - before; n < 20 {
				return fmt.Errorf("%d calls without a stream: %w", n, errNotYet)
			}
			return nil
		})
		r.setCut(false)
		eventually(t, func() error { return p.leadsTo(renamed) })
	}
	if errs := failed(); len(errs) > 0 {
		t.Errorf("%d calls of %d failed; the first: %s", len(errs), calls.Load(), errs[0])
	}
	t.Logf("%d calls", calls.Load())
	if err := p.rejected(); err != nil {
		t.Error(err)
	}
	if err := m.refused(); err != nil {
		t.Error(err)
	}
}

// leadsTo returns nil once the Envoy has one subset of the host web, and no others.
func (p *proxy) leadsTo(subset string) error {
	got := ""
	for _, name := range p.names("/config_dump?resource=dynamic_active_clusters&mask=cluster.name") {
		if parts := strings.Split(name, "|"); len(parts) == 4 && parts[2] != "" && parts[2] != "v2" {
			got += parts[2] + " "
		}
	}
	if got != subset+" " {
		return fmt.Errorf("the Envoy has the subsets %q: %w", got, errNotYet)
	}
	return nil
}

// has returns nil once the control plane has the subset.
func (m *meshPlane) has(subset string) error {
	m.t.Helper()
	out := must(exec.Command(binary, "inspect", "resources", "-o", "json", "--address", m.admin).Output())(m.t)
	if !strings.Contains(string(out), "|"+subset+"|") {
		return fmt.Errorf("the control plane has no subset %s: %w", subset, errNotYet)
	}
	return nil
}
