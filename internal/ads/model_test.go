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

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// everything is the wildcard.
const everything = "*"

// TestClientsHoldWhatIsCurrent runs random histories. Services are added, changed and removed. Clients of both
// protocols subscribe, unsubscribe, respond late, reject, disconnect, and reconnect to the same process or another
// one. When nothing is in flight, each client has the current version of every resource that it subscribes to, and no
// other resources.
func TestClientsHoldWhatIsCurrent(t *testing.T) {
	for seed := range seeds.Of(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newModel(t, seed).run() })
		})
	}
}

// TestClientsHoldWhatIsCurrentWithRules adds rules to the histories, so that routes begin to name other Clusters. Clients
// also subscribe to the Clusters that their routes name, and to the endpoints of these.
func TestClientsHoldWhatIsCurrentWithRules(t *testing.T) {
	for seed := range seeds.Of(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, seed)
				m.objects = map[string]string{}
				m.run()
			})
		})
	}
}

// model is the state of one history.
type model struct {
	t       *testing.T
	random  *rand.Rand
	world   *mesh.World
	store   *serving.Store
	server  *discovery
	clients []*modelClient
	// objects are the objects of a history with rules; otherwise nil.
	objects map[string]string
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 11)), world: &mesh.World{Domain: "cluster.local"}}
	m.start()
	for i := range 6 {
		h := &modelClient{t: t, delta: i%2 == 0, names: perType(), resources: perType(), versions: perType()}
		h.connect(m.server)
		m.clients = append(m.clients, h)
	}
	return m
}

// start starts a new process without any state.
func (m *model) start() {
	m.store = serving.NewStore(serving.Options{})
	m.store.Publish(m.world)
	m.server = newDiscovery(context.Background(), Options{Store: m.store, Logger: slog.New(slog.DiscardHandler)})
}

func (m *model) run() {
	defer func() {
		for _, h := range m.clients {
			h.close()
		}
	}()
	for range 40 {
		for range m.random.IntN(20) {
			h, typ := m.clients[m.random.IntN(len(m.clients))], snapshot.Types[m.random.IntN(len(snapshot.Types))]
			switch m.random.IntN(4) {
			case 0:
				m.change()
				if m.objects != nil {
					h.follow()
				}
			case 1:
				name := m.pick(typ, h.delta)
				h.toggle(typ, name)
				if m.random.IntN(3) == 0 {
					h.toggle(typ, name) // and back
				}
			default:
				h.receive(m.random.IntN(4) == 0)
			}
		}
		m.settle()
		m.replace()
	}
}

func (m *model) change() {
	if m.objects == nil {
		m.world = soakWorld(m.random, m.world)
	} else {
		changeObject(m.random, m.objects)
		revision := m.world.Revision
		m.world = snapshottest.Load(m.t, slices.Collect(maps.Values(m.objects)))
		m.world.Revision = revision + 2 // the Store compares with the World before
	}
	m.store.Publish(m.world)
}

// changeObject adds, changes or removes an object of one of the first Services.
func changeObject(random *rand.Rand, objects map[string]string) {
	name := fmt.Sprint("s", random.IntN(3))
	variants := map[string]string{
		"service": fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n", name),
		"slice": fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}\n"+
			"addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.%d]}]\n", name, random.IntN(250)),
		"subsets": fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\nspec: {host: %[1]s, "+
			"subsets: [{name: v1, labels: {}}, {name: v%d, labels: {}}]}\n", name, 2+random.IntN(2)),
		"routes": fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: demo}\nspec: {hosts: [%[1]s], http: [{route: ["+
			"{destination: {host: %[1]s, subset: v%d}, weight: %d}, {destination: {host: s%d}, weight: 1}]}]}\n", name, 1+random.IntN(2), random.IntN(2), random.IntN(3)),
	}
	kind := []string{"service", "slice", "subsets", "routes", "routes", "routes"}[random.IntN(6)]
	key := kind + "/" + name
	if _, ok := objects[key]; ok && random.IntN(5) == 0 {
		delete(objects, key)
		return
	}
	objects[key] = variants[kind]
}

// pick returns a name to subscribe to.
func (m *model) pick(t snapshot.Type, delta bool) string {
	i := m.random.IntN(soakHosts + 2) // some do not exist
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

// settle lets the clients receive and accept all responses, including delayed ones, and checks what they have.
func (m *model) settle() {
	for range 3 {
		<-time.After(25 * time.Second)
		for _, h := range m.clients {
			for h.receive(false) {
			}
		}
	}
	for _, h := range m.clients {
		for _, typ := range snapshot.Types {
			h.check(typ, m.store.Current())
		}
	}
}

// replace disconnects clients, or all of them if the process is replaced, and reconnects them with their resources.
// Meanwhile the World may change, and clients may subscribe again to what they unsubscribed from.
func (m *model) replace() {
	another := m.random.IntN(3) == 0
	if another {
		m.start()
	}
	for _, h := range m.clients {
		if another || m.random.IntN(3) == 0 {
			h.close()
			switch m.random.IntN(3) {
			case 0:
				m.change()
			case 1:
				for typ, names := range h.unsubscribed {
					maps.Copy(h.names[typ], names)
				}
			}
			h.connect(m.server)
		}
	}
}

// modelClient is a client. The maps have, by type and name: its subscriptions, what it unsubscribed from on this
// stream, and the bytes of the resources that it has and rejected. versions has the versions that the incremental
// protocol sent.
type modelClient struct {
	*actor

	t                                                  *testing.T
	delta                                              bool
	names, unsubscribed, resources, rejected, versions map[snapshot.Type]map[string]string
	// requested has the types requested on this stream. partial has the types of which it rejected a resource.
	requested, partial map[snapshot.Type]bool
}

func perType() map[snapshot.Type]map[string]string {
	all := map[snapshot.Type]map[string]string{}
	for _, t := range snapshot.Types {
		all[t] = map[string]string{}
	}
	return all
}

// connect opens a stream and sends the subscriptions of the previous one.
func (h *modelClient) connect(server *discovery) {
	before, partial, args := h.actor, h.partial, []string{"ns=demo"}
	if h.delta {
		args = append(args, "delta")
	}
	h.actor = open(server, "holder", args)
	h.unsubscribed, h.rejected, h.requested, h.partial = perType(), perType(), map[snapshot.Type]bool{}, map[snapshot.Type]bool{}
	for _, t := range snapshot.Types {
		if before != nil && !partial[t] {
			h.version[t] = before.version[t]
		}
		if len(h.names[t]) > 0 {
			h.sendSubscription(t, slices.Sorted(maps.Keys(h.names[t])), nil)
		}
	}
}

// follow subscribes to some route tables, to the Clusters that they name, and to the endpoints of these.
func (h *modelClient) follow() {
	for i := range 3 {
		h.want(snapshot.RouteType, soakName(i))
	}
	for h.receive(false) {
	}
	for _, routes := range slices.Sorted(maps.Values(h.resources[snapshot.RouteType])) {
		config := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal([]byte(routes), config); err != nil {
			h.t.Fatal(err)
		}
		for _, name := range resource.ClustersOf(config) {
			h.want(snapshot.ClusterType, name)
			h.want(snapshot.EndpointType, name)
		}
	}
	for h.receive(false) {
	}
}

// want subscribes to a name, unless the client does already.
func (h *modelClient) want(t snapshot.Type, name string) {
	if _, ok := h.names[t][name]; !ok {
		h.toggle(t, name)
	}
}

// sendSubscription sends the subscriptions. In the incremental protocol it sends what is added and removed.
func (h *modelClient) sendSubscription(t snapshot.Type, add, drop []string) {
	first := !h.requested[t]
	h.requested[t] = true
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

// toggle subscribes to a name, or unsubscribes from it. The client drops the resources that it no longer subscribes to.
func (h *modelClient) toggle(t snapshot.Type, name string) {
	if name == everything {
		for h.receive(false) { // otherwise a pending response could contain an unsubscribed name under the wildcard
		}
	}
	if _, ok := h.names[t][name]; !ok {
		h.names[t][name] = ""
		h.sendSubscription(t, []string{name}, nil)
		return
	}
	delete(h.names[t], name)
	h.unsubscribed[t][name] = ""
	if _, all := h.names[t][everything]; !all {
		maps.DeleteFunc(h.resources[t], func(held, _ string) bool { return !h.subscribed(t, held) })
		maps.DeleteFunc(h.versions[t], func(held, _ string) bool { return !h.subscribed(t, held) })
		maps.DeleteFunc(h.rejected[t], func(held, _ string) bool { return !h.subscribed(t, held) })
	}
	h.sendSubscription(t, nil, []string{name})
}

func (h *modelClient) subscribed(t snapshot.Type, name string) bool {
	_, named := h.names[t][name]
	_, all := h.names[t][everything]
	return named || all
}

// receive reads a response, if there is one. It accepts the response, or rejects one changed resource in it.
func (h *modelClient) receive(refuse bool) bool {
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
		case !h.subscribed(r.t, name): // unsubscribed meanwhile
		case h.rejected[r.t][name] == bytes && h.resources[r.t][name] != bytes && !h.delta:
			h.t.Fatalf("%s %s was rejected, and is sent again", r.t.ShortName(), name)
		case refuse && refused == "" && h.resources[r.t][name] != bytes:
			refused, h.rejected[r.t][name] = name, bytes
		default:
			h.resources[r.t][name], h.versions[r.t][name] = bytes, r.resourceVersions[name]
		}
	}
	for name := range h.resources[r.t] {
		if slices.Contains(r.removed, name) || !h.delta && r.t.FullState() && !slices.Contains(r.names, name) {
			delete(h.resources[r.t], name)
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

// check compares the resources of the client with the current ones.
func (h *modelClient) check(t snapshot.Type, current *snapshot.Snapshot) {
	viewer := mesh.Client{Namespace: "demo", Kind: mesh.GRPCGo, Version: "1.85.0"}
	want := maps.Clone(h.names[t])
	if _, all := want[everything]; all {
		delete(want, everything)
		for _, name := range current.Names(t, viewer) {
			want[name] = ""
		}
	}
	for name := range want {
		v := ""
		if found := current.Resource(t, name, viewer); found != nil { // These clients have no scopes.
			v = string(found.Any().GetValue())
		}
		if got := h.resources[t][name]; got != v && h.rejected[t][name] != v {
			h.t.Fatalf("%s %s (incremental: %t): has %q, want %q", t.ShortName(), name, h.delta, got, v)
		}
	}
	for name := range h.resources[t] {
		if _, ok := want[name]; !ok {
			h.t.Fatalf("%s %s (incremental: %t) was removed, but the client has it", t.ShortName(), name, h.delta)
		}
	}
}
