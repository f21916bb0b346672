package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// member is one remote cluster: its Feed, what is known of it, and what is stored of it. Objects of a Feed are passed on once
// all of them were read, so that a new Feed replaces what is known in one step.
type member struct {
	name    string
	to      *Inbox
	options Options
	// settle is called once: the cluster was read, or it was waited for long enough.
	settle func()
	// wanted is the cluster as it is to be read. gone is closed when it is not to be read any more, and ended when nothing is
	// known of it.
	wanted      chan Remote
	gone, ended chan struct{}
	patience    *time.Timer
	checkpoints *checkpointer

	// Only the goroutine of run uses the fields below.

	// revision is that of the last Remote. current is the Feed that was read whole; next will replace it.
	revision      string
	close         func()
	current, next *reading
	// settled is set after settle was called.
	settled bool
	// told are what there are Problems about, and the Feed that reported them; nil for those of the member.
	told map[object.Key]*reading

	// mu protects what Clusters shows.
	mu    sync.Mutex
	known map[object.Key]*object.Object
	feed  Feed
	// remote is the cluster as it is to be read. wrong is why it cannot be read so; empty if that is not known.
	remote Remote
	wrong  string
	// changed is when an object changed last.
	changed time.Time
	// saved is when the objects were stored that are served because the cluster was not read yet; zero otherwise.
	saved time.Time
	read  bool
}

// reading is a Feed that runs.
type reading struct {
	feed  Feed
	inbox *Inbox
	stop  context.CancelFunc
	ended chan struct{}
}

func newMember(name string, to *Inbox, o Options, settle func()) *member {
	return &member{
		name: name, to: to, options: o, settle: settle, wanted: make(chan Remote), gone: make(chan struct{}), ended: make(chan struct{}),
		patience: time.NewTimer(o.StateWait), checkpoints: newCheckpointer(o), known: map[object.Key]*object.Object{},
		told: map[object.Key]*reading{},
	}
}

// restoreNow makes the member wait no longer. It may be called before it has a Feed.
func (m *member) restoreNow() { m.patience.Reset(0) }

// run returns when ctx ends or the cluster is gone, and then nothing is known of it any more.
func (m *member) run(ctx context.Context) {
	var saving sync.WaitGroup
	saving.Go(m.checkpoints.run)
	defer close(m.ended)
	defer saving.Wait()
	defer func() { m.checkpoints.finish(m.list) }()
	defer m.patience.Stop()
	defer func() { m.next.end(); m.current.end() }()
	for {
		select {
		case r := <-m.wanted:
			m.open(ctx, r)
		case <-m.next.completed():
			m.supersede()
		case <-m.next.pending():
			m.put(m.ofUnread(m.next.inbox.takeProblems()), m.next)
		case <-m.current.pending():
			changes, _ := m.current.inbox.Take()
			m.put(changes, m.current)
		case <-m.patience.C:
			m.restore()
		case <-m.checkpoints.due():
			m.checkpoints.hand(m.list)
		case <-m.gone:
			m.forget()
			return
		case <-ctx.Done():
			return
		}
	}
}

// open begins to read the cluster as it is to be read now. What is known stays until that is complete, and what was read until
// now is read on.
func (m *member) open(ctx context.Context, r Remote) {
	m.close = r.Close
	m.mu.Lock()
	m.remote = r
	m.mu.Unlock()
	if r.Open == nil && !m.settled {
		m.restoreNow() // there is nothing to wait for
	}
	if r.Open == nil || r.Revision == m.revision {
		return
	}
	m.revision = r.Revision
	feed, err := r.Open()
	m.mu.Lock()
	if m.wrong = ""; err != nil {
		m.wrong = err.Error()
	}
	m.mu.Unlock()
	if err != nil {
		m.put(Changes{Problems: map[object.Key][]mesh.Problem{m.key(): {m.lost(fmt.Sprintf("it cannot be reached: %v", err))}}}, nil)
		return
	}
	m.mu.Lock()
	m.feed = feed
	m.mu.Unlock()
	if m.next.end(); m.next != nil {
		m.put(m.withdrawn(NewChanges(), func(by *reading) bool { return by == m.next }), nil)
	}
	ctx, stop := context.WithCancel(ctx)
	m.next = &reading{feed: feed, inbox: NewInbox(), stop: stop, ended: make(chan struct{})}
	go func(r *reading) {
		defer close(r.ended)
		if err := r.feed.Run(ctx, r.inbox); err != nil && ctx.Err() == nil {
			m.options.Logger.Error("cannot read a remote cluster any more", "error", err)
		}
	}(m.next)
}

// supersede replaces what is known by what the new Feed has read whole.
func (m *member) supersede() {
	m.current.end()
	m.current, m.next = m.next, nil
	changes, _ := m.current.inbox.Take()
	for key := range m.known {
		if _, ok := changes.Objects[key]; !ok {
			changes.Objects[key] = nil
		}
	}
	changes = m.withdrawn(changes, func(by *reading) bool { return by != m.current })
	m.options.Logger.Info("read a remote cluster", "objects", len(changes.Objects))
	m.mu.Lock()
	m.saved, m.read = time.Time{}, true
	m.mu.Unlock()
	m.put(changes, m.current)
	m.settleOnce()
}

// restore serves what was stored if the cluster was not read in time.
func (m *member) restore() {
	defer m.settleOnce()
	if m.current != nil {
		return
	}
	changes := NewChanges()
	var saved time.Time
	err := errors.New("nothing is stored without --state-dir")
	if m.options.StateStore != nil {
		err = m.options.StateStore.Load(func(r io.Reader) (err error) {
			changes.Objects, saved, err = object.ReadState(r, object.NewStateHeader(m.name, m.options.Domain, m.options.Namespaces))
			return err
		})
	}
	if err != nil {
		changes.Objects, saved = map[object.Key]*object.Object{}, time.Time{}
	}
	log := []any{"reason", m.unread(), "objects", len(changes.Objects)}
	if err == nil {
		log = append(log, "stored", saved)
	} else {
		log = append(log, "not_stored", err)
	}
	m.options.Logger.Warn("cannot read a remote cluster yet", log...)
	m.mu.Lock()
	m.saved = saved
	m.mu.Unlock()
	changes.Problems[m.key()] = []mesh.Problem{m.notRead()}
	m.put(changes, nil)
	m.mu.Lock()
	m.changed = saved
	m.mu.Unlock()
}

// notRead is the Problem of a cluster that was not read since the start.
func (m *member) notRead() mesh.Problem {
	if m.saved.IsZero() {
		return m.lost(m.unread())
	}
	return mesh.Problem{
		Code: mesh.CodeLastGood, Severity: mesh.Warning, Object: mesh.Ref{Kind: mesh.KindCluster, Name: m.name},
		Message: fmt.Sprintf("The state of the remote cluster that was stored at %s is served, because %s. %s", m.saved.Format(time.RFC3339), m.unread(), m.wayOut()),
	}
}

// ofUnread returns the Problems of a Feed that was not read whole. Such a Feed does not know what is served, so the member says instead
// that the cluster cannot be read.
func (m *member) ofUnread(c Changes) Changes {
	lost, ok := c.Problems[m.feedKey()]
	if !ok {
		return c
	}
	delete(c.Problems, m.feedKey())
	var own []mesh.Problem
	switch {
	case m.current == nil && !m.settled:
		return c // the start waits for it
	case m.current == nil:
		own = []mesh.Problem{m.notRead()}
	case len(lost) > 0:
		own = []mesh.Problem{m.lost("it cannot be read with its new kubeconfig: " + m.lostWhy())}
	}
	m.put(Changes{Problems: map[object.Key][]mesh.Problem{m.key(): own}}, nil)
	return c
}

// lost is the Problem of a cluster that cannot be read.
func (m *member) lost(why string) mesh.Problem {
	m.mu.Lock()
	wrong := m.remote.Wrong
	m.mu.Unlock()
	effect := "The endpoints of the remote cluster are missing"
	switch {
	case m.current != nil:
		effect = "The last known state of the remote cluster stays in effect"
	case wrong != "": // It may be joined under another name.
		effect = "Nothing is joined under the name of this cluster"
	}
	return mesh.Problem{
		Code: mesh.CodeSourceLost, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindCluster, Name: m.name},
		Message: fmt.Sprintf("%s, because %s. %s", effect, why, m.wayOut()),
	}
}

// wayOut says what to do about a cluster that cannot be read.
func (m *member) wayOut() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.remote.Wrong != "":
		return "Correct the Secret; its own Problem states what is wrong."
	case m.remote.Secret != "":
		return fmt.Sprintf("Make its API server reachable, or correct the kubeconfig in Secret %s, or the rights that it gives.", m.remote.Secret)
	}
	return "Make its API server reachable, or correct the kubeconfig in its Secret, or the rights that it gives."
}

// unread says why the cluster was not read since the start.
func (m *member) unread() string {
	m.mu.Lock()
	wrong, secret := m.remote.Wrong, m.remote.Secret
	m.mu.Unlock()
	if wrong != "" {
		return fmt.Sprintf("the kubeconfig in Secret %s is not used, and it was not read since the start", secret)
	}
	if why := m.lostWhy(); why != "" {
		return "it was not read since the start: " + why
	}
	return "it was not read since the start"
}

// lostWhy is why the newest Feed cannot be read; empty if that is not known.
func (m *member) lostWhy() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.feed.(explainsLoss); ok {
		return strings.TrimSuffix(f.LostWhy(), ".")
	}
	return ""
}

// explainsLoss is a Feed that knows since when something cannot be read, and why.
type explainsLoss interface {
	Lost() time.Time
	LostWhy() string
}

// key is what Problems of the cluster as a whole are about.
func (m *member) key() object.Key { return object.Key{Kind: mesh.KindCluster, Cluster: m.name} }

// feedKey is what Problems are about by which a Feed says that the cluster cannot be read.
func (m *member) feedKey() object.Key { return object.Key{Cluster: m.name} }

// withdrawn adds to changes that Problems end, by the Feed that reported them.
func (m *member) withdrawn(c Changes, of func(by *reading) bool) Changes {
	for key, by := range m.told {
		if _, ok := c.Problems[key]; !ok && of(by) {
			c.Problems[key] = nil
		}
	}
	return c
}

// forget removes everything that is known.
func (m *member) forget() {
	changes := NewChanges()
	for key := range m.known {
		changes.Objects[key] = nil
	}
	changes = m.withdrawn(changes, func(*reading) bool { return true })
	m.current.end()
	m.current = nil
	m.put(changes, nil)
	m.checkpoints.discard()
}

// put passes changes on that a Feed has reported, or the member itself.
func (m *member) put(c Changes, by *reading) {
	m.mu.Lock()
	for key, o := range c.Objects {
		if o == nil {
			delete(m.known, key)
		} else {
			m.known[key] = o
		}
	}
	if len(c.Objects) > 0 {
		m.changed = time.Now()
	}
	m.mu.Unlock()
	for key, problems := range c.Problems {
		if len(problems) == 0 {
			delete(m.told, key)
		} else {
			m.told[key] = by
		}
	}
	if len(c.Objects) > 0 && m.current != nil {
		m.checkpoints.changed()
	}
	m.to.Put(c)
}

func (m *member) settleOnce() {
	if !m.settled {
		m.settled = true
		m.settle()
	}
}

// list lists what is stored of the cluster. Values are immutable.
func (m *member) list() []object.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]object.Object, 0, len(m.known))
	for _, o := range m.known {
		out = append(out, *o)
	}
	return out
}

// end stops a Feed and waits for it. r may be nil.
func (r *reading) end() {
	if r != nil {
		r.stop()
		<-r.ended
	}
}

func (r *reading) completed() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.inbox.Completed()
}

func (r *reading) pending() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.inbox.Pending()
}
