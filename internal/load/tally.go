package load

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Service is a Destination without its port.
type Service struct{ Namespace, Name string }

func (d Destination) service() Service { return Service{d.Namespace, d.Service} }

// Attempts counts attempts, and those of them that failed. Calls that a client dropped count as failed attempts.
type Attempts struct {
	Calls  uint64 `json:"calls"`
	Errors uint64 `json:"errors"`
}

// Plus adds up.
func (a Attempts) Plus(o Attempts) Attempts { return Attempts{a.Calls + o.Calls, a.Errors + o.Errors} }

// Minus returns the attempts since o was counted.
func (a Attempts) Minus(o Attempts) Attempts { return Attempts{a.Calls - o.Calls, a.Errors - o.Errors} }

// tally has the attempts to one Service by the bucket of the client.
type tally [mesh.Buckets + 1]Attempts

// add counts attempts of a client; t may be nil.
func (t *tally) add(bucket uint16, calls, errors uint64) {
	if t != nil {
		t[bucket] = t[bucket].Plus(Attempts{calls, errors})
	}
}

// Follow names the Services whose attempts are counted by the buckets of the clients. The counters of others are dropped.
func (t *Table) Follow(services map[Service]struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[Service]*tally, len(services))
	for s := range services {
		if next[s] = t.followed[s]; next[s] == nil {
			next[s] = &tally{}
		}
	}
	t.followed = next
}

// Attempts returns what the clients of a share attempted to call a Service since it is followed.
func (t *Table) Attempts(of Service, share mesh.Share) (sum Attempts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if counted := t.followed[of]; counted != nil {
		for bucket, n := range counted {
			if share.Has(uint16(bucket)) {
				sum = sum.Plus(n)
			}
		}
	}
	return sum
}
