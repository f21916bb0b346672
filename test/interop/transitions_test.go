//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/test/authority"
)

// transition changes something while servers answer calls.
type transition struct {
	name, about string
	// except states why a server cannot do it; it must fail then.
	except map[string]string
	// plain servers have no certificates.
	plain bool
	run   func(s *stage)
}

// transitions are played in this order with the same servers, except those that are plain. The servers trust another authority after the
// last one.
var transitions = []transition{
	{
		name: "identity", about: "the application reads the identity of its client; plaintext, a client without a certificate and one of a foreign authority are refused",
		run: identityIsSeen,
	},
	{
		name: "clients", about: "clients in Go, Java, Python and Node call by mTLS, and are denied what the policy does not allow them",
		run: clientsCall,
	},
	{
		name: "policy", about: "an edit of a policy applies to the next call on an open connection within a second, while a stream goes on",
		run: policyIsEdited,
	},
	{
		name: "large", about: "policies too large for a response of gRPC deny every call, and the next edit applies again",
		run: policiesAreTooLarge,
	},
	{
		name: "bytes", about: "a header that is not text does not evade a policy for its presence",
		except: map[string]string{"node": "It drops such a header, so that the application does not see it either."},
		run:    headersAreNotText,
	},
	{
		name: "edits", about: "while files are broken, half written, renamed and removed around it, a DENY is never lifted and plaintext never answered",
		run: hostileEdits,
	},
	{
		name: "away", about: "without the control plane, old and new connections are served, by the policies that were in effect; then edits arrive again",
		run: planeIsAway,
	},
	{
		name: "probe", about: "kubelet's probes arrive in plaintext from the node's address, other methods and other addresses do not",
		except: map[string]string{"node": "It matches no source addresses. Its probes need a second port, with a server that is not by xDS."},
		run:    probesArrive,
	},
	{
		name: "rotation", about: "the certificate and then the authority are replaced, no call fails, and clients of the old authority are refused at the end",
		run: certificatesRotate,
	},
	{
		name: "closed", about: "STRICT closes a server without a certificate, and it serves again when the mode is PERMISSIVE",
		plain: true, run: listenerGoesAndComes,
	},
}

// stage has a server of each kind, and what went wrong.
type stage struct {
	*fleet
	mu       sync.Mutex
	failures map[string]error
}

// each does something with every server that has not failed, at the same time.
func (s *stage) each(do func(m *member) error) {
	var all sync.WaitGroup
	for _, m := range s.members {
		s.mu.Lock()
		failed := s.failures[m.kind.name] != nil
		s.mu.Unlock()
		if failed {
			continue
		}
		all.Go(func() {
			if err := do(m); err != nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.failures[m.kind.name] = err
			}
		})
	}
	all.Wait()
}

// play runs a transition with a server of each kind, from a state without policies.
func (s *stage) play(t *testing.T, change transition) {
	t.Helper()
	s.failures = map[string]error{}
	if !change.plain {
		s.plane.put("objects.yaml", strictNamespace)
		s.each(func(m *member) error { return s.web(m).awaitCode(probe{}, codes.OK) })
	}
	change.run(s)
	for _, kind := range serverKinds {
		switch err, why := s.failures[kind.name], change.except[kind.name]; {
		case err != nil && why == "":
			t.Errorf("%s: %v", kind.name, err)
		case err == nil && why != "":
			t.Errorf("%s: it passes, although it is stated that it cannot: %s", kind.name, why)
		}
	}
}

// agents are the user agents of the servers, by kind.
func (s *stage) agents() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, c := range s.plane.clients() {
		if m := s.members[c.Node]; m != nil {
			all[m.kind.name] = c.Agent + " " + c.Version
			if !strings.HasPrefix(c.Agent, m.kind.agent) {
				s.t.Errorf("%s: got the agent %q, want %q", m.kind.name, c.Agent, m.kind.agent)
			}
		}
	}
	return all
}

// newStage starts a server of each kind, and returns when all of them answer.
func newStage(t *testing.T, plain bool) *stage {
	t.Helper()
	objects := strictNamespace
	if plain {
		objects = ""
	}
	s := &stage{fleet: newFleet(t, objects), failures: map[string]error{}}
	for _, kind := range serverKinds {
		s.start(kind, pod{name: kind.podName(), service: kind.podName(), version: "v1", identity: !plain, xds: true})
	}
	s.publish()
	s.each(func(m *member) error { return s.web(m).awaitCode(probe{}, codes.OK) })
	for name, err := range s.failures {
		t.Errorf("%s: %v", name, err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// web is a prober of a server as the service account web, or in plaintext if the server has no certificate.
func (s *stage) web(m *member) *prober { return s.as(m, s.mesh, "web") }

func (s *stage) as(m *member, by *authority.Authority, account string) *prober {
	s.t.Helper()
	if m.files == nil {
		return newProber(s.t, m.local(), plaintext(), origin{})
	}
	return newProber(s.t, m.local(), credentialsOf(by.Pod("shop", account)), origin{})
}

// connected makes a call on a new connection.
func (s *stage) connected(m *member, by *authority.Authority, account string) *status.Status {
	s.t.Helper()
	p := s.as(m, by, account)
	defer p.channel.Close()
	_, got := p.call(probe{})
	return got
}

// allow is a policy that allows calls of one service account.
func allow(account string) string {
	return strictNamespace + policy("allowed", "{rules: [{from: [{source: {serviceAccounts: ["+account+"]}}]}]}")
}

// policy is an AuthorizationPolicy of the servers' namespace, for after another object.
func policy(name, spec string) string {
	return "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec: " + spec + "\n"
}

func identityIsSeen(s *stage) {
	s.each(func(m *member) error {
		got, end := s.web(m).call(probe{Headers: map[string]string{"x-echo": "a header"}})
		want := served{
			Backend: m.kind.podName(), Version: "v1", Language: got.Language, Peer: peer, Method: defaultMethod, Header: "a header",
		}
		if got != want {
			return fmt.Errorf("got %+v and %v, want %+v", got, end, want)
		}
		for name, p := range newCallers(s.t, s.mesh, m.server).refused {
			if _, end := p.call(probe{}); end.Code() != codes.Unavailable {
				return fmt.Errorf("%s: got %v, want the connection refused", name, end)
			}
		}
		return nil
	})
}

func clientsCall(s *stage) {
	s.plane.put("objects.yaml", strictNamespace+policy("allowed", "{rules: [{from: [{source: {serviceAccounts: [web]}}], to: [{operation: {paths: ["+defaultMethod+"]}}]}]}"))
	const denied = "/interop.Echo/Reset"
	s.each(func(m *member) error { return s.web(m).awaitCode(probe{Method: denied}, codes.PermissionDenied) })
	for _, l := range languages {
		c := s.client(l, "web")
		s.each(func(m *member) error {
			for method, want := range map[string]codes.Code{defaultMethod: codes.OK, denied: codes.PermissionDenied} {
				outcomes, err := c.call(&callSpec{To: m.kind.target(), Method: method, Count: 5, Parallel: 1, Timeout: duration(patience)})
				if err != nil {
					return err
				}
				for _, o := range outcomes {
					var got served
					if o.Code == 0 && json.Unmarshal([]byte(o.Body), &got) != nil || codes.Code(o.Code) != want ||
						want == codes.OK && (got.Backend != m.pod.name || got.Peer != peer) {
						return fmt.Errorf("a call of %s by the client in %s: got %+v, want %v by %s", method, l.name, o, want, peer)
					}
				}
			}
			return nil
		})
		if _, err := s.plane.settle(); err != nil {
			s.t.Error(err)
		}
	}
}

// probesArrive has kubelet's address on the node of the pods probe them.
func probesArrive(s *stage) {
	const check = "/grpc.health.v1.Health/Check"
	s.each(func(m *member) error {
		kubelet, other := newProber(s.t, m.local(), plaintext(), origin{source: nodeAddress}), newProber(s.t, m.local(), plaintext(), origin{source: "127.0.0.1"})
		_, got := kubelet.call(probe{Method: check})
		_, method := kubelet.call(probe{})
		_, source := other.call(probe{Method: check})
		_, client := s.web(m).call(probe{})
		if got.Code() != codes.OK || method.Code() == codes.OK || source.Code() != codes.Unavailable || client.Code() != codes.OK {
			return fmt.Errorf("got %v for a probe, %v for another method, %v from another address, %v for a client of the mesh", got, method, source, client)
		}
		return nil
	})
}

// attempts is how often an edit is made: a machine that was busy for a moment is excused, a server that is slow is not.
const attempts = 3

// effect is how soon an edit must be in effect.
const effect = time.Second

func policyIsEdited(s *stage) {
	var open sync.Map
	s.each(func(m *member) error {
		p := s.web(m)
		w, err := p.watch(s.t)
		open.Store(m, &conversation{p, w})
		return err
	})
	soon := map[string]bool{}
	for range attempts {
		for _, edit := range []struct {
			account string
			want    codes.Code
		}{{"jobs", codes.PermissionDenied}, {"web", codes.OK}} {
			start := time.Now()
			s.plane.write("objects.yaml", allow(edit.account))
			s.each(func(m *member) error {
				value, _ := open.Load(m)
				err := value.(*conversation).prober.awaitCode(probe{}, edit.want)
				took := time.Since(start)
				s.t.Logf("%s: %v after %v", m.kind.name, edit.want, took)
				s.mu.Lock()
				defer s.mu.Unlock()
				soon[m.kind.name] = soon[m.kind.name] || took < effect
				return err
			})
		}
	}
	s.each(func(m *member) error {
		value, _ := open.Load(m)
		c := value.(*conversation)
		s.mu.Lock()
		fast := soon[m.kind.name]
		s.mu.Unlock()
		if !fast {
			return fmt.Errorf("no edit was in effect within %v", effect)
		}
		if n := c.prober.connections.Load(); n != 1 && m.kind.name != "node" {
			return fmt.Errorf("the client has connected %d times, want once", n)
		}
		return c.stream.alive()
	})
}

// conversation is a channel with a stream.
type conversation struct {
	prober *prober
	stream *watched
}

func planeIsAway(s *stage) {
	s.plane.put("objects.yaml", allow("web"))
	_, err := s.plane.settle()
	before := s.probers(func(m *member) *prober { return s.web(m) })
	s.each(func(m *member) error { return errors.Join(err, before[m].awaitCode(probe{}, codes.OK)) })
	s.plane.stop()
	s.each(func(m *member) error {
		if _, got := before[m].call(probe{}); got.Code() != codes.OK {
			return fmt.Errorf("an old connection: %w", got.Err())
		}
		if got := s.connected(m, s.mesh, "web"); got.Code() != codes.OK {
			return fmt.Errorf("a new connection: %w", got.Err())
		}
		if got := s.connected(m, s.mesh, "jobs"); got.Code() != codes.PermissionDenied {
			return fmt.Errorf("a client that the policy does not allow: got %w", got.Err())
		}
		return nil
	})
	s.plane.start()
	s.plane.write("objects.yaml", allow("jobs"))
	s.each(func(m *member) error {
		return errors.Join(before[m].awaitCode(probe{}, codes.PermissionDenied), s.as(m, s.mesh, "jobs").awaitCode(probe{}, codes.OK))
	})
}

// probers makes a prober for each server.
func (s *stage) probers(of func(m *member) *prober) map[*member]*prober {
	all := map[*member]*prober{}
	for _, m := range s.members {
		all[m] = of(m)
	}
	return all
}

func certificatesRotate(s *stage) {
	second := authority.New(s.t)
	first := s.probers(func(m *member) *prober { return s.web(m) })
	loads := map[*member]*knocks{}
	streams := map[*member]*watched{}
	for _, m := range s.members {
		loads[m] = knock(s, m)
		streams[m] = must(first[m].watch(s.t))(s.t)
	}
	s.each(func(m *member) error {
		m.files.Trust(s.mesh, second)
		if err := s.as(m, second, "web").awaitCode(probe{}, codes.OK); err != nil {
			return fmt.Errorf("a client of the second authority: %w", err)
		}
		m.files.Renew(second)
		if err := m.awaitLeaf(); err != nil {
			return err
		}
		return errors.Join(loads[m].stop(), streams[m].alive())
	})
	s.each(func(m *member) error {
		m.files.Trust(second)
		refused := func() error {
			if got := s.connected(m, s.mesh, "web"); got.Code() != codes.Unavailable {
				return fmt.Errorf("a client of the first authority: got %v, want the connection refused", got)
			}
			return nil
		}
		if err := eventually(refused); err != nil {
			return err
		}
		return s.as(m, second, "web").awaitCode(probe{}, codes.OK)
	})
}

func listenerGoesAndComes(s *stage) {
	plain := s.probers(func(m *member) *prober { return s.web(m) })
	streams := map[*member]*watched{}
	for _, m := range s.members {
		streams[m] = must(plain[m].watch(s.t))(s.t)
	}
	s.plane.write("objects.yaml", strictNamespace)
	closed := []codes.Code{codes.Unavailable, codes.PermissionDenied}
	s.each(func(m *member) error {
		fails := func() error {
			_, old := plain[m].call(probe{})
			if got := s.connected(m, s.mesh, "web"); !slices.Contains(closed, got.Code()) || !slices.Contains(closed, old.Code()) {
				return fmt.Errorf("got %v and %v, want calls to fail", got, old)
			}
			return nil
		}
		if err := eventually(fails); err != nil {
			return err
		}
		if m.kind.tells {
			return m.await("not serving")
		}
		return nil
	})
	s.plane.write("objects.yaml", "")
	s.each(func(m *member) error {
		return errors.Join(plain[m].awaitCode(probe{}, codes.OK), s.web(m).awaitCode(probe{}, codes.OK))
	})
	s.each(func(m *member) error { return streams[m].alive() })
}
