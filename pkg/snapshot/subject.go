package snapshot

import (
	"fmt"
	"slices"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
)

// subject is one host that clients call, with what has been translated of it so far, in parts that change for different reasons. A
// part is shared by all Snapshots in which nothing that it depends on differs.
//
// It is a Service, one pod of a Service by its own name, or a host that only VirtualServices declare: a serviceless host. Of the last
// clients choose the port and, below a wildcard, the name, so that only some of what is translated is kept.
type subject struct {
	facts translate.Facts

	listeners *memo[translate.ListenerInput, *translation]
	routes    *memo[translate.HostInput, *translation]
	endpoints *memo[endpoints.Input, *translation]
	// topologyUse change for the reasons that endpoints do. Their keys are without a ClientTopology.
	topologyUse *memo[endpoints.Input, *endpoints.TopologyUse]
	// pods are those that clients called by their own names. They change with the endpoints.
	pods *memo[string, *subject]
}

// maxServiceless bounds what is kept of one serviceless host. What is beyond it is made each time.
const maxServiceless = 64

// translation is the outcome of one translation, marshaled.
type translation struct {
	// resources are a list, because a map would take more memory than the few resources that most translations have.
	resources []*Versioned
	problems  []mesh.Problem
	// latent are said only where a client that they concern is connected.
	latent []mesh.Problem
	// withheld are those of the resources that some clients do not get.
	withheld []*Versioned
}

// find returns the resource of that type and name; nil if there is none.
func (made *translation) find(t Type, name string) *Versioned {
	i := slices.IndexFunc(made.resources, func(v *Versioned) bool { return v.t == t && v.Name == name })
	if i < 0 {
		return nil
	}
	return made.resources[i]
}

// newSubject returns one of which nothing has been translated yet.
func newSubject(facts translate.Facts) *subject {
	h := &subject{
		facts:       facts,
		listeners:   &memo[translate.ListenerInput, *translation]{},
		routes:      &memo[translate.HostInput, *translation]{},
		endpoints:   &memo[endpoints.Input, *translation]{},
		topologyUse: &memo[endpoints.Input, *endpoints.TopologyUse]{},
		pods:        &memo[string, *subject]{},
	}
	h.facts.ServiceAccounts = sync.OnceValue(facts.Endpoints.ServiceAccounts)
	h.facts.TopologyUse = h.topologyUseOf
	return h
}

func (h *subject) topologyUseOf(in endpoints.Input) *endpoints.TopologyUse {
	return h.topologyUse.get(in, endpoints.TopologyUseOf)
}

// next returns the host of that name in the World after, with the parts taken over that depend on nothing that changed. It is nil if there
// is no such host. h may be nil.
func (h *subject) next(now *mesh.World, name string) *subject {
	facts := translate.Facts{Defaults: now.Defaults}
	facts.Service, _ = now.Services.Get(name)
	facts.Endpoints, _ = now.Endpoints.Get(name)
	facts.VirtualServices, _ = now.VirtualServices.Get(name)
	facts.DestinationRules, _ = now.DestinationRules.Get(name)
	if facts.Service == nil && facts.VirtualServices == nil {
		return nil
	}
	n := newSubject(facts)
	if h == nil || h.facts.Service != facts.Service {
		return n
	}
	old, sameEndpoints := h.facts, h.facts.Endpoints == facts.Endpoints
	if sameEndpoints {
		n.facts.ServiceAccounts = old.ServiceAccounts
	}
	sameRules := old.VirtualServices == facts.VirtualServices && old.DestinationRules == facts.DestinationRules
	if sameRules || !n.serviceless() {
		n.listeners = h.listeners // Rules make a serviceless host, so that its listeners change with them.
	}
	if sameRules && (sameEndpoints || !facts.NeedServiceAccounts() || old.ServiceAccounts() == n.facts.ServiceAccounts()) {
		n.routes = h.routes
	}
	if sameEndpoints && old.DestinationRules == facts.DestinationRules {
		n.endpoints, n.topologyUse, n.pods = h.endpoints, h.topologyUse, h.pods
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
	var made *translation
	switch q.t {
	case ListenerType:
		made = h.translateListener(s, q.name, port, q.client)
	case EndpointType:
		made = h.translateEndpoints(s, q.client)
	default:
		made = h.translateHost(s, q.client)
	}
	return made.find(q.t, q.name)
}

// translateListener returns the Listener by which a client dials a port.
func (h *subject) translateListener(s *Snapshot, name string, port uint32, client mesh.Client) *translation {
	return get(h, h.listeners, h.facts.ProjectListener(name, port, client), func(in translate.ListenerInput) *translation {
		return s.runTranslation(h.facts.Ref(client), clientrules.AllClients(), func() *translate.Bundle { return translate.Listeners(in) })
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
		return s.runTranslation(h.facts.Ref(client), clientrules.AllClients(), func() *translate.Bundle { return translate.Endpoints(in) })
	})
}

// get returns what produce makes of in, from one of the subject's memos. For a serviceless host, clients could fill the memo.
func get[I comparable](h *subject, m *memo[I, *translation], in I, produce func(I) *translation) *translation {
	if h.serviceless() {
		return m.getUpTo(maxServiceless, in, produce)
	}
	return m.get(in, produce)
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
			Endpoints: endpoints, DestinationRules: h.facts.DestinationRules, Defaults: h.facts.Defaults,
		})
	})
}

// each calls see with every translation that is kept of the subject and its pods.
func (h *subject) each(see func(*translation)) {
	h.listeners.each(see)
	h.routes.each(see)
	h.endpoints.each(see)
	h.pods.each(func(pod *subject) { pod.each(see) })
}

// count adds how many translations are kept, by what they are of.
func (h *subject) count(kept map[string]int) {
	kept["listeners"] += h.listeners.len()
	kept["routes"] += h.routes.len()
	kept["endpoints"] += h.endpoints.len()
	h.pods.each(func(pod *subject) { kept["pods"] += pod.routes.len() + pod.endpoints.len() + pod.listeners.len() })
}

// runTranslation runs one translation and marshals its outcome. Translation does not panic; should it ever, one host's resources are
// missing and a Problem says so, and all others are served. audience are the clients that the outcome is for.
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
