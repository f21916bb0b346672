package watch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// remotesTest is a source with remote clusters that a test reports.
type remotesTest struct {
	t       *testing.T
	own     *fakeFeed
	updates chan update
	worlds  Worlds
	joined  *Joined
	states  memoryStates
	end     func()
	// problems are those of the last World.
	problems []mesh.Problem
}

// Run implements Remotes.
func (r *remotesTest) Run(ctx context.Context, report func([]Remote, []Refusal)) error {
	for {
		select {
		case u := <-r.updates:
			report(u.remotes, u.refusals)
		case <-ctx.Done():
			return nil
		}
	}
}

// memoryStates keeps states across processes of a test.
type memoryStates map[string]*memoryState

type memoryState struct {
	mu   sync.Mutex
	text []byte
}

func (s *memoryState) stored() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

func (s memoryStates) Of(name string) StateStore {
	if s[name] == nil {
		s[name] = &memoryState{}
	}
	return s[name]
}

func (s memoryStates) Names() (names []string) {
	for name, state := range s {
		if state.stored() != nil {
			names = append(names, name)
		}
	}
	return names
}

func (s memoryStates) Drop(name string) { delete(s, name) }

func (s *memoryState) Save(write func(io.Writer) error) (ok bool) {
	var text bytes.Buffer
	if ok = write(&text) == nil; ok {
		s.mu.Lock()
		s.text = text.Bytes()
		s.mu.Unlock()
	}
	return ok
}

func (s *memoryState) Load(read func(io.Reader) error) error {
	text := s.stored()
	if text == nil {
		return errors.New("nothing is stored")
	}
	return read(bytes.NewReader(text))
}

// startRemotes starts a process. The own cluster is complete, unless down is set.
func startRemotes(t *testing.T, states memoryStates, down bool) *remotesTest {
	t.Helper()
	r := &remotesTest{t: t, own: &fakeFeed{make(chan func(*Inbox) error)}, updates: make(chan update), worlds: NewWorlds(), states: states}
	options := Options{StateWait: 5 * time.Second, MinInterval: time.Millisecond, StateStore: states.Of("")}
	if states != nil {
		options.ClusterStates = states
	}
	r.joined = Join(r.own, r, options)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := NewSource(r.joined, options).Run(ctx, r.worlds); err != nil {
			t.Error(err)
		}
	}()
	r.end = func() { cancel(); <-ended }
	if !down {
		r.put(r.own, inCluster("", "own"), true)
	}
	return r
}

// put has a feed put changes, and complete.
func (r *remotesTest) put(f *fakeFeed, c Changes, complete bool) {
	f.do <- func(inbox *Inbox) error {
		inbox.Put(c)
		if complete {
			inbox.Complete()
		}
		return nil
	}
	synctest.Wait()
}

// inCluster are Services of a cluster with these names; those that begin with - are gone.
func inCluster(cluster string, names ...string) Changes {
	c := NewChanges()
	for _, name := range names {
		name, gone := strings.CutPrefix(name, "-")
		key := object.Key{Kind: object.KindService, Namespace: "demo", Name: name, Cluster: cluster}
		if c.Objects[key] = nil; !gone {
			c.Objects[key] = &object.Object{Key: key, Value: &mesh.Service{Ref: key.Ref(), Host: name}}
		}
	}
	return c
}

// remote is a cluster of which a test feeds the objects.
func remote(name, revision string) (Remote, *fakeFeed) {
	feed := &fakeFeed{make(chan func(*Inbox) error)}
	return Remote{Name: name, Revision: revision, Open: func() (Feed, error) { return feed, nil }}, feed
}

func (r *remotesTest) report(remotes ...Remote) {
	r.updates <- update{remotes, nil}
	synctest.Wait()
}

// expect expects that the World that was sent last has exactly these Services, or that none was sent if there are no names.
func (r *remotesTest) expect(when string, want ...string) {
	r.t.Helper()
	<-time.After(2 * time.Millisecond)
	synctest.Wait()
	var got []string
	select {
	case w := <-r.worlds:
		got, r.problems = w.Services.Hosts(), w.Problems
	default:
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: got a World with %q, want %q", when, got, want)
	}
}

func (r *remotesTest) expectProblem(when string, code mesh.Code, cluster string) {
	r.t.Helper()
	if !slices.ContainsFunc(r.problems, func(p mesh.Problem) bool { return p.Code == code && p.Object.Name == cluster }) {
		r.t.Errorf("%s: got the Problems %v, want one with %s of cluster %s", when, r.problems, code, cluster)
	}
}

// expectOnly expects Problems that begin with these texts, and no others.
func (r *remotesTest) expectOnly(when string, texts ...string) {
	r.t.Helper()
	if !slices.EqualFunc(r.problems, texts, func(p mesh.Problem, text string) bool { return strings.HasPrefix(p.Message, text) }) {
		r.t.Errorf("%s: got the Problems %v, want %q", when, r.problems, texts)
	}
}

// feedProblem is what a Feed says of cluster b as a whole.
func feedProblem(messages ...string) Changes {
	c := NewChanges()
	key := object.Key{Cluster: "b"}
	c.Problems[key] = nil
	for _, message := range messages {
		c.Problems[key] = append(c.Problems[key], mesh.Problem{Code: mesh.CodeSourceLost, Object: mesh.Ref{Kind: mesh.KindCluster, Name: "b"}, Message: message})
	}
	return c
}

func (r *remotesTest) expectMessage(when, text string) {
	r.t.Helper()
	if !slices.ContainsFunc(r.problems, func(p mesh.Problem) bool { return strings.Contains(p.Message, text) }) {
		r.t.Errorf("%s: got the Problems %v, want one with %q", when, r.problems, text)
	}
}

func TestRemotes(t *testing.T) {
	for name, play := range map[string]func(r *remotesTest){
		"the start waits until a cluster was read": func(r *remotesTest) {
			r.expect("own cluster alone")
			b, feed := remote("b", "1")
			r.report(b)
			r.put(feed, inCluster("b", "x"), false)
			r.expect("half of b")
			r.put(feed, inCluster("b", "y"), true)
			r.expect("all of b", "own", "x", "y")
			r.put(feed, inCluster("b", "-x", "z"), false)
			r.expect("b changes", "own", "y", "z")
		},
		"a cluster that is away is waited for no longer than StateWait": func(r *remotesTest) {
			b, feed := remote("b", "1")
			c, third := remote("c", "1")
			r.report(b, c)
			r.put(third, inCluster("c", "z"), true)
			<-time.After(5*time.Second - 10*time.Millisecond)
			r.expect("before StateWait")
			<-time.After(10 * time.Millisecond)
			r.expect("after StateWait", "own", "z")
			r.expectProblem("after StateWait", mesh.CodeSourceLost, "b")
			r.put(feed, inCluster("b", "x"), true)
			r.expect("b is there", "own", "x", "z")
			if len(r.problems) > 0 {
				r.t.Errorf("got the Problems %v after b was read", r.problems)
			}
		},
		"no Secrets": func(r *remotesTest) {
			r.report()
			r.expect("none", "own")
			b, feed := remote("b", "1")
			r.report(b)
			r.put(feed, inCluster("b", "x"), true)
			r.expect("one comes later", "own", "x")
		},
		"the Secrets cannot be read": func(r *remotesTest) {
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own")
		},
		"another kubeconfig replaces what is known in one step": func(r *remotesTest) {
			b, feed := remote("b", "1")
			r.report(b)
			r.put(feed, inCluster("b", "x", "y"), true)
			r.expect("as it was", "own", "x", "y")
			other, next := remote("b", "2")
			r.report(other)
			r.put(next, inCluster("b", "y"), false)
			r.expect("half read")
			r.put(feed, inCluster("b", "w"), false)
			r.expect("the old one is read on", "own", "w", "x", "y")
			r.put(next, inCluster("b", "z"), true)
			r.expect("read whole", "own", "y", "z")
			select {
			case feed.do <- nil:
				r.t.Error("the old feed still runs")
			case <-time.After(time.Minute):
			}
			same, _ := remote("b", "2")
			r.report(same)
			r.put(next, inCluster("b", "v"), false)
			r.expect("the same kubeconfig changes nothing", "own", "v", "y", "z")
		},
		"a kubeconfig that cannot be used keeps what is known": func(r *remotesTest) {
			b, feed := remote("b", "1")
			r.report(b)
			r.put(feed, inCluster("b", "x"), true)
			r.expect("as it was", "own", "x")
			r.report(Remote{Name: "b"})
			r.put(feed, inCluster("b", "y"), false)
			r.expect("the old one is read on", "own", "x", "y")
			r.report(Remote{Name: "b", Revision: "2", Open: func() (Feed, error) { return nil, errors.New("no") }})
			r.expect("the Problem", "own", "x", "y")
			r.expectProblem("after an error", mesh.CodeSourceLost, "b")
			r.expectMessage("after an error", "The last known state of the remote cluster stays in effect, because it cannot be reached: no.")
		},
		"a kubeconfig that cannot be used from the start": func(r *remotesTest) {
			r.report(Remote{Name: "b", Secret: "mizzen-system/remote-b", Wrong: "The kubeconfig has no current context."})
			r.expect("the start does not wait", "own")
			r.expectMessage("the start does not wait", "Nothing is joined under the name of this cluster, because the kubeconfig in Secret mizzen-system/remote-b is not used, and it was not read since the start. Correct the Secret; its own Problem states what is wrong.")
		},
		"a server that does not answer from the start": func(r *remotesTest) {
			b, feed := losable()
			feed.why = "Pod: no answer"
			r.report(b)
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own")
			r.expectMessage("after StateWait", "because it was not read since the start: Pod: no answer. Make its API server reachable, or correct the kubeconfig in Secret mizzen-system/s, or the rights that it gives.")
			feed.why = "Pod: forbidden"
			r.put(feed.fakeFeed, feedProblem("Pod cannot be read. The last known state is served."), false)
			r.expect("the feed reports it", "own")
			r.expectOnly("the feed reports it", "The endpoints of the remote cluster are missing, because it was not read since the start: Pod: forbidden. Make its")
		},
		"a server that refuses before the start ends its wait": func(r *remotesTest) {
			b, feed := losable()
			feed.why = "Pod: forbidden"
			r.report(b)
			r.put(feed.fakeFeed, feedProblem("Pod cannot be read. The last known state is served."), false)
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own")
			r.expectOnly("after StateWait", "The endpoints of the remote cluster are missing, because it was not read since the start: Pod: forbidden. Make its")
		},
		"a new kubeconfig that is refused": func(r *remotesTest) {
			b, feed := losable()
			r.report(b)
			r.put(feed.fakeFeed, inCluster("b", "x"), true)
			r.expect("as it was", "own", "x")
			other, next := losable()
			other.Revision, next.why = "2", "Pod: forbidden"
			r.report(other)
			r.put(next.fakeFeed, feedProblem("Pod cannot be read. The last known state is served."), false)
			r.expect("refused", "own", "x")
			r.expectOnly("refused", "The last known state of the remote cluster stays in effect, because it cannot be read with its new kubeconfig: Pod: forbidden. Make its")
			r.put(next.fakeFeed, feedProblem(), false)
			r.expect("no longer refused", "own", "x")
			r.expectOnly("no longer refused")
			r.put(next.fakeFeed, inCluster("b", "y"), true)
			r.expect("read whole", "own", "y")
		},
		"an old kubeconfig that no longer works is replaced": func(r *remotesTest) {
			b, feed := losable()
			r.report(b)
			r.put(feed.fakeFeed, inCluster("b", "x"), true)
			r.expect("as it was", "own", "x")
			r.put(feed.fakeFeed, feedProblem("Pod cannot be read. The last known state is served."), false)
			r.expect("lost", "own", "x")
			r.expectOnly("lost", "Pod cannot be read. The last known state is served.")
			other, next := losable()
			other.Revision = "2"
			r.report(other)
			about := NewChanges()
			about.Problems[object.Key{Kind: object.KindNamespace, Name: "n", Cluster: "b"}] = []mesh.Problem{{Message: "It does not tell."}}
			r.put(next.fakeFeed, about, false)
			r.put(next.fakeFeed, inCluster("b", "y"), true)
			r.expect("read whole", "own", "y")
			r.expectOnly("read whole", "It does not tell.")
			third, _ := losable()
			third.Revision = "3"
			r.report(third)
			r.report()
			r.expect("no longer joined", "own")
			r.expectOnly("no longer joined")
		},
		"a cluster whose Secret is deleted": func(r *remotesTest) {
			b, feed := remote("b", "1")
			c, third := remote("c", "1")
			r.report(b, c)
			r.put(feed, inCluster("b", "x"), true)
			r.put(third, inCluster("c", "z"), true)
			r.expect("both", "own", "x", "z")
			<-time.After(time.Minute)
			r.report(c)
			r.expect("one", "own", "z")
			if len(r.states.Names()) != 2 || r.states["b"] != nil || len(r.joined.Clusters()) != 1 {
				r.t.Errorf("got states of %q and clusters %v, want nothing of b", r.states.Names(), r.joined.Clusters())
			}
			b, feed = remote("b", "1")
			r.report(b, c)
			r.put(feed, inCluster("b", "w"), true)
			r.expect("it comes back", "own", "w", "z")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startRemotes(t, memoryStates{}, false)
				play(r)
				r.end()
			})
		})
	}
}

// TestRemotesAcrossRestart ends the process while a cluster is known, and starts another one that cannot read it.
func TestRemotesAcrossRestart(t *testing.T) {
	for name, play := range map[string]func(t *testing.T, states memoryStates){
		"the cluster is away": func(t *testing.T, states memoryStates) {
			r := startRemotes(t, states, false)
			defer r.end()
			b, feed := remote("b", "1")
			r.report(b)
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own", "x", "y")
			r.expectProblem("after StateWait", mesh.CodeLastGood, "b")
			if got := r.joined.Clusters(); len(got) != 1 || got[0].Read || got[0].StoredAt.IsZero() || got[0].Objects != 2 {
				t.Errorf("got the clusters %+v", got)
			}
			r.put(feed, inCluster("b", "y", "z"), false)
			r.expect("half read")
			r.put(feed, NewChanges(), true)
			r.expect("read whole", "own", "y", "z")
			if len(r.problems) > 0 {
				t.Errorf("got the Problems %v after b was read", r.problems)
			}
		},
		"its kubeconfig cannot be used": func(t *testing.T, states memoryStates) {
			r := startRemotes(t, states, false)
			defer r.end()
			r.report(Remote{Name: "b"})
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own", "x", "y")
		},
		"the own cluster is away, too, and so are the Secrets": func(t *testing.T, states memoryStates) {
			r := startRemotes(t, states, true)
			defer r.end()
			<-time.After(5 * time.Second)
			r.expect("after StateWait", "own", "x", "y")
			b, feed := remote("b", "1")
			r.report(b)
			r.put(feed, inCluster("b", "w"), true)
			r.expect("b can be read before the own cluster", "own", "w")
			r.put(r.own, inCluster("", "mine"), true)
			r.expect("the own cluster can be read", "mine", "w")
		},
		"its Secret was deleted meanwhile": func(t *testing.T, states memoryStates) {
			r := startRemotes(t, states, false)
			defer r.end()
			r.report()
			r.expect("after the list", "own")
			if r.states["b"] != nil {
				t.Error("the state of b is still stored")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				states := memoryStates{}
				r := startRemotes(t, states, false)
				b, feed := remote("b", "1")
				r.report(b)
				r.put(feed, inCluster("b", "x", "y"), true)
				r.expect("the first process", "own", "x", "y")
				r.end()
				play(t, states)
			})
		})
	}
}
