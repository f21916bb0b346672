package assemble

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Assembler keeps the objects of a source and builds Worlds of them. It evaluates only what a change may affect, and
// whatever comes out equal keeps its pointer. It belongs to one goroutine.
//
// A World is built in steps: the join edits the Services of all parts, the objects that configure servers are bound to
// them, the join edits what is behind the Services, the Services that are other names of Services are resolved, and the
// rules are bound to the result.
type Assembler struct {
	domain, root string
	defaults     mesh.Defaults
	last         *mesh.World
	// stored is when the current objects were stored; zero once the source itself was read.
	stored time.Time

	inventory *inventory
	external  *external
	join      *join
	security  *securityIndex
	sidecars  *sidecarIndex
	rules     *rules
	rollouts  *rolloutIndex
	aliases   *aliasIndex
	emptiness *emptiness
	enforced  *enforcement
	exports   *exportIndex
	manifests manifestIndex
	problems  *problemIndex
	// indexes has the index of each kind. clusters has the indexes of the remote clusters, by their names.
	indexes  kindIndexes
	clusters map[string]kindIndexes
	options  Options
}

// Options are the options of an Assembler.
type Options struct {
	// Domain is the cluster's DNS domain. RootNamespace has the DestinationRules of the whole mesh.
	Domain, RootNamespace string
	// Defaults are copied into every World.
	Defaults mesh.Defaults
	// EmptyServiceGrace is how long a Service that loses all its endpoints at once keeps them; see lossGuard. It is also
	// how long a Service or a subset must be empty to be reported; see emptiness.
	EmptyServiceGrace time.Duration
	// ResolveNames is set if something resolves the names of endpoints: see WantedNames.
	ResolveNames bool
	// Streams is set if something says which machines have a stream.
	Streams bool
	// Dialed is set if something says which hosts clients dial. Then the source has all endpoints that there are, and Services
	// without any EndpointSlice have a Problem, too.
	Dialed bool
	// Generations reads the objects of a generation of the configuration, for pins; nil if none is kept.
	Generations func(id string) (map[object.Key]*object.Object, error)
	// AtOnce is set if all clients follow a change at once, whatever RolloutPolicies say.
	AtOnce bool
	// Pods enables the World's lists of pods.
	Pods bool
	// Cluster and Network are the names of the cluster and the network, which endpoints have as labels; both may be empty.
	Cluster, Network string
}

// New returns an Assembler without objects.
func New(o Options) *Assembler {
	problems := newProblemIndex()
	own := newInventory(o, problems)
	own.endpoints.cluster, own.endpoints.network = o.Cluster, o.Network
	outside := newExternal(o, own, problems)
	joined := newJoin(own, outside, problems)
	a := &Assembler{
		domain: o.Domain, root: o.RootNamespace, defaults: o.Defaults,
		inventory: own, external: outside, join: joined, rules: newRules(o, joined.hosts, problems), problems: problems,
		indexes: kindIndexes{}, clusters: map[string]kindIndexes{}, options: o,
	}
	a.rules.attached.entryHosts = outside.hostsOf
	a.rollouts = newRolloutIndex(a.rules, &own.namespaces, problems)
	a.rollouts.generations, a.rollouts.atOnce = o.Generations, o.AtOnce
	a.security = newSecurityIndex(o.RootNamespace, a.inventory, joined, problems)
	a.enforced = newEnforcement(o.EmptyServiceGrace, a.security, problems)
	a.sidecars = newSidecarIndex(o.RootNamespace, o.Domain, &own.labels, problems)
	a.aliases = newAliasIndex(joined, a.rules, problems)
	a.exports = newExportIndex(problems)
	a.manifests = manifestIndex{}
	a.emptiness = newEmptiness(o, a.inventory, outside, joined, a.rules, problems)
	maps.Copy(a.indexes, a.inventory.indexes())
	maps.Copy(a.indexes, a.external.indexes())
	maps.Copy(a.indexes, a.security.indexes())
	maps.Copy(a.indexes, a.sidecars.indexes())
	maps.Copy(a.indexes, a.rules.indexes())
	return a
}

// Apply records objects, nil for an object that is gone, and Problems that are not in an object, by what they are
// about.
func (a *Assembler) Apply(objects map[object.Key]*object.Object, problems map[object.Key][]mesh.Problem) {
	for key, o := range objects {
		if o == nil {
			a.remove(key)
		} else {
			a.set(*o)
		}
	}
	for about, found := range problems {
		a.problems.put(problemKey{topicFeed, about}, found)
	}
}

// Restored records when the current objects were stored, and the Problems to report meanwhile; the zero time once the
// objects are the source's own.
func (a *Assembler) Restored(at time.Time, problems ...mesh.Problem) {
	a.stored = at
	a.problems.put(problemKey{topic: topicStored}, problems)
}

// ClusterUID is what identifies the cluster of the objects that were applied; empty if it is not known.
func (a *Assembler) ClusterUID() string { return a.inventory.namespaces.clusterUID() }

// Recall records the objects that were stored before the process started. It is called at most once, after the first objects were
// applied and before the first World: rules with a RolloutPolicy that changed since then are rolled out.
func (a *Assembler) Recall(stored map[object.Key]*object.Object) { a.rollouts.recall(stored) }

// WantsRecall reports whether the first World depends on what was stored: an object has a RolloutPolicy.
func (a *Assembler) WantsRecall() bool {
	if a.last != nil {
		return false
	}
	for key := range a.rollouts.before {
		if v, ok := a.rollouts.current(key).(*object.VirtualService); ok && v.Rollout.IsSet() {
			return true
		}
	}
	return a.rollouts.hasPolicies()
}

// Due returns the time after which the World may change without a change of objects, and false if it cannot.
func (a *Assembler) Due(now time.Time) (time.Duration, bool) {
	var first time.Duration
	found := false
	for _, next := range []func(time.Time) (time.Duration, bool){a.join.nextExpiry, a.emptiness.nextExpiry, a.enforced.nextExpiry, a.rollouts.nextExpiry} {
		if in, waits := next(now); waits && (!found || in < first) {
			first, found = in, true
		}
	}
	return first, found
}

// set replaces an object.
func (a *Assembler) set(o object.Object) {
	if a.rollouts.restore(o) {
		return
	}
	a.put(o.Key, o.Value)
	a.rollouts.say(o.Key, o.RolledOut)
	a.problems.put(problemKey{topicObject, o.Key}, o.Problems)
	a.problems.locate(o.Key.Ref(), o.Source)
	a.problems.silence(o.Key, o.Silenced)
	a.rules.authored.note(o)
	a.manifests.note(o)
}

// remove removes an object, if it exists.
func (a *Assembler) remove(key object.Key) {
	a.set(object.Object{Key: key})
}

// put passes a value to the index of its kind; nil removes it.
func (a *Assembler) put(key object.Key, value any) {
	if value == nil {
		a.problems.put(problemKey{topicHost, key}, nil)
		a.problems.put(problemKey{topicPorts, key}, nil)
	}
	if key.Cluster != "" {
		if index, ok := a.cluster(key.Cluster)[key.Kind]; ok {
			index.put(key, value)
		}
		return
	}
	if index, ok := a.indexes[key.Kind]; ok {
		a.rollouts.note(key)
		had := a.has(key)
		index.put(key, value)
		if key.Kind == object.KindService {
			a.rollouts.notePin(key, value)
		}
		if key.Kind == object.KindServiceEntry {
			a.rules.entryMoved(key)
		}
		a.exports.count(key.Namespace, had, a.has(key))
		a.exports.put(key, value)
	}
}

// cluster returns the indexes of a remote cluster, which joins with its first object.
func (a *Assembler) cluster(name string) kindIndexes {
	indexes, ok := a.clusters[name]
	if !ok {
		v := newInventory(a.options, a.problems)
		v.cluster, v.ownNetwork = name, a.options.Network
		a.join.add(v)
		indexes = v.indexes()
		a.clusters[name] = indexes
	}
	return indexes
}

// has reports whether there is an object of a kind that clients or authors have in their namespace.
func (a *Assembler) has(key object.Key) (ok bool) {
	switch key.Kind {
	case object.KindService:
		_, ok = a.inventory.services[key.ID()]
	case object.KindPod:
		_, ok = a.inventory.endpoints.pods[key.ID()]
	case object.KindVirtualService:
		_, ok = a.rules.routes.entries[key.ID()]
	case object.KindGRPCRoute, object.KindHTTPRoute:
		_, ok = a.rules.attached.routes[key]
	case object.KindBackendTLSPolicy:
		_, ok = a.rules.backendTLS.policies[key.ID()]
	case object.KindDestinationRule:
		_, ok = a.rules.policies.rules[key.ID()]
	case object.KindServiceEntry:
		_, ok = a.external.entries[key]
	case object.KindWorkloadEntry:
		_, ok = a.external.workloads[key.ID()]
	case object.KindSidecar:
		ok = a.sidecars.store.get(key) != nil
	case object.KindPeerAuthentication, object.KindAuthorizationPolicy, object.KindRequestAuthentication:
		ok = a.security.has(key)
	case object.KindServiceImport, object.KindEndpointSlice, object.KindEndpoints, object.KindNode, object.KindNamespace, object.KindInjectionPolicy, object.KindName, object.KindVerdict:
	}
	return ok
}

// World returns the World of the current objects: the same pointer as before if nothing changed.
func (a *Assembler) World() *mesh.World {
	last := a.last
	if last == nil {
		last = &mesh.World{Domain: a.domain, RootNamespace: a.root, Defaults: a.defaults}
	}
	b := newWorldBuilder(last)
	a.rollouts.apply(a.last == nil)
	a.join.applyServices(b)
	a.security.apply(b)
	a.join.apply(b)
	a.external.identities.apply(b, a.external.workloads)
	a.aliases.apply(b)
	a.rules.apply(b)
	a.external.checkNames(b)
	a.sidecars.apply(b)
	a.emptiness.apply(b)
	a.enforced.apply()
	a.exports.apply()

	w, changed := b.world()
	w.Arrived, w.StoredAt = time.Time{}, a.stored
	changed = changed || a.last == nil || !w.StoredAt.Equal(last.StoredAt)
	if rules, moved := a.rules.authored.apply(last.ConfigObjects); moved {
		w.ConfigObjects, changed = rules, true
	}
	if !slices.Equal(a.rollouts.list, last.Rollouts) {
		w.Rollouts, changed = a.rollouts.list, true
	}
	if w.ClusterUID = a.ClusterUID(); w.ClusterUID != last.ClusterUID {
		changed = true
	}
	if a.manifests.apply(w) {
		changed = true
	}
	if unbound, moved := a.rules.listUnbound(last.Unbound); moved {
		w.Unbound, changed = unbound, true
	}
	if unbound := a.rules.policies.listUnbound(); !slices.Equal(unbound, last.UnboundRules) {
		w.UnboundRules, changed = unbound, true
	}
	if a.problems.moved {
		a.problems.moved = false
		w.Sources, changed = maps.Clone(a.problems.sources), true
	}
	if a.problems.muted {
		a.problems.muted = false
		w.Silenced, changed = a.problems.byRef(), true
	}
	if a.problems.dirty {
		a.problems.dirty = false
		if problems := a.problems.all(); !slices.Equal(problems, last.Problems) {
			w.Problems, changed = problems, true
		}
	}
	if !changed {
		return a.last
	}
	a.last = w
	return w
}

// ListObjects lists everything of the cluster of the control plane, or of the files, that the last World is made of: every value, followed by the Problems and the
// silenced codes of each object that has some, as an entry of their own. Values are immutable, so the list is a complete copy. Changes wait while it
// is made, so it only copies.
func (a *Assembler) ListObjects() []object.Object {
	out := make([]object.Object, 0, a.size())
	for _, row := range object.Kinds {
		a.indexes[row.Kind].each(func(key object.Key, value any) {
			out = append(out, object.Object{Key: key, Value: value, Generation: a.generation(row, key)})
		})
	}
	a.external.names.each(func(key object.Key, n *object.Name) {
		if len(n.Addresses) > 0 {
			out = append(out, object.Object{Key: key, Value: n})
		}
	})
	for key, found := range a.problems.byKey {
		if key.topic == topicObject && key.about.Cluster == "" {
			out = append(out, object.Object{Key: key.about, Problems: found, Silenced: a.problems.silenced[key.about], Generation: a.generation(key.about.Kind.Row(), key.about)})
		}
	}
	out = append(out, a.rollouts.stored()...)
	for key, codes := range a.problems.silenced {
		if _, listed := a.problems.byKey[problemKey{topicObject, key}]; !listed && key.Cluster == "" {
			out = append(out, object.Object{Key: key, Silenced: codes, Generation: a.generation(key.Kind.Row(), key)})
		}
	}
	return out
}

// ListOthers lists everything that the last World is made of and that is not configuration of the own cluster: endpoints, pods,
// nodes, what remote clusters have, and the addresses of names.
func (a *Assembler) ListOthers() []object.Object {
	var out []object.Object
	list := func(indexes kindIndexes, cluster string) {
		for _, row := range object.Kinds {
			if index, ok := indexes[row.Kind]; ok && (cluster != "" || !row.Configuration) {
				index.each(func(key object.Key, value any) {
					key.Cluster = cluster
					out = append(out, object.Object{Key: key, Value: value})
				})
			}
		}
	}
	list(a.indexes, "")
	for cluster, indexes := range a.clusters {
		list(indexes, cluster)
	}
	a.external.names.each(func(key object.Key, n *object.Name) { out = append(out, object.Object{Key: key, Value: n}) })
	return out
}

// size is about how many objects ListObjects lists: a list that grows while it is made would take several times as long.
func (a *Assembler) size() int {
	return a.inventory.size() + a.external.size() + a.security.size() + a.sidecars.size() + a.rules.size() + len(a.problems.byKey)
}

// generation returns the generation of an authored object, which only the World's list of rules keeps.
func (a *Assembler) generation(row *object.KindRow, key object.Key) int64 {
	if row == nil || !row.Authored {
		return 0
	}
	if rule, ok := a.last.ConfigObjects.Get(key.Ref().String()); ok {
		return rule.Generation
	}
	return 0
}
