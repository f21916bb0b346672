package snapshot

import (
	"fmt"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// subject is one host that clients call, with what has been translated of it so far, in parts that change for different reasons. A
// part is shared by all Snapshots in which nothing that it depends on differs.
//
// It is a Service, one pod of a Service by its own name, or a host that only VirtualServices declare: a serviceless host. Of the last
// clients choose the port and, below a wildcard, the name, so that only some of what is translated is kept.
type subject struct {
	facts translate.Facts

	listeners *memo[translate.ListenerInput, *Versioned]
	routes    *memo[translate.HostInput, *set]
	endpoints *memo[translate.EndpointInput, *set]
	// surroundings change for the reasons that endpoints do. Their keys are without a Vantage.
	surroundings *memo[translate.EndpointInput, *translate.Surroundings]
	// pods are those that clients called by their own names. They change with the endpoints.
	pods *memo[string, *subject]
}

// maxServiceless bounds what is kept of one serviceless host. What is beyond it is made each time.
const maxServiceless = 64

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

// newSubject returns one of which nothing has been translated yet.
func newSubject(facts translate.Facts) *subject {
	h := &subject{
		facts:        facts,
		listeners:    &memo[translate.ListenerInput, *Versioned]{},
		routes:       &memo[translate.HostInput, *set]{},
		endpoints:    &memo[translate.EndpointInput, *set]{},
		surroundings: &memo[translate.EndpointInput, *translate.Surroundings]{},
		pods:         &memo[string, *subject]{},
	}
	h.facts.Accounts = sync.OnceValue(facts.Endpoints.Accounts)
	h.facts.Surroundings = h.surround
	return h
}

func (h *subject) surround(in translate.EndpointInput) *translate.Surroundings {
	return h.surroundings.get(in, translate.Surround)
}

// next returns the host of that name in the World after, with the parts taken over that depend on nothing that changed. It is nil if there
// is no such host. h may be nil.
func (h *subject) next(now *mesh.World, name string) *subject {
	facts := translate.Facts{Defaults: now.Defaults}
	facts.Service, _ = now.Services.Get(name)
	facts.Endpoints, _ = now.Endpoints.Get(name)
	facts.Routes, _ = now.Routes.Get(name)
	facts.Policies, _ = now.Policies.Get(name)
	if facts.Service == nil && facts.Routes == nil {
		return nil
	}
	n := newSubject(facts)
	if h == nil || h.facts.Service != facts.Service {
		return n
	}
	old, sameEndpoints := h.facts, h.facts.Endpoints == facts.Endpoints
	if sameEndpoints {
		n.facts.Accounts = old.Accounts
	}
	n.listeners = h.listeners
	sameRules := old.Routes == facts.Routes && old.Policies == facts.Policies
	if sameRules && (sameEndpoints || !facts.NeedAccounts() || old.Accounts() == n.facts.Accounts()) {
		n.routes = h.routes
	}
	if sameEndpoints && old.Policies == facts.Policies {
		n.endpoints, n.surroundings, n.pods = h.endpoints, h.surroundings, h.pods
	}
	return n
}

// serviceless says whether only VirtualServices declare the host.
func (h *subject) serviceless() bool { return h.facts.Service == nil }

// at is the subject as dialed, where there is no Service. It keeps what is translated in the same place.
func (h *subject) at(host string, port uint32) *subject {
	dialed := *h
	dialed.facts = h.facts.At(host, port)
	return &dialed
}

// answer returns the resource of that name, which the subject has for one of its ports; nil if it has none of the name.
func (h *subject) answer(s *Snapshot, q query, port uint32) *Versioned {
	if q.t == ListenerType {
		return h.listener(s, q.name, port, q.client)
	}
	made := h.routesFor
	if q.t == EndpointType {
		made = h.endpointsFor
	}
	return made(s, q.client).resources[resourceKey{q.t, q.name}]
}

// listener is the one by which a client dials a port. Only spellings of a Service's own ports are kept, of which there are few.
func (h *subject) listener(s *Snapshot, name string, port uint32, client mesh.Client) *Versioned {
	produce := func(in translate.ListenerInput) *Versioned {
		made := s.set(h.facts.Ref(client), lint.Everybody(), func() *translate.Bundle { return translate.Listeners(in) })
		return made.resources[resourceKey{ListenerType, name}]
	}
	in := h.facts.ProjectListener(name, port, client)
	if h.serviceless() {
		return produce(in)
	}
	return h.listeners.get(in, produce)
}

// routesFor are the routes and clusters.
func (h *subject) routesFor(s *Snapshot, client mesh.Client) *set {
	produce := func(in translate.HostInput) *set {
		return s.set(h.facts.Ref(client), readersOf(in), func() *translate.Bundle { return translate.Host(in) })
	}
	in := h.facts.Project(client)
	if h.serviceless() {
		return h.routes.getUpTo(maxServiceless, in, produce)
	}
	return h.routes.get(in, produce)
}

func (h *subject) endpointsFor(s *Snapshot, client mesh.Client) *set {
	return h.endpoints.get(h.facts.ProjectEndpoints(client), func(in translate.EndpointInput) *set {
		return s.set(h.facts.Ref(client), lint.Everybody(), func() *translate.Bundle { return translate.Endpoints(in) })
	})
}

// pod is one pod of a Service as a subject of its own: a host with the Service's ports and policies, and without rules. It is nil if there is
// no such pod.
func (h *subject) pod(name string) *subject {
	if pod, ok := h.pods.peek(name); ok {
		return pod
	}
	parent := h.facts.Service
	host := name + "." + parent.Host
	endpoints := endpointsOfPod(h.facts.Endpoints, name, host)
	if endpoints == nil {
		return nil
	}
	return h.pods.get(name, func(string) *subject {
		return newSubject(translate.Facts{
			Pod: true,
			Service: &mesh.Service{
				Ref: parent.Ref, Host: host, Ports: parent.Ports, Headless: parent.Headless, PreferIPv6: parent.PreferIPv6,
			},
			Endpoints: endpoints, Policies: h.facts.Policies, Defaults: h.facts.Defaults,
		})
	})
}

// each shows see all that has been translated of the host so far, and of its pods.
func (h *subject) each(see func(held []*Versioned)) {
	h.listeners.each(func(v *Versioned) {
		if v != nil && v.held != nil {
			see([]*Versioned{v})
		}
	})
	h.routes.each(func(made *set) { see(made.held) })
	h.endpoints.each(func(made *set) { see(made.held) })
	h.pods.each(func(pod *subject) { pod.each(see) })
}

// count adds how many translations are kept, by what they are of.
func (h *subject) count(kept map[string]int) {
	kept["listeners"] += h.listeners.len()
	kept["routes"] += h.routes.len()
	kept["endpoints"] += h.endpoints.len()
	h.pods.each(func(pod *subject) { kept["pods"] += pod.routes.len() + pod.endpoints.len() + pod.listeners.len() })
}

// set runs one translation and marshals its outcome. Translation does not panic; should it ever, one host's resources are
// missing and a Problem says so, and all others are served. readers are the clients that the outcome is for.
func (s *Snapshot) set(ref mesh.Ref, readers lint.Reader, run func() *translate.Bundle) (out *set) {
	defer func() {
		if r := recover(); r != nil {
			out = &set{problems: []mesh.Problem{{
				Code: mesh.CodeInternal, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("Translation failed: %v. Calls to this host fail until the object changes. Report this as a bug.", r),
			}}}
		}
	}()
	bundle := run()
	out = &set{resources: map[resourceKey]*Versioned{}, problems: bundle.Problems, latent: bundle.Latent}
	for _, info := range types {
		for _, r := range info.in(bundle) {
			v := s.admit(info.t, r, readers)
			out.resources[resourceKey{info.t, r.Name}] = v
			if v.held != nil {
				out.held = append(out.held, v)
			}
		}
	}
	return out
}
