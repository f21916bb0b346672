package status

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// streamGrace is how long a machine counts as connected after its last stream: a stream that breaks is opened again, perhaps
	// to another replica, which tells the leader within seconds.
	streamGrace = 10 * time.Second
	// leaderGrace is how long a new leader leaves machines connected of which it has not heard yet: after the control plane was
	// away, gRPC waits up to two minutes before it opens a stream again.
	leaderGrace = 150 * time.Second
)

// Machines counts the streams that machines have to this replica. It is safe for concurrent use.
type Machines struct {
	mu sync.Mutex
	// streams counts them by machineID.
	streams map[string]int
}

// NewMachines returns Machines without streams.
func NewMachines() *Machines { return &Machines{streams: map[string]int{}} }

// Opened counts a stream of a machine, by its WorkloadKey, until closed is called.
func (m *Machines) Opened(machine string) (closed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := machineID(machine)
	m.streams[id]++
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.streams[id]--; m.streams[id] == 0 {
			delete(m.streams, id)
		}
	})
}

// machineID is a short name for a WorkloadKey: replicas tell the leader of thousands of machines in one annotation.
func machineID(machine string) string {
	sum := sha256.Sum256([]byte(machine))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// connected returns the IDs of the machines with a stream, sorted.
func (m *Machines) connected() []string {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.streams))
}

// connections is what the leader knows of the machines of all replicas. The goroutine that reconciles owns it.
type connections struct {
	// since is when this replica began to lead; zero if it does not. settled means that leaderGrace is over.
	since   time.Time
	settled bool
	// open are the IDs of machines with a stream, and left those that had one, with the time at which they lost it.
	open map[string]struct{}
	left map[string]time.Time
	// seen are those that had a stream since this replica leads; nil once that is settled.
	seen map[string]struct{}
}

// update records which machines have a stream now, and reports whether that, or the end of a grace period, changes who counts as
// connected.
func (c *connections) update(now time.Time, leading bool, open []string) (changed bool) {
	if !leading {
		*c = connections{}
		return false
	}
	if c.since.IsZero() {
		c.since, c.left, c.seen = now, map[string]time.Time{}, map[string]struct{}{}
		changed = true
	}
	if !c.settled && now.Sub(c.since) >= leaderGrace {
		c.settled, c.seen, changed = true, nil, true
	}
	before := c.open
	c.open = map[string]struct{}{}
	for _, machine := range open {
		c.open[machine] = struct{}{}
		if !c.settled {
			c.seen[machine] = struct{}{}
		}
		if _, was := before[machine]; !was {
			_, recently := c.left[machine]
			changed = changed || !recently
		}
		delete(c.left, machine)
	}
	for machine := range before {
		if _, still := c.open[machine]; !still {
			c.left[machine] = now
		}
	}
	for machine, at := range c.left {
		if now.Sub(at) >= streamGrace {
			delete(c.left, machine)
			changed = true
		}
	}
	return changed
}

// has reports whether the machine of a WorkloadEntry counts as connected.
func (c *connections) has(rule *mesh.ConfigObject) bool {
	id := machineID(rule.Machine)
	_, open := c.open[id]
	_, recently := c.left[id]
	_, heard := c.seen[id]
	return open || recently || rule.Connected && !c.settled && !heard
}

func connected(is bool) condition {
	if is {
		return condition{typeConnected, statusTrue, reasonConnected, "the machine has a stream to the control plane"}
	}
	return condition{typeConnected, statusFalse, reasonNoStream, "no client of the machine has a stream to the control plane, so that the machine gets no calls"}
}
