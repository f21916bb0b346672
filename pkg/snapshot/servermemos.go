package snapshot

import (
	"maps"
	"slices"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// serverMemos remember what was made for the servers of one namespace. Each is bounded, because servers choose their
// addresses.
type serverMemos struct {
	// policies has what applies to each workload. It is empty after each edit that may concern the namespace.
	policies          *memo[mesh.Workload, mesh.WorkloadPolicies]
	listeners, routes agingMemo[inbound.Input, *translation]
	// rules has each single policy, because several workloads share those of the namespace and of the mesh.
	rules    agingMemo[inbound.RulesInput, inbound.PolicyRules]
	deciders agingMemo[inbound.Input, *decider]
	// trials has each policy that is not enforced as if it were.
	trials agingMemo[*mesh.AuthorizationPolicy, *mesh.AuthorizationPolicy]
}

// translations returns the memo of the resources of a type.
func (m *serverMemos) translations(t Type) agingMemo[inbound.Input, *translation] {
	if t == ListenerType {
		return m.listeners
	}
	return m.routes
}

// translatePolicy returns the rules of a policy.
func (m *serverMemos) translatePolicy(in inbound.RulesInput) inbound.PolicyRules {
	return m.rules.get(in, inbound.TranslatePolicy)
}

// afterEdit returns the memos after an edit of objects that may concern the namespace. m may be nil.
func (m *serverMemos) afterEdit() *serverMemos {
	if m == nil {
		m = &serverMemos{}
	}
	return &serverMemos{&memo[mesh.Workload, mesh.WorkloadPolicies]{}, m.listeners.next(), m.routes.next(), m.rules.next(), m.deciders.next(), m.trials.next()}
}

// afterNodes returns the memos after a change of Kubernetes nodes, on which only Listeners depend.
func (m *serverMemos) afterNodes() *serverMemos {
	next := *m
	next.listeners = m.listeners.next()
	return &next
}

// memosByNamespace has the memos of each namespace with objects that configure servers, so that an edit in one namespace
// leaves all others as they are. Servers of further namespaces share the memos of otherNamespaces: clients choose their
// namespace, and could fill the memory otherwise. It is not changed.
type memosByNamespace map[string]*serverMemos

const otherNamespaces = ""

func newMemosByNamespace() memosByNamespace {
	return memosByNamespace{otherNamespaces: (*serverMemos)(nil).afterEdit()}
}

// of returns the memos for the servers of a namespace.
func (m memosByNamespace) of(namespace string) *serverMemos {
	if memos, ok := m[namespace]; ok {
		return memos
	}
	return m[otherNamespaces]
}

// next returns the memos after a change. Memos age once, however many Keys changed.
func (m memosByNamespace) next(world *mesh.World, changed []mesh.Key) memosByNamespace {
	if !slices.ContainsFunc(changed, func(key mesh.Key) bool { return key.Scope != mesh.ScopeHost && key.Scope != mesh.ScopeClients }) {
		return m
	}
	var scopes [mesh.ScopeClients + 1]bool
	next := maps.Clone(m)
	for _, key := range changed {
		scopes[key.Scope] = true
		if key.Scope != mesh.ScopeNamespace {
			continue
		}
		if _, exists := world.Security.Get(key.Name); exists {
			next[key.Name] = m[key.Name].afterEdit()
		} else {
			delete(next, key.Name)
		}
	}
	for namespace, memos := range next {
		switch {
		case memos != m[namespace]: // edited
		case scopes[mesh.ScopeMesh]:
			next[namespace] = memos.afterEdit()
		case scopes[mesh.ScopeNode]:
			next[namespace] = memos.afterNodes()
		}
	}
	return next
}

// agingMemo is a memo that also finds what the one before it remembered, because servers that an edit does not concern
// have equal Inputs in both. What is used in neither is forgotten. Different outcomes are made at the same time.
type agingMemo[I comparable, V any] struct {
	current, before *memo[I, func() V]
}

// next returns the memo that follows m.
func (m agingMemo[I, V]) next() agingMemo[I, V] {
	before := m.current
	if before == nil {
		before = &memo[I, func() V]{}
	}
	return agingMemo[I, V]{&memo[I, func() V]{}, before}
}

// maxServerTranslations bounds the memos of a namespace. Inputs differ by the policies in effect and by the port, not by
// the server, so that even large meshes have few.
const maxServerTranslations = 4096

func (m agingMemo[I, V]) get(in I, produce func(I) V) V {
	out := m.current.getUpTo(maxServerTranslations, in, func(in I) func() V {
		if made, ok := m.before.peek(in); ok {
			return made
		}
		return sync.OnceValue(func() V { return produce(in) })
	})
	return out()
}

// each calls see with every outcome that was not only remembered before.
func (m agingMemo[I, V]) each(see func(V)) {
	m.current.each(func(out func() V) { see(out()) })
}
