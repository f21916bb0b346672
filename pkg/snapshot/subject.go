package snapshot

import (
	"fmt"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// host is what has been translated for one Service so far, in parts that change for different reasons. A part is
// shared by all Snapshots in which nothing that it depends on differs.
type host struct {
	// What the World has of it. Endpoints, routes and policies may be nil.
	service  *mesh.Service
	set      *mesh.EndpointSet
	rules    *mesh.RouteTable
	policies *mesh.PolicyTable

	listeners *memo[listenerInput, *Versioned]
	routes    *memo[translate.HostInput, *set]
	endpoints *memo[translate.EndpointInput, *set]
	// surroundings change for the reasons that endpoints do. Their keys are without a Vantage.
	surroundings *memo[translate.EndpointInput, *translate.Surroundings]
	// pods are those called by their own names. They change with the endpoints.
	pods *memo[podInput, *set]
	// accounts are those that the endpoints run as.
	accounts func() mesh.Accounts
}

// listenerInput is the name as dialled and the port it stands for. Only spellings of the Service's own ports get here, so
// there are few.
type listenerInput struct {
	name string
	port uint32
}

// set is the outcome of one translation, marshalled.
type set struct {
	resources map[resourceKey]*Versioned
	problems  []mesh.Problem
	// latent are said only where a client that they concern is connected.
	latent []mesh.Problem
	// held are those of the resources that some clients do not get.
	held []*Versioned
}

type resourceKey struct {
	t    Type
	name string
}

// next returns the host for the World after, with the parts taken over that depend on nothing that changed. h may be nil.
func (h *host) next(now *mesh.World, name string) *host {
	n := &host{accounts: accountsOf(now, name)}
	n.service, _ = now.Services.Get(name)
	n.set, _ = now.Endpoints.Get(name)
	n.rules, _ = now.Routes.Get(name)
	n.policies, _ = now.Policies.Get(name)
	if h != nil && h.set == n.set {
		n.accounts = h.accounts
	}
	if h != nil && h.service == n.service {
		n.listeners = h.listeners
		if h.rules == n.rules && h.policies == n.policies && (h.set == n.set || h.sameIdentities(n)) {
			n.routes = h.routes
		}
		if h.set == n.set && h.policies == n.policies {
			n.endpoints, n.surroundings, n.pods = h.endpoints, h.surroundings, h.pods
		}
	}
	if n.listeners == nil {
		n.listeners = &memo[listenerInput, *Versioned]{}
	}
	if n.routes == nil {
		n.routes = &memo[translate.HostInput, *set]{}
	}
	if n.endpoints == nil {
		n.endpoints = &memo[translate.EndpointInput, *set]{}
		n.surroundings = &memo[translate.EndpointInput, *translate.Surroundings]{}
		n.pods = &memo[podInput, *set]{}
	}
	return n
}

func same[V comparable](old, now mesh.Map[V], name string) bool {
	before, _ := old.Get(name)
	after, _ := now.Get(name)
	return before == after
}

// resource returns nil when the host has no resource of that name.
func (h *host) resource(s *Snapshot, t Type, name string, client mesh.Client) *Versioned {
	if t == EndpointType {
		return h.endpointsFor(s, client).resources[resourceKey{t, name}]
	}
	return h.routesFor(s, client).resources[resourceKey{t, name}]
}

func (h *host) routesFor(s *Snapshot, client mesh.Client) *set {
	in := translate.HostInput{
		Service: h.service, Routes: h.rules.For(client.Namespace), Policy: h.policies.For(client.Namespace, client.Labels),
		Defaults: s.world.Defaults,
	}
	in.Gaps = translate.Forms(client.Gaps, in.Routes, in.Policy)
	in.Namespace, in.Labels = callerOf(in.Routes, client)
	in.Trust = trustOf(in.Policy, client, h.accounts)
	return h.routes.get(in, func(in translate.HostInput) *set {
		return s.set(h.service.Ref, readersOf(in), func() *translate.Bundle { return translate.Host(in) })
	})
}

func (h *host) endpointsFor(s *Snapshot, client mesh.Client) *set {
	in := translate.EndpointInput{Service: h.service, Endpoints: h.set, Policy: h.policies.For(client.Namespace, client.Labels)}
	around := h.surroundings.get(in, translate.Surround)
	in.Vantage = around.From(client)
	if around.Rank() {
		in.Gaps = client.Gaps & mesh.GapPriority
	}
	return h.endpoints.get(in, func(in translate.EndpointInput) *set {
		return s.set(h.service.Ref, lint.Everybody(), func() *translate.Bundle { return translate.Endpoints(in) })
	})
}

// set runs one translation and marshals its outcome. Translation does not panic; should it ever, one Service's resources are
// missing and a Problem says so, and everybody else is served. readers are the clients that the outcome is for.
func (s *Snapshot) set(ref mesh.Ref, readers lint.Reader, run func() *translate.Bundle) (out *set) {
	defer func() {
		if r := recover(); r != nil {
			out = &set{problems: []mesh.Problem{{
				Code: mesh.CodeInternal, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("translation failed: %v; calls to it fail until the object changes; please report this as a bug", r),
			}}}
		}
	}()
	bundle := run()
	out = &set{resources: map[resourceKey]*Versioned{}, problems: bundle.Problems, latent: bundle.Latent}
	add := func(t Type, resources []translate.Resource) {
		for _, r := range resources {
			v := s.admit(t, r, readers)
			out.resources[resourceKey{t, r.Name}] = v
			if v.held != nil {
				out.held = append(out.held, v)
			}
		}
	}
	add(RouteType, bundle.Routes)
	add(ClusterType, bundle.Clusters)
	add(EndpointType, bundle.Endpoints)
	return out
}

// memo remembers the outcome of a function. Whoever asks for what is being made waits for it, so it is made once.
type memo[I comparable, V any] struct {
	mu sync.Mutex
	// first is kept by itself: most hosts look the same to all clients, and a map for one entry takes the room of eight.
	first *made[I, V]
	more  map[I]V
}

// made is what a memo remembers first.
type made[I comparable, V any] struct {
	in  I
	out V
}

func (m *memo[I, V]) get(in I, produce func(I) V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == nil {
		m.first = &made[I, V]{in, produce(in)}
	}
	if m.first.in == in {
		return m.first.out
	}
	v, ok := m.more[in]
	if !ok {
		v = produce(in)
		if m.more == nil {
			m.more = map[I]V{}
		}
		m.more[in] = v
	}
	return v
}

// each shows see all that is remembered.
func (m *memo[I, V]) each(see func(V)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == nil {
		return
	}
	see(m.first.out)
	for _, v := range m.more {
		see(v)
	}
}

func (m *memo[I, V]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == nil {
		return 0
	}
	return 1 + len(m.more)
}
