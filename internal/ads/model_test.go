package ads

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// everything is the name that stands for all names.
const everything = "*"

// TestClientsHoldWhatIsCurrent plays random histories: Services come, change and go, and clients of both protocols subscribe, give up, take
// their time to answer, refuse, leave, and return to the same process or another. Whenever all have come to rest, each client holds what is
// current of everything that it asks for, and nothing else.
func TestClientsHoldWhatIsCurrent(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newModel(t, seed).play() })
		})
	}
}

// model is one history.
type model struct {
	t       *testing.T
	random  *rand.Rand
	world   *mesh.World
	store   *serving.Store
	server  *discovery
	holders []*holder
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 11)), world: &mesh.World{Domain: "cluster.local"}}
	m.start()
	for i := range 6 {
		h := &holder{t: t, delta: i%2 == 0, names: perType(), held: perType(), versions: perType()}
		h.connect(m.server)
		m.holders = append(m.holders, h)
	}
	return m
}

// start begins anew, with a process that knows nothing of what was before.
func (m *model) start() {
	m.store = serving.NewStore(serving.Options{})
	m.store.Publish(m.world)
	m.server = newDiscovery(context.Background(), Options{Store: m.store, Logger: slog.New(slog.DiscardHandler)})
}

func (m *model) play() {
	defer func() {
		for _, h := range m.holders {
			h.close()
		}
	}()
	for range 40 {
		for range m.random.IntN(20) {
			h, typ := m.holders[m.random.IntN(len(m.holders))], snapshot.Types[m.random.IntN(len(snapshot.Types))]
			switch m.random.IntN(4) {
			case 0:
				m.change()
			case 1:
				name := m.pick(typ, h.delta)
				h.turn(typ, name)
				if m.random.IntN(3) == 0 {
					h.turn(typ, name) // after all not
				}
			default:
				h.take(m.random.IntN(4) == 0)
			}
		}
		m.rest()
		m.replace()
	}
}

func (m *model) change() {
	m.world = soakWorld(m.random, m.world)
	m.store.Publish(m.world)
}

// pick is a name that may be asked for.
func (m *model) pick(t snapshot.Type, delta bool) string {
	i := m.random.IntN(soakHosts + 2) // some never exist
	switch {
	case delta && m.random.IntN(5) == 0:
		return everything
	case t == snapshot.ListenerType && m.random.IntN(2) == 0:
		return fmt.Sprintf("s%d.demo:80", i)
	case t == snapshot.ListenerType:
		return fmt.Sprintf("s%d.demo.svc.cluster.local:80", i)
	}
	return soakName(i)
}

// rest has the clients take and accept all that comes, also what comes late, and looks at what they hold.
func (m *model) rest() {
	for range 3 {
		<-time.After(25 * time.Second)
		for _, h := range m.holders {
			for h.take(false) {
			}
		}
	}
	for _, h := range m.holders {
		for _, typ := range snapshot.Types {
			h.check(typ, m.store.Current())
		}
	}
}

// replace has clients leave and return with what they hold, all of them if the process is replaced. Meanwhile something may change, and
// they may want again what they gave up.
func (m *model) replace() {
	another := m.random.IntN(3) == 0
	if another {
		m.start()
	}
	for _, h := range m.holders {
		if another || m.random.IntN(3) == 0 {
			h.close()
			switch m.random.IntN(3) {
			case 0:
				m.change()
			case 1:
				for typ, names := range h.gaveUp {
					maps.Copy(h.names[typ], names)
				}
			}
			h.connect(m.server)
		}
	}
}

// holder is a client, what it asks for and gave up on this stream, and what it holds and refused: the bytes under each name. In versions
// are those that the incremental protocol told.
type holder struct {
	*actor

	t                                      *testing.T
	delta                                  bool
	names, gaveUp, held, refused, versions map[snapshot.Type]map[string]string
	// asked is what was asked for on this stream, and partial of which types a response was refused.
	asked, partial map[snapshot.Type]bool
}

func perType() map[snapshot.Type]map[string]string {
	all := map[snapshot.Type]map[string]string{}
	for _, t := range snapshot.Types {
		all[t] = map[string]string{}
	}
	return all
}

// connect opens a stream, and asks for what the client asked for on the one before.
func (h *holder) connect(server *discovery) {
	before, partial, args := h.actor, h.partial, []string{"ns=demo"}
	if h.delta {
		args = append(args, "delta")
	}
	h.actor = open(server, "holder", args)
	h.gaveUp, h.refused, h.asked, h.partial = perType(), perType(), map[snapshot.Type]bool{}, map[snapshot.Type]bool{}
	for _, t := range snapshot.Types {
		if before != nil && !partial[t] {
			h.version[t] = before.version[t]
		}
		if len(h.names[t]) > 0 {
			h.tell(t, slices.Sorted(maps.Keys(h.names[t])), nil)
		}
	}
}

// tell sends the subscription, in the incremental protocol what is added to it and taken from it.
func (h *holder) tell(t snapshot.Type, add, drop []string) {
	first := !h.asked[t]
	h.asked[t] = true
	var err error
	switch {
	case !h.delta:
		err = h.ask(t, slices.Sorted(maps.Keys(h.names[t])), nil)
	case first:
		err = h.send(&discoveryv3.DeltaDiscoveryRequest{
			Node: h.takeNode(), TypeUrl: string(t), ResourceNamesSubscribe: add, InitialResourceVersions: maps.Clone(h.versions[t]),
		})
	default:
		err = h.ask(t, add, drop)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// turn subscribes to a name, or gives it up. What nothing is asked of any more is let go.
func (h *holder) turn(t snapshot.Type, name string) {
	if name == everything {
		for h.take(false) { // or what was given up would come once more, under the wildcard
		}
	}
	if _, ok := h.names[t][name]; !ok {
		h.names[t][name] = ""
		h.tell(t, []string{name}, nil)
		return
	}
	delete(h.names[t], name)
	h.gaveUp[t][name] = ""
	if _, all := h.names[t][everything]; !all {
		maps.DeleteFunc(h.held[t], func(held, _ string) bool { return !h.wants(t, held) })
		maps.DeleteFunc(h.versions[t], func(held, _ string) bool { return !h.wants(t, held) })
		maps.DeleteFunc(h.refused[t], func(held, _ string) bool { return !h.wants(t, held) })
	}
	h.tell(t, nil, []string{name})
}

func (h *holder) wants(t snapshot.Type, name string) bool {
	_, named := h.names[t][name]
	_, all := h.names[t][everything]
	return named || all
}

// take reads a response, if there is one, and accepts it, or refuses one resource that is news.
func (h *holder) take(refuse bool) bool {
	synctest.Wait()
	var r response
	select {
	case r = <-h.out:
	default:
		return false
	}
	h.last[r.t] = r
	refused := ""
	for i, name := range r.names {
		bytes := string(r.resources[i].GetValue())
		switch {
		case !h.wants(r.t, name): // given up meanwhile
		case h.refused[r.t][name] == bytes && h.held[r.t][name] != bytes && !h.delta:
			h.t.Fatalf("%s %s was refused, and is sent again", r.t.ShortName(), name)
		case refuse && refused == "" && h.held[r.t][name] != bytes:
			refused, h.refused[r.t][name] = name, bytes
		default:
			h.held[r.t][name], h.versions[r.t][name] = bytes, r.resourceVersions[name]
		}
	}
	for name := range h.held[r.t] {
		if slices.Contains(r.removed, name) || !h.delta && r.t.FullState() && !slices.Contains(r.names, name) {
			delete(h.held[r.t], name)
			delete(h.versions[r.t], name)
		}
	}
	answer := func() error { return h.ack(r.t) }
	if h.partial[r.t] = refused != ""; h.partial[r.t] {
		answer = func() error { return h.nack(r.t, fmt.Sprintf("resource %q: no", refused)) }
	}
	if err := answer(); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
	return true
}

// check compares what the client holds with what is current.
func (h *holder) check(t snapshot.Type, current *snapshot.Snapshot) {
	viewer := mesh.Client{Namespace: "demo", Kind: mesh.GRPCGo, Version: "1.85.0"}
	want := maps.Clone(h.names[t])
	if _, all := want[everything]; all {
		delete(want, everything)
		for _, name := range current.Names(t, viewer) {
			want[name] = ""
		}
	}
	for name := range want {
		v := string(current.Resource(t, name, viewer).Any().GetValue())
		if got := h.held[t][name]; got != v && h.refused[t][name] != v {
			h.t.Fatalf("%s %s (incremental: %t): holds %q, want %q", t.ShortName(), name, h.delta, got, v)
		}
	}
	for name := range h.held[t] {
		if _, ok := want[name]; !ok {
			h.t.Fatalf("%s %s (incremental: %t) is held, and is gone", t.ShortName(), name, h.delta)
		}
	}
}
