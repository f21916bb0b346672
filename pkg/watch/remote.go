package watch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Remote is a cluster whose endpoints are joined with those of the control plane's own cluster.
type Remote struct {
	// Name distinguishes it from other clusters.
	Name string
	// Revision is another one whenever Open returns another Feed.
	Revision string
	// Open returns a Feed of the cluster. It does not connect yet. It is nil if it is not known how to read the cluster: then
	// what is known of it stays.
	Open func() (Feed, error)
	// Wrong is why Open is nil, as a sentence.
	Wrong string
	// Close is called after the cluster is no longer joined. It may be nil.
	Close func()
	// Secret is NAMESPACE/NAME of the Secret that it comes from, and Network the network that this one states; both may be empty.
	Secret, Network string
}

// Refusal is a cluster that is not read as it is to be read, and why.
type Refusal struct {
	Cluster string
	// Problem is about the Secret.
	Problem mesh.Problem
}

// Remotes is a source of remote clusters.
type Remotes interface {
	// Run calls update with all remote clusters, and with those that are refused, at first and whenever they change.
	// It returns nil when ctx ends.
	Run(ctx context.Context, update func([]Remote, []Refusal)) error
}

// Joined is a Feed of the control plane's own cluster and of remote ones. A remote cluster that cannot be read keeps what is
// known of it, also across a restart if the options have ClusterStates. Only a cluster that Remotes no longer lists is removed.
//
// The first World waits for remote clusters, but no longer than StateWait.
type Joined struct {
	own     Feed
	remotes Remotes
	options Options
	// states are what Clusters returns.
	states statesOf
	// release ends the wait for remote clusters. The source sets it before Run.
	release func()
}

var _ Feed = (*Joined)(nil)

// Join returns the Feed. The options are those of the own cluster.
func Join(own Feed, remotes Remotes, o Options) *Joined {
	return &Joined{own: own, remotes: remotes, options: o.WithDefaults()}
}

// Run implements Feed.
func (j *Joined) Run(ctx context.Context, inbox *Inbox) error {
	group, ctx := errgroup.WithContext(ctx)
	updates := make(chan update)
	group.Go(func() error { return j.own.Run(ctx, inbox) })
	group.Go(func() error {
		return j.remotes.Run(ctx, func(remotes []Remote, refusals []Refusal) {
			select {
			case updates <- update{remotes, refusals}:
			case <-ctx.Done():
			}
		})
	})
	group.Go(func() error {
		m := &members{Joined: j, inbox: inbox, running: map[string]*member{}, waiting: map[string]struct{}{}}
		m.run(ctx, updates)
		return nil
	})
	return group.Wait()
}

// update is what Remotes reports.
type update struct {
	remotes  []Remote
	refusals []Refusal
}

// members starts and ends the members, one for each remote cluster.
type members struct {
	*Joined

	inbox   *Inbox
	running map[string]*member
	// listed means that Remotes has reported once.
	listed bool
	group  errgroup.Group

	// mu protects waiting: the clusters that were not read yet, and for which the start waits.
	mu      sync.Mutex
	waiting map[string]struct{}
}

func (m *members) run(ctx context.Context, updates <-chan update) {
	defer func() { _ = m.group.Wait() }() // members return no error
	patience := time.NewTimer(m.options.StateWait)
	defer patience.Stop()
	for {
		select {
		case u := <-updates:
			m.apply(ctx, u)
			m.settle("")
		case <-patience.C:
			// The Secrets may not be readable yet. What was stored of their clusters is better than nothing.
			if !m.listed {
				m.restoreAll(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

// settle records that a cluster was read or waited for long enough, and releases the start if no other is waited for.
func (m *members) settle(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, name)
	if len(m.waiting) == 0 {
		m.release()
	}
}

// apply starts, changes and ends members.
func (m *members) apply(ctx context.Context, u update) {
	named := map[string]struct{}{}
	for _, r := range u.remotes {
		named[r.Name] = struct{}{}
		if m.running[r.Name] == nil {
			m.start(ctx, r.Name)
		}
		select {
		case m.running[r.Name].wanted <- r:
		case <-ctx.Done():
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.running)) {
		if _, ok := named[name]; !ok {
			m.end(name)
		}
	}
	if m.options.ClusterStates != nil && !m.listed {
		for _, name := range m.options.ClusterStates.Names() {
			if _, ok := named[name]; !ok {
				m.options.ClusterStates.Drop(name)
			}
		}
	}
	m.listed = true
	m.states.refuse(u.refusals)
	var problems []mesh.Problem
	for _, r := range u.refusals {
		problems = append(problems, r.Problem)
	}
	m.inbox.Put(Changes{Problems: map[object.Key][]mesh.Problem{remotesKey: problems}})
}

// remotesKey is what Problems of Remotes are about. It counts as remote, so that a World of what was stored has them.
var remotesKey = object.Key{Kind: mesh.KindCluster, Cluster: "*"}

// restoreAll starts a member for each cluster of which something is stored. They have no Feed yet.
func (m *members) restoreAll(ctx context.Context) {
	if m.options.ClusterStates == nil {
		m.settle("")
		return
	}
	for _, name := range m.options.ClusterStates.Names() {
		m.start(ctx, name)
		m.running[name].restoreNow()
	}
	m.settle("")
}

func (m *members) start(ctx context.Context, name string) {
	options := m.options
	options.Cluster, options.StateStore = name, nil
	if options.ClusterStates != nil {
		options.StateStore = options.ClusterStates.Of(name)
	}
	options.Logger = options.Logger.With("cluster", name)
	member := newMember(name, m.inbox, options, func() { m.settle(name) })
	m.running[name] = member
	m.mu.Lock()
	m.waiting[name] = struct{}{}
	m.mu.Unlock()
	m.states.put(name, member)
	m.group.Go(func() error { member.run(ctx); return nil })
}

// end ends the member of a cluster that is not joined any more, and removes what was known of it.
func (m *members) end(name string) {
	member := m.running[name]
	delete(m.running, name)
	m.states.put(name, nil)
	close(member.gone)
	<-member.ended
	if member.close != nil {
		member.close()
	}
	m.settle(name)
	if m.options.ClusterStates != nil {
		m.options.ClusterStates.Drop(name)
	}
	m.options.Logger.Info("a remote cluster is no longer joined", "cluster", name)
}
