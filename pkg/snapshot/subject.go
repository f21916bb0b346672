package snapshot

import (
	"fmt"
	"slices"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// subject is one host that clients call, with what has been translated for it so far, in parts that change for
// different reasons. All Snapshots in which the inputs of a part are equal share that part.
//
// It is a Service, one pod of a Service by its own name, or a serviceless host, which only VirtualServices declare.
// Clients choose the port of a serviceless host and, below a wildcard, its name. So only a bounded number of its
// translations is kept.
type subject struct {
	facts translate.Facts

	listeners *memo[translate.ListenerInput, *translation]
	routes    *memo[translate.HostInput, *translation]
	endpoints *memo[endpoints.Input, *translation]
	// topologyUse changes for the same reasons as endpoints. Its keys have no ClientTopology.
	topologyUse *memo[endpoints.Input, *endpoints.TopologyUse]
	// pods are the pods that clients called by their own names. They change with the endpoints.
	pods *memo[string, *subject]
	// names are the names below a wildcard that clients called. They change with everything.
	names *memo[nameBelow, *subject]
}

// maxServiceless bounds each memo of one serviceless host. Further translations are made each time.
const maxServiceless = 64

// translation is the marshaled outcome of one translation.
type translation struct {
	// resources is a list because most translations have few resources, and a map would take more memory.
	resources []*Versioned
	problems  []mesh.Problem
	// latent are reported only if a client that they concern is connected.
	latent []mesh.Problem
	// withheld are the resources that some clients are not sent.
	withheld []*Versioned
}

// failed reports whether the translation panicked.
func (made *translation) failed() bool {
	return slices.ContainsFunc(made.problems, func(p mesh.Problem) bool { return p.Code == mesh.CodeInternal })
}

// find returns the resource of that type and name, or nil.
func (made *translation) find(t Type, name string) *Versioned {
	i := slices.IndexFunc(made.resources, func(v *Versioned) bool { return v.t == t && v.Name == name })
	if i < 0 {
		return nil
	}
	return made.resources[i]
}

// newSubject returns a subject without translations.
func newSubject(facts translate.Facts) *subject {
	h := &subject{
		facts:       facts,
		listeners:   &memo[translate.ListenerInput, *translation]{},
		routes:      &memo[translate.HostInput, *translation]{},
		endpoints:   &memo[endpoints.Input, *translation]{},
		topologyUse: &memo[endpoints.Input, *endpoints.TopologyUse]{},
		pods:        &memo[string, *subject]{},
		names:       &memo[nameBelow, *subject]{},
	}
	h.facts.ServiceAccounts = sync.OnceValue(facts.Endpoints.ServiceAccounts)
	h.facts.TopologyUse = h.topologyUseOf
	return h
}

func (h *subject) topologyUseOf(in endpoints.Input) *endpoints.TopologyUse {
	return h.topologyUse.get(in, endpoints.TopologyUseOf)
}

// next returns the host of that name in the next World. It takes over the parts whose inputs did not change. It
// returns nil if there is no such host. h may be nil.
func (h *subject) next(now *mesh.World, name string) *subject {
	facts := factsOf(now, name)
	if facts.Service == nil && facts.VirtualServices == nil {
		return nil
	}
	n := newSubject(facts)
	if h == nil || !sameService(h.facts, facts) {
		return n
	}
	old, sameEndpoints := h.facts, h.facts.Endpoints == facts.Endpoints
	if sameEndpoints {
		n.facts.ServiceAccounts = old.ServiceAccounts
	}
	rulesStay := sameRules(old, facts)
	if rulesStay || !n.serviceless() {
		n.listeners = h.listeners // The Refs of a serviceless host's Listener are its rules.
	}
	if rulesStay && old.Groups == facts.Groups && (sameEndpoints || !facts.NeedServiceAccounts() || old.ServiceAccounts() == n.facts.ServiceAccounts()) {
		n.routes = h.routes
	}
	n.names = h.namesFor(facts, n.names)
	if sameEndpoints && old.DestinationRules == facts.DestinationRules {
		n.endpoints, n.topologyUse, n.pods = h.endpoints, h.topologyUse, h.pods
	}
	return n
}

// serviceless reports whether only VirtualServices declare the host.
func (h *subject) serviceless() bool { return h.facts.Service == nil }

// at returns the serviceless host as a client dialed it. The copy shares the memos of h.
func (h *subject) at(host string, port uint32) *subject {
	dialed := *h
	dialed.facts = h.facts.At(host, port)
	return &dialed
}

// answer returns the resource of that name for one port of the subject; nil if there is no such resource.
func (h *subject) answer(s *Snapshot, q query, port uint32) *Versioned {
	var made *translation
	switch q.t {
	case ListenerType, ScopeType:
		made = h.translateListener(s, q.name, port, q.client)
	case EndpointType:
		made = h.translateEndpoints(s, q.client)
	default:
		made = h.translateHost(s, q.client)
	}
	return made.find(q.t, q.name)
}

// translateListener returns the Listener, or the scope, by which a client dials a port.
func (h *subject) translateListener(s *Snapshot, name string, port uint32, client mesh.Client) *translation {
	return get(h, h.listeners, h.facts.ProjectListener(name, port, client), func(in translate.ListenerInput) *translation {
		return s.runTranslation(h.facts.Ref(client), clientrules.ClientsOf(client.Kind.Family()), func() *translate.Bundle { return translate.Listeners(in) })
	})
}

// translateHost returns the routes and clusters.
func (h *subject) translateHost(s *Snapshot, client mesh.Client) *translation {
	return get(h, h.routes, h.facts.Project(client), func(in translate.HostInput) *translation {
		return s.runTranslation(h.facts.Ref(client), audienceOf(in), func() *translate.Bundle { return translate.Host(in) })
	})
}

// translateEndpoints returns the endpoints of the clusters.
func (h *subject) translateEndpoints(s *Snapshot, client mesh.Client) *translation {
	return get(h, h.endpoints, h.facts.ProjectEndpoints(client), func(in endpoints.Input) *translation {
		return s.runTranslation(h.facts.Ref(client), clientrules.ClientsOf(client.Kind.Family()), func() *translate.Bundle { return translate.Endpoints(in) })
	})
}

// encryptedNames lists the clusters, or their assignments, of those endpoints that are called over the mesh's TLS.
func (h *subject) encryptedNames(s *Snapshot, t Type, client mesh.Client) []string {
	if h.facts.Groups == nil || t != ClusterType && t != EndpointType {
		return nil
	}
	var names []string
	for _, v := range h.translateHost(s, client).resources {
		if v.t == ClusterType && resource.IsMTLS(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// get returns produce(in), remembered in m, which is one of the subject's memos. The memo is bounded for a
// serviceless host, because clients could fill it.
func get[I comparable](h *subject, m *memo[I, *translation], in I, produce func(I) *translation) *translation {
	if h.serviceless() {
		return m.getUpTo(maxServiceless, in, produce)
	}
	return m.get(in, produce)
}

// pod returns one pod of a Service as a subject: a host with the Service's ports and DestinationRules, and without
// VirtualServices. It returns nil if there is no such pod.
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
			Endpoints: endpoints, Groups: endpoints.Groups(false), DestinationRules: h.facts.DestinationRules, Defaults: h.facts.Defaults,
		})
	})
}

// each calls see with every kept translation of the subject and its pods.
func (h *subject) each(see func(*translation)) {
	h.listeners.each(see)
	h.routes.each(see)
	h.endpoints.each(see)
	h.pods.each(func(pod *subject) { pod.each(see) })
	h.names.each(func(name *subject) { name.each(see) })
}

// count adds the number of kept translations to kept, by what they translate.
func (h *subject) count(kept map[string]int) {
	kept["listeners"] += h.listeners.len()
	kept["routes"] += h.routes.len()
	kept["endpoints"] += h.endpoints.len()
	h.names.each(func(name *subject) { name.count(kept) })
	h.pods.each(func(pod *subject) { kept["pods"] += pod.routes.len() + pod.endpoints.len() + pod.listeners.len() })
}

// runTranslation runs one translation and marshals its outcome. Translation does not panic. If it ever does, only
// this host's resources are missing, a Problem reports it, and all other hosts are served. audience are the clients
// that the outcome is for.
func (s *Snapshot) runTranslation(ref mesh.Ref, audience clientrules.Audience, run func() *translate.Bundle) (out *translation) {
	defer func() {
		if r := recover(); r != nil {
			out = &translation{problems: []mesh.Problem{{
				Code: mesh.CodeInternal, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("Translation failed: %v. Calls to this host fail until the object changes. Report this as a bug.", r),
			}}}
		}
	}()
	bundle := run()
	out = &translation{problems: bundle.Problems, latent: bundle.Latent}
	for _, info := range types {
		for _, r := range info.in(bundle) {
			v := s.marshalAndValidate(info.t, r, audience)
			out.resources = append(out.resources, v)
			if v.withheld != nil {
				out.withheld = append(out.withheld, v)
			}
		}
	}
	return out
}
