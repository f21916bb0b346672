//go:build interop

package interop

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/authority"
	"github.com/mizzen-mesh/mizzen/test/randomedit"
)

var (
	edits = flag.Int("edits", 40, "how many random edits TestRandomEdits makes with each language")
	seed  = flag.Uint64("seed", 1, "which random edits TestRandomEdits makes")
)

// notEdited is a setting that the edits for a language leave out, because a fault of the library may cost a call when the
// setting is turned on or off: docs/OPERATING.md has the faults.
var notEdited = map[string]string{"java": randomedit.OutlierDetection, "node": randomedit.ConsistentHash}

// TestRandomEdits edits rules at random while a client calls. No call may fail, and the client may refuse nothing.
func TestRandomEdits(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			editAtRandom(t, l, rand.New(rand.NewPCG(*seed, 1)))
		})
	}
}

func editAtRandom(t *testing.T, l *language, random *rand.Rand) {
	t.Helper()
	r := &run{t: t, language: l, backends: map[string]*backend{}}
	mesh, hosts, services := authority.New(t), []string{"echo", "cart"}, map[string][]string{}
	for _, host := range hosts {
		for v := range randomedit.Versions {
			name := fmt.Sprint(host, v)
			services[host] = append(services[host], name)
			r.backends[name] = newBackend(t, name, backendSpec{Version: fmt.Sprint("v", v)}, mesh)
		}
	}
	r.plane = startPlane(t, r.services(services), "")
	client := startClient(t, l, r.plane.bootstrap(clientSpec{Namespace: "demo"}), false)
	load := startRounds(client, hosts)
	load.await(1)
	for range *edits {
		var rules []string
		for _, host := range hosts {
			text := randomedit.Rules(random, host)
			if setting, ok := notEdited[l.name]; ok {
				text = strings.ReplaceAll(text, setting, "")
			}
			rules = append(rules, text)
		}
		r.plane.write("objects.yaml", strings.Join(rules, "---\n"))
		load.await(random.IntN(20)) // Sometimes the next edit comes before the client has followed this one.
	}
	calls, err := load.stop()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.plane.acknowledged(l.agent); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls were answered during %d edits", calls, *edits)
}

// rounds are calls in the background, some to each host and then again.
type rounds struct {
	ended   chan struct{}
	stopped atomic.Bool
	// one has an element if a round ended since the last one was taken.
	one chan struct{}
	// calls and err are set before ended is closed.
	calls int
	err   error
}

func startRounds(client *client, hosts []string) *rounds {
	r := &rounds{ended: make(chan struct{}), one: make(chan struct{}, 1)}
	go func() {
		defer close(r.ended)
		for !r.stopped.Load() && r.err == nil {
			for _, host := range hosts {
				r.round(client, host)
			}
			select {
			case r.one <- struct{}{}:
			default:
			}
		}
	}()
	return r
}

func (r *rounds) round(client *client, host string) {
	outcomes, err := client.call(&callSpec{To: host, Method: defaultMethod, Count: 10, Parallel: 5, Timeout: duration(patience)})
	if err != nil {
		r.err = errors.Join(r.err, err)
	}
	for _, o := range outcomes {
		if r.calls++; o.Code != 0 {
			r.err = errors.Join(r.err, fmt.Errorf("call %d, to %s, ended with status %d: %s", r.calls, host, o.Code, o.Text))
		}
	}
}

// await waits for n rounds, or for the end.
func (r *rounds) await(n int) {
	for range n {
		select {
		case <-r.one:
		case <-r.ended:
		}
	}
}

func (r *rounds) stop() (calls int, err error) {
	r.stopped.Store(true)
	<-r.ended
	return r.calls, r.err
}
