package assemble

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// securityIndex keeps the objects that configure servers, and binds them to the pods that they select. It reads Services
// from the inventory, and inventories ask it for the PeerAuthentications of endpoints.
type securityIndex struct {
	root      string
	inventory *inventory
	join      *join
	problems  *problemIndex

	peers          securityStore[object.PeerAuthentication, mesh.PeerAuthentication]
	authorization  securityStore[object.AuthorizationPolicy, mesh.AuthorizationPolicy]
	authentication securityStore[object.RequestAuthentication, mesh.RequestAuthentication]
	// dirty are the namespaces whose objects must be bound again, and moved those whose objects changed and were not
	// compared with the pods.
	dirty, moved map[string]struct{}
	// covered are the PeerAuthentications that can never be in effect, because others take precedence.
	covered map[object.Key]struct{}
	// current are the objects of the World that is being built, by namespace.
	current map[string]*mesh.SecurityPolicies
	// interned are the combinations of PeerAuthentications that endpoints have.
	interned map[mesh.PeerModes]*mesh.PeerModes
}

// securityStore keeps the objects of one kind, by namespace and name.
type securityStore[V, B any] map[string]map[string]*secured[V, B]

// secured is an object, and what it is bound to; nil before it is bound.
type secured[V, B any] struct {
	key   object.Key
	value *V
	bound *B
}

func newSecurityIndex(root string, v *inventory, j *join, problems *problemIndex) *securityIndex {
	x := &securityIndex{
		root: root, inventory: v, join: j, problems: problems,
		peers:          securityStore[object.PeerAuthentication, mesh.PeerAuthentication]{},
		authorization:  securityStore[object.AuthorizationPolicy, mesh.AuthorizationPolicy]{},
		authentication: securityStore[object.RequestAuthentication, mesh.RequestAuthentication]{},
		dirty:          map[string]struct{}{}, moved: map[string]struct{}{}, current: map[string]*mesh.SecurityPolicies{},
		covered: map[object.Key]struct{}{}, interned: map[mesh.PeerModes]*mesh.PeerModes{},
	}
	for _, v := range j.inventories {
		v.endpoints.peers = x.peersFor
	}
	return x
}

// indexes returns the indexes of the kinds of objects that configure servers.
func (x *securityIndex) indexes() kindIndexes {
	return kindIndexes{
		object.KindPeerAuthentication: indexOf(func(key object.Key, p *object.PeerAuthentication) {
			x.mark(key, x.peers.put(key, p, samePeerValue))
		}, x.peers.each),
		object.KindAuthorizationPolicy: indexOf(func(key object.Key, p *object.AuthorizationPolicy) {
			x.mark(key, x.authorization.put(key, p, sameAuthorizationValue))
		}, x.authorization.each),
		object.KindRequestAuthentication: indexOf(func(key object.Key, r *object.RequestAuthentication) {
			x.mark(key, x.authentication.put(key, r, sameAuthenticationValue))
		}, x.authentication.each),
	}
}

func (x *securityIndex) mark(key object.Key, changed bool) {
	if !changed {
		return
	}
	x.dirty[key.Namespace] = struct{}{}
	if !x.has(key) {
		x.problems.put(problemKey{topicSecurity, key}, nil)
		x.problems.put(problemKey{topicConflict, key}, nil)
		delete(x.covered, key)
	}
}

func (x *securityIndex) has(key object.Key) bool {
	return x.peers.get(key) != nil || x.authorization.get(key) != nil || x.authentication.get(key) != nil
}

// size is how many objects there are.
func (x *securityIndex) size() int {
	n := 0
	for _, namespace := range x.current {
		n += len(namespace.PeerAuthentications) + len(namespace.AuthorizationPolicies) + len(namespace.RequestAuthentications)
	}
	return n
}

// put replaces the value of a key; nil removes it. It reports whether that changes anything.
func (s securityStore[V, B]) put(key object.Key, value *V, same func(a, b *V) bool) bool {
	names := s[key.Namespace]
	old := names[key.Name]
	switch {
	case old == nil && value == nil, old != nil && value != nil && same(old.value, value):
		return false
	case value == nil:
		if delete(names, key.Name); len(names) == 0 {
			delete(s, key.Namespace)
		}
		return true
	case old != nil:
		old.value = value
		return true
	case names == nil:
		names = map[string]*secured[V, B]{}
		s[key.Namespace] = names
	}
	names[key.Name] = &secured[V, B]{key: key, value: value}
	return true
}

func (s securityStore[V, B]) each(visit func(object.Key, *V)) {
	for _, names := range s {
		for _, entry := range names {
			visit(entry.key, entry.value)
		}
	}
}

// get returns the entry of a key of any kind, or nil.
func (s securityStore[V, B]) get(key object.Key) *secured[V, B] {
	if entry := s[key.Namespace][key.Name]; entry != nil && entry.key == key {
		return entry
	}
	return nil
}

// bind binds the objects of a namespace, sorted by name. An object that comes out equal keeps its pointer.
func (s securityStore[V, B]) bind(namespace string, bind func(*secured[V, B]) *B, same func(a, b *B) bool) []*B {
	var all []*B
	for _, name := range slices.Sorted(maps.Keys(s[namespace])) {
		entry := s[namespace][name]
		if now := bind(entry); entry.bound == nil || !same(entry.bound, now) {
			entry.bound = now
		}
		all = append(all, entry.bound)
	}
	return all
}

// apply binds what changed, and what names Services that changed, and marks the endpoints whose PeerAuthentications may
// have changed for assembly.
func (x *securityIndex) apply(b *worldBuilder) {
	for host := range b.touched {
		if namespace := namespaceOf(host); x.authorization[namespace] != nil || x.authentication[namespace] != nil {
			x.dirty[namespace] = struct{}{}
		}
	}
	for namespace := range take(&x.dirty) {
		now := &mesh.SecurityPolicies{
			PeerAuthentications:    x.bindPeers(namespace),
			AuthorizationPolicies:  x.authorization.bind(namespace, x.bindAuthorization, sameAuthorization),
			RequestAuthentications: x.authentication.bind(namespace, x.bindAuthentication, sameAuthentication),
		}
		if len(now.PeerAuthentications)+len(now.AuthorizationPolicies)+len(now.RequestAuthentications) == 0 {
			now = nil
		}
		before := b.security.get(namespace)
		if !b.security.put(namespace, now) {
			continue
		}
		x.moved[namespace] = struct{}{}
		if x.current[namespace] = now; now == nil {
			delete(x.current, namespace)
		}
		if !slices.Equal(peersOf(before), peersOf(now)) {
			clear(x.interned)
			x.join.reassemble(namespace, namespace == x.root)
		}
	}
}

// peersFor returns the PeerAuthentications in effect for the pods of a namespace with the labels; nil if there are none.
func (x *securityIndex) peersFor(namespace string, labels mesh.Labels) *mesh.PeerModes {
	root, own := x.current[x.root], x.current[namespace]
	if root == nil && own == nil {
		return nil
	}
	modes := mesh.PeersIn(root, own, labels)
	if modes == (mesh.PeerModes{}) {
		return nil
	}
	if x.interned[modes] == nil {
		x.interned[modes] = &modes
	}
	return x.interned[modes]
}

// repeer returns kept endpoints with the PeerAuthentications that are in effect now.
func (x *endpointIndex) repeer(service *mesh.Service, kept *mesh.EndpointSet) *mesh.EndpointSet {
	out := &mesh.EndpointSet{Host: kept.Host, Endpoints: slices.Clone(kept.Endpoints)}
	for i := range out.Endpoints {
		e := &out.Endpoints[i]
		e.Peer = x.peers(service.Ref.Namespace, e.Labels)
	}
	if sameEndpoints(kept, out) {
		return kept
	}
	return out
}

func peersOf(p *mesh.SecurityPolicies) []*mesh.PeerAuthentication {
	if p == nil {
		return nil
	}
	return p.PeerAuthentications
}

// bindPeers binds the PeerAuthentications of a namespace, in the order in which they take precedence.
func (x *securityIndex) bindPeers(namespace string) []*mesh.PeerAuthentication {
	all := x.peers.bind(namespace, x.bindPeer, samePeerAuthentication)
	slices.SortStableFunc(all, func(a, b *mesh.PeerAuthentication) int {
		v, w := x.peers[namespace][a.Ref.Name].value, x.peers[namespace][b.Ref.Name].value
		return cmp.Or(compareBool(a.Selector == nil, b.Selector == nil), compareBool(!v.Closed, !w.Closed), v.Created.Compare(w.Created))
	})
	earlier := peerCover{}
	for _, p := range all {
		x.compare(p, earlier.of(p))
		earlier.add(p)
	}
	return all
}

func sameSecurity(a, b *mesh.SecurityPolicies) bool {
	return slices.Equal(a.PeerAuthentications, b.PeerAuthentications) && slices.Equal(a.AuthorizationPolicies, b.AuthorizationPolicies) &&
		slices.Equal(a.RequestAuthentications, b.RequestAuthentications)
}

func samePeerValue(a, b *object.PeerAuthentication) bool {
	return a.Closed == b.Closed && a.Created.Equal(b.Created) && sameSelector(a.Selector, b.Selector) && proto.Equal(a.Spec, b.Spec)
}

func sameAuthorizationValue(a, b *object.AuthorizationPolicy) bool {
	return a.DryRun == b.DryRun && a.LogCalls == b.LogCalls && slices.Equal(a.Unknown, b.Unknown) && reflect.DeepEqual(a.Scope, b.Scope) && proto.Equal(a.Spec, b.Spec)
}

func sameAuthenticationValue(a, b *object.RequestAuthentication) bool {
	return reflect.DeepEqual(a.Scope, b.Scope) && proto.Equal(a.Spec, b.Spec)
}

func samePeerAuthentication(a, b *mesh.PeerAuthentication) bool {
	return a.Ref == b.Ref && sameSelector(a.Selector, b.Selector) && proto.Equal(a.Spec, b.Spec)
}

func sameAuthorization(a, b *mesh.AuthorizationPolicy) bool {
	return a.Ref == b.Ref && a.DryRun == b.DryRun && a.LogCalls == b.LogCalls && a.OwnNamespace == b.OwnNamespace && slices.Equal(a.UnknownFields, b.UnknownFields) &&
		slices.EqualFunc(a.Selected, b.Selected, maps.Equal) && proto.Equal(a.Spec, b.Spec)
}

func sameAuthentication(a, b *mesh.RequestAuthentication) bool {
	return a.Ref == b.Ref && a.OwnNamespace == b.OwnNamespace && slices.EqualFunc(a.Selected, b.Selected, maps.Equal) && proto.Equal(a.Spec, b.Spec)
}

// sameSelector distinguishes no selector from an empty one.
func sameSelector(a, b map[string]string) bool {
	return (a == nil) == (b == nil) && maps.Equal(a, b)
}
