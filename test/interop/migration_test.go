//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
)

// migrated are the servers of the Service that is migrated, one of each current language.
var migrated = []string{"go", "java", "python", "node"}

// migration is a Service whose servers are replaced while clients in four languages call it.
type migration struct {
	*fleet
	clients map[string]*client
	loads   map[string]*rounds
	// version counts the rollouts.
	version int
}

// peer is the identity with which the clients call.
const peer = "spiffe://cluster.local/ns/shop/sa/web"

// migrationStep is a step of the path to encrypted and authorized calls, or back.
type migrationStep struct {
	name string
	do   func(m *migration)
	// peers are the identities that servers see then.
	peers []string
}

var migrationSteps = []migrationStep{
	{"servers and clients have certificates", func(*migration) {}, []string{""}},
	{"half of the servers are replaced by servers with `mizzen.dev/server: xds`", func(m *migration) { m.roll(pod{identity: true, xds: true}, migrated[:2]...) }, []string{"", peer}},
	{"the other half is", func(m *migration) { m.roll(pod{identity: true, xds: true}, migrated[2:]...) }, []string{peer}},
	{"PeerAuthentication STRICT", func(m *migration) { m.plane.put("objects.yaml", strictNamespace) }, []string{peer}},
	{"a policy that allows the clients", func(m *migration) { m.edit(allow("web")) }, []string{peer}},
	{"no policy", func(m *migration) { m.edit(strictNamespace) }, []string{peer}},
	{"no PeerAuthentication", func(m *migration) { m.plane.put("objects.yaml", "") }, []string{peer}},
	{"half of the servers are replaced by servers without the label", func(m *migration) { m.roll(pod{identity: true}, migrated[2:]...) }, []string{"", peer}},
	{"the other half is", func(m *migration) { m.roll(pod{identity: true}, migrated[:2]...) }, []string{""}},
}

// migrate takes a Service from plaintext to mTLS, STRICT and policies, and back, one server after the other, while clients in four
// languages call it. No call may fail.
func migrate(t *testing.T) {
	t.Helper()
	m := newMigration(t)
	m.roll(pod{identity: true}, migrated...)
	m.call()
	for _, step := range migrationSteps {
		step.do(m)
		m.settled()
		m.check(step.name)
		for _, l := range languages {
			m.loads[l.name].await(2)
			if got := m.peers(l); !slices.Equal(got, step.peers) {
				t.Errorf("%s: servers see %q from the client in %s, want %q", step.name, got, l.name, step.peers)
			}
		}
	}
	m.rest()
}

func newMigration(t *testing.T) *migration {
	t.Helper()
	return &migration{fleet: newFleet(t, ""), clients: map[string]*client{}, loads: map[string]*rounds{}}
}

// call has clients in four languages call until rest.
func (m *migration) call() {
	m.t.Helper()
	for _, l := range languages {
		m.clients[l.name] = m.client(l, "web")
		m.loads[l.name] = startRounds(m.clients[l.name], []string{"echo"})
		m.loads[l.name].await(1)
	}
}

func (m *migration) rest() {
	m.t.Helper()
	for _, l := range languages {
		calls, _ := m.loads[l.name].stop()
		m.t.Logf("%s: %d calls", l.name, calls)
	}
}

// flap has the endpoints of a Service come and go while clients in four languages call it: the only one in plaintext, and those with
// mTLS, which have two service accounts. No call may fail.
func flap(t *testing.T) {
	t.Helper()
	m := newMigration(t)
	for _, p := range []pod{{name: "plain"}, {name: "one", xds: true}, {name: "other", xds: true, account: "other"}} {
		p.service, p.version, p.identity = "echo", "v1", true
		creds := plaintext()
		if p.xds {
			creds = credentialsOf(m.mesh.Pod("shop", "web"))
		}
		s := m.start(serverKindOf("go"), p)
		if err := newProber(t, s.local(), creds, origin{}).awaitCode(probe{}, codes.OK); err != nil {
			t.Fatal(err)
		}
	}
	m.publish()
	m.call()
	const times = 4
	for i := range times {
		for _, gone := range [][]string{{"plain"}, {"other"}, {"one", "other"}, {"one"}, {"plain", "one"}} {
			for _, hidden := range []bool{true, false} {
				for _, name := range gone {
					m.members[name].hidden = hidden
				}
				m.publish()
				m.settled()
				m.check(fmt.Sprintf("time %d, %q are away: %t", i+1, gone, hidden))
			}
		}
	}
	m.rest()
}

// check fails the test if a call has failed in this step, and starts the client's calls anew.
func (m *migration) check(step string) {
	m.t.Helper()
	for _, l := range languages {
		select {
		case <-m.loads[l.name].ended:
			m.t.Errorf("%s: a client in %s: %v", step, l.name, m.loads[l.name].err)
			m.loads[l.name] = startRounds(m.clients[l.name], []string{"echo"})
			m.loads[l.name].await(1)
		default:
		}
	}
}

// settled waits until all clients and servers have acknowledged what they were sent.
func (m *migration) settled() {
	m.t.Helper()
	if _, err := m.plane.settle(); err != nil {
		m.t.Error(err)
	}
}

// edit replaces the policies, and returns when they are in effect everywhere.
func (m *migration) edit(objects string) {
	m.t.Helper()
	m.plane.put("objects.yaml", objects)
	want := codes.OK
	if objects == allow("web") {
		want = codes.PermissionDenied
	}
	for _, s := range m.members {
		jobs := newProber(m.t, s.local(), credentialsOf(m.mesh.Pod("shop", "jobs")), origin{})
		if err := jobs.awaitCode(probe{}, want); err != nil {
			m.t.Errorf("%s: %v", s.pod.name, err)
		}
	}
}

// roll replaces servers one after the other as a Deployment does: a new one starts, serves and gets an endpoint, then the endpoint
// of the old one is removed and it is told to end.
func (m *migration) roll(born pod, kinds ...string) {
	m.t.Helper()
	m.version++
	for _, kind := range kinds {
		var old *member
		for _, s := range m.members {
			if s.kind.name == kind {
				old = s
			}
		}
		born.name, born.service, born.version = fmt.Sprintf("%s-%d", kind, m.version), "echo", fmt.Sprintf("v%d", m.version)
		fresh := m.start(serverKindOf(kind), born)
		creds := plaintext()
		if born.xds {
			creds = credentialsOf(m.mesh.Pod("shop", "web"))
		}
		if err := newProber(m.t, fresh.local(), creds, origin{}).awaitCode(probe{}, codes.OK); err != nil {
			m.t.Fatalf("%s: %v", born.name, err)
		}
		m.publish()
		m.settled()
		if old == nil {
			continue
		}
		delete(m.members, old.pod.name)
		m.publish()
		m.settled()
		old.stop()
	}
}

// peers are the identities that servers see when a client calls, sorted.
func (m *migration) peers(l *language) []string {
	m.t.Helper()
	spec := &callSpec{To: "echo", Method: defaultMethod, Count: 40, Parallel: 4, Timeout: duration(patience)}
	outcomes := must(m.clients[l.name].call(spec))(m.t)
	var seen []string
	for _, o := range outcomes {
		var got served
		if err := json.Unmarshal([]byte(o.Body), &got); err != nil {
			m.t.Errorf("a call by the client in %s ended with %+v", l.name, o)
			continue
		}
		seen = append(seen, got.Peer)
	}
	slices.Sort(seen)
	return slices.Compact(seen)
}
