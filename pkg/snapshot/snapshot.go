package snapshot

import (
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// Snapshot is one World as resources. To its readers it is immutable; behind that, it translates on first demand and
// remembers. It is safe for concurrent use.
type Snapshot struct {
	world *mesh.World
	// hosts has an entry for each Service.
	hosts mesh.Map[*host]
	// virtuals has an entry for each host, wildcards among them, that only VirtualServices declare. wildcards are those, the
	// longest first.
	virtuals  mesh.Map[*virtual]
	wildcards []string
	made      time.Time
	// counters may be nil.
	counters *metrics
	check    Check

	problemsOnce sync.Once
	problems     []mesh.Problem
	specificOnce sync.Once
	// byHost are the Problems that concern only some kinds of clients.
	byHost map[string][]mesh.Problem
}

// New makes a Snapshot of a World that stands alone.
func New(world *mesh.World) *Snapshot {
	return (&Snapshot{world: &mesh.World{}, check: lint.Check}).derive(world, world.ChangedSince(nil))
}

// derive makes the Snapshot of the next World. It takes over all that was translated from what did not change.
func (s *Snapshot) derive(world *mesh.World, changed []string) *Snapshot {
	set, remove := map[string]*host{}, []string(nil)
	for _, name := range changed {
		if _, exists := world.Services.Get(name); !exists {
			remove = append(remove, name)
			continue
		}
		before, _ := s.hosts.Get(name)
		set[name] = before.next(world, name)
	}
	next := &Snapshot{world: world, hosts: s.hosts.With(set, remove), made: time.Now(), counters: s.counters, check: s.check}
	next.virtuals, next.wildcards = s.nextVirtuals(world, changed)
	return next
}

// World is what the Snapshot was made from.
func (s *Snapshot) World() *mesh.World { return s.world }

// Resource returns the resource of that name as the client sees it. Names that nothing answers to get a resource that makes
// calls fail at once; nil is returned only for names that cannot be answered at all. What the client would refuse is held back, see
// gate.go.
func (s *Snapshot) Resource(t Type, name string, client mesh.Client) *Versioned {
	v := s.produce(t, name, client)
	if v.heldFrom(client.Agent) {
		return s.instead(t, v, client)
	}
	return v
}

// produce returns what is translated, whether it may be sent or not.
func (s *Snapshot) produce(t Type, name string, client mesh.Client) *Versioned {
	if name == "" {
		return nil
	}
	if t == ListenerType {
		return s.listener(name, client)
	}
	if port, _, hostName, ok := translate.ParseName(name); ok {
		if h, ok := s.hosts.Get(hostName); ok {
			if v := h.resource(s, t, name, client); v != nil {
				return v
			}
		}
		if v := s.virtualResource(t, name, port, hostName, client); v != nil {
			return v
		}
		if v := s.podResource(t, name, hostName, client); v != nil {
			return v
		}
	}
	return s.unknown(t, name, client.Agent)
}

func (s *Snapshot) listener(name string, client mesh.Client) *Versioned {
	if translate.IsServerListener(name) {
		return nil
	}
	target := translate.ParseTarget(name, client.Namespace, s.world.Domain)
	if h, ok := s.hosts.Get(target.Host); ok {
		if port, ok := target.Find(h.service); ok {
			return h.listeners.get(listenerInput{name, port.Number}, func(in listenerInput) *Versioned {
				r := translate.Listener(in.name, translate.RouteName(in.port, target.Host))
				r.Refs = []mesh.Ref{h.service.Ref}
				return s.admit(ListenerType, r, lint.Everybody())
			})
		}
	}
	if service, ok := s.world.Addresses.Get(target.Host); ok {
		if port, ok := target.Find(service); ok {
			r := translate.Listener(name, translate.RouteName(port.Number, service.Host))
			r.Refs = []mesh.Ref{service.Ref}
			return s.admit(ListenerType, r, lint.Everybody())
		}
	}
	if v := s.virtualListener(name, target, client); v != nil {
		return v
	}
	if hostName, port, ok := s.podTarget(target); ok {
		return s.admit(ListenerType, translate.Listener(name, translate.RouteName(port.Number, hostName)), lint.Everybody())
	}
	return s.unknown(ListenerType, name, client.Agent)
}

// unknown answers a name that stands for nothing. It is made anew each time: anybody may ask for any name, so keeping the
// answers would let a client fill the memory.
func (s *Snapshot) unknown(t Type, name string, agent mesh.Agent) *Versioned {
	var r translate.Resource
	switch t {
	case ListenerType:
		r = translate.UnknownListener(name, agent)
	case RouteType:
		r = translate.UnknownRoute(name, agent)
	case ClusterType:
		r = translate.UnknownCluster(name)
	case EndpointType:
		r = translate.UnknownEndpoints(name)
	default:
		return nil
	}
	s.counters.marshalled(t)
	v, err := newVersioned(t, r)
	if err != nil {
		return nil // The name is no text.
	}
	v.absent = true
	return v
}

// Names returns the canonical names of a type as the client sees them, sorted: what a wildcard means.
func (s *Snapshot) Names(t Type, client mesh.Client) []string {
	var names []string
	for hostName, service := range s.world.Services.All() {
		for _, port := range service.Ports {
			switch t {
			case ListenerType:
				names = append(names, translate.ListenerName(port.Number, hostName))
			case RouteType:
				names = append(names, translate.RouteName(port.Number, hostName))
			case ClusterType, EndpointType:
				names = append(names, translate.ClusterName(port.Number, "", hostName))
				policies, _ := s.world.Policies.Get(hostName)
				if policy := policies.For(client.Namespace, client.Labels); policy != nil {
					for _, subset := range policy.Subsets {
						names = append(names, translate.ClusterName(port.Number, subset.Name, hostName))
					}
				}
			}
		}
	}
	names = append(names, s.virtualNames(t, client)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Problems are those of reading and of translation together, sorted. Of those that concern only some kinds of clients there
// are the ones that hold for a kind's current version.
// What is held back so far goes along.
func (s *Snapshot) Problems() []mesh.Problem {
	s.problemsOnce.Do(func() {
		s.problems = mesh.SortProblems(append(slices.Clone(s.world.Problems), s.located(s.translationProblems())...))
	})
	if held := s.heldBackProblems(); len(held) > 0 {
		return mesh.SortProblems(append(held, s.problems...))
	}
	return s.problems
}

// located says of each Problem where its object was read. It works in place.
func (s *Snapshot) located(problems []mesh.Problem) []mesh.Problem {
	for i := range problems {
		if p := &problems[i]; p.Source == "" {
			p.Source = s.world.Sources[p.Object].At(p.Field)
		}
	}
	return problems
}

func (s *Snapshot) translationProblems() []mesh.Problem {
	var problems []mesh.Problem
	for _, routes := range s.world.Unbound {
		problems = append(problems, translate.Host(translate.HostInput{Routes: routes}).Problems...)
	}
	for _, set := range s.translations() {
		problems = append(problems, set.problems...)
	}
	return problems
}

// translations are those of each host for all clients that may be ruled differently.
func (s *Snapshot) translations() iter.Seq2[string, *set] {
	return func(yield func(string, *set) bool) {
		for hostName, h := range s.hosts.All() {
			for client := range speakers(h.rules, h.policies) {
				if !yield(hostName, h.routesFor(s, equipped(client, h.policies))) {
					return
				}
			}
		}
	}
}
