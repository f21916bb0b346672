package snapshot

import (
	"cmp"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Snapshot is one World as resources. Its readers see an immutable value. Internally it translates on first demand
// and remembers the outcome. It is safe for concurrent use.
type Snapshot struct {
	world *mesh.World
	// subjects has an entry for each Service and for each serviceless host. wildcards are the names that are wildcards, the
	// longest first.
	subjects  mesh.Map[*subject]
	wildcards []string
	CreatedAt time.Time
	// marshaled is called with the type of each resource that is marshaled.
	marshaled func(Type)
	check     Check
	// servers has what was made for gRPC servers.
	servers memosByNamespace

	// found has, for each family, the Problems that its clients have.
	found [mesh.FamilyCount]foundProblems
}

// foundProblems are the Problems of one family, each found when it is first asked for.
type foundProblems struct {
	once sync.Once
	all  []mesh.Problem

	byHostOnce sync.Once
	// byHost are the Problems that concern only some client kinds.
	byHost map[string][]mesh.Problem
}

// New makes the Snapshot of a World without an earlier one.
func New(world *mesh.World) *Snapshot {
	return Empty(nil, nil).Derive(world, world.ChangedSince(nil))
}

// Empty makes the Snapshot of an empty World, from which the first Snapshot is derived. check validates every
// resource before a client gets it; nil means clientrules.Check. marshaled is called with the type of each resource
// that is marshaled; it may be nil.
func Empty(check Check, marshaled func(Type)) *Snapshot {
	if check == nil {
		check = clientrules.Check
	}
	if marshaled == nil {
		marshaled = func(Type) {}
	}
	return &Snapshot{world: &mesh.World{}, check: check, marshaled: marshaled, servers: newMemosByNamespace()}
}

// Derive makes the Snapshot of the next World, in which only the parts that changed names differ. It takes over every
// translation whose inputs did not change.
func (s *Snapshot) Derive(world *mesh.World, changed []mesh.Key) *Snapshot {
	set, remove, wildcards, servers := map[string]*subject{}, []string(nil), s.wildcards, s.servers.next(world, changed)
	for _, key := range changed {
		if key.Scope != mesh.ScopeHost {
			continue
		}
		before, had := s.subjects.Get(key.Name)
		h := before.next(world, key.Name)
		if h != nil {
			set[key.Name] = h
		} else {
			remove = append(remove, key.Name)
		}
		if _, _, variant := mesh.CutHostIn(key.Name); !variant && mesh.IsWildcard(key.Name) && had != (h != nil) {
			wildcards = withOrWithout(wildcards, key.Name, h != nil)
		}
	}
	return &Snapshot{
		world: world, subjects: s.subjects.With(set, remove), wildcards: wildcards, CreatedAt: time.Now(),
		marshaled: s.marshaled, check: s.check, servers: servers,
	}
}

// withOrWithout returns a copy of wildcards with name added or removed.
func withOrWithout(wildcards []string, name string, with bool) []string {
	if !with {
		return slices.DeleteFunc(slices.Clone(wildcards), func(w string) bool { return w == name })
	}
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) }
	i, _ := slices.BinarySearchFunc(wildcards, name, longest)
	return slices.Insert(slices.Clone(wildcards), i, name)
}

// Translations counts the kept translations by what they translate: listeners, routes, endpoints, pods.
func (s *Snapshot) Translations() map[string]int {
	count := map[string]int{"listeners": 0, "routes": 0, "endpoints": 0, "pods": 0}
	for _, h := range s.subjects.All() {
		h.count(count)
	}
	return count
}

// World returns the World that the Snapshot was made from.
func (s *Snapshot) World() *mesh.World { return s.world }

// Resource returns the resource of that name for the client. A name that does not exist gets a resource that makes
// calls fail immediately. nil is returned only for names that cannot be answered at all. A resource that the client
// would reject is withheld, and its fallback is returned; see validation.go.
func (s *Snapshot) Resource(t Type, name string, client mesh.Client) *Versioned {
	v := s.produce(t, name, client)
	if v.withheldFrom(client.Kind) {
		return s.fallback(t, v, client)
	}
	return v
}

// produce returns the translated resource, even if it must be withheld from the client.
func (s *Snapshot) produce(t Type, name string, client mesh.Client) *Versioned {
	if name == "" || !t.ServedTo(client) {
		return nil
	}
	q := s.query(t, name, client)
	for _, r := range resolvers {
		if v, known := r.answer(s, q); known {
			return v
		}
	}
	v := s.notFound(t, name, client)
	if sidecar := q.client.Sidecar; v != nil && sidecar != nil {
		if _, _, hidden := s.hidden(q); hidden {
			v.Refs = []mesh.Ref{sidecar.Ref}
		}
	}
	return v
}

// notFound answers a name that does not exist. There is no such answer for the Listener of a server: without one it does not
// serve. The answer is not kept: clients may request any name, and could fill
// the memory.
func (s *Snapshot) notFound(t Type, name string, client mesh.Client) *Versioned {
	if _, server := ServerPort(t, name); !t.Known() || server || t.info().notFound == nil {
		return nil
	}
	s.marshaled(t)
	v, err := newVersioned(t, t.info().notFound(name, client))
	if err != nil {
		return nil // The name is not valid UTF-8.
	}
	v.NotFound, v.Since = true, time.Now()
	return v
}

// Names returns the canonical names of a type for the client, sorted: the names that a wildcard subscription
// contains. Clients choose the ports of serviceless hosts: only the default port is listed. Names below wildcards and
// names of pods are not listed.
func (s *Snapshot) Names(t Type, client mesh.Client) []string {
	switch {
	case !t.ServedTo(client):
		return nil
	case t == ListenerType && client.Egress != "":
		return []string{resource.EgressListener}
	}
	return s.allNames(t, client)
}

func (s *Snapshot) allNames(t Type, client mesh.Client) []string {
	var names []string
	client = s.narrowed(t, client)
	for hostName, h := range s.subjects.All() {
		names = s.appendNames(names, t, client, hostName, h)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// NamesOf returns the names of one host among these, in any order.
func (s *Snapshot) NamesOf(t Type, client mesh.Client, host string) []string {
	h, ok := s.subjects.Get(host)
	if !ok || !t.ServedTo(client) || t == ListenerType && client.Egress != "" {
		return nil
	}
	return s.appendNames(nil, t, s.narrowed(t, client), host, h)
}

// appendNames appends the names of one host, for a client that is narrowed.
func (s *Snapshot) appendNames(names []string, t Type, client mesh.Client, host string, h *subject) []string {
	if h.serviceless() {
		if t.info().serviceless && !mesh.IsWildcard(host) && !h.facts.VirtualServices.ForClient(client).Empty() {
			names = s.appendName(names, t, client, host, h, defaultServicelessPort)
		}
		return names
	}
	if h = s.listedFor(host, client); h == nil || h.facts.Alias != nil && !t.info().serviceless {
		return names
	}
	names = append(names, h.encryptedNames(s, t, client)...)
	policy := h.facts.DestinationRules.ForClient(client)
	for _, port := range h.facts.Service.PortsFor(client.Kind.Family()) {
		names = s.appendName(names, t, client, host, h, port.Number)
		if policy == nil || t != ClusterType && t != EndpointType {
			continue
		}
		for _, subset := range policy.Subsets {
			names = append(names, resource.ClusterName(port.Number, subset.Name, host))
		}
	}
	return names
}

// listedFor returns the Service of a host whose names are listed for the client; nil if there is none.
func (s *Snapshot) listedFor(host string, client mesh.Client) *subject {
	if _, _, variant := mesh.CutHostIn(host); variant || mesh.IsWildcard(host) {
		return nil
	}
	h, _ := s.serviceFor(host, client)
	return h
}

// Problems are the Problems of reading and of translation for gRPC clients, sorted. A Problem that concerns only some
// client kinds is included if it concerns the current version of a kind. Problems of withheld resources and of failed
// translations are included as far as these have been translated.
func (s *Snapshot) Problems() []mesh.Problem { return s.ProblemsOf(mesh.FamilyGRPC) }

// ProblemsOf are the same for clients of a family.
func (s *Snapshot) ProblemsOf(family mesh.Family) []mesh.Problem {
	found := &s.found[family]
	found.once.Do(func() {
		found.all = withoutOutweighed(s.world.Unsilenced(mesh.SortProblems(append(slices.Clone(s.world.Problems), s.Located(s.translationProblems(family))...))))
	})
	if late := slices.Concat(s.withheldProblems(), s.internalProblems(), s.serverProblems()); len(late) > 0 {
		return mesh.SortProblems(append(s.world.Unsilenced(late), found.all...))
	}
	return found.all
}

// Located adds to each Problem the place where its object was read. It changes problems in place.
func (s *Snapshot) Located(problems []mesh.Problem) []mesh.Problem {
	for i := range problems {
		if p := &problems[i]; p.Source == "" {
			p.Source = s.world.Sources[p.Object].At(p.Field)
		}
	}
	return problems
}

func (s *Snapshot) translationProblems(family mesh.Family) []mesh.Problem {
	var problems []mesh.Problem
	for _, routes := range s.world.Unbound {
		problems = append(problems, translate.Host(translate.Unbound(family, routes)).Problems...)
	}
	for _, rule := range s.world.UnboundRules {
		problems = append(problems, translate.Host(translate.UnboundRule(family, rule)).Problems...)
	}
	for _, set := range s.translations(family) {
		problems = append(problems, set.problems...)
	}
	for _, set := range s.world.Sidecars.All() {
		for _, sidecar := range set.Sidecars {
			problems = append(problems, translate.SidecarProblems(family, sidecar)...)
		}
	}
	if family == mesh.FamilyGRPC {
		problems = append(problems, s.policyProblems()...)
	}
	return problems
}

// outweighing has the code of an error that says enough about a field, by the code of what else is said about it:
// destinations that fail for clients which may not exist, and fields that would have no effect if their value were valid.
var outweighing = map[mesh.Code]mesh.Code{mesh.CodeNoSuchHost: mesh.CodeNoSuchHost, mesh.CodeUnsupported: mesh.CodeInvalidValue}

// withoutOutweighed leaves out what an error at the same field outweighs.
func withoutOutweighed(problems []mesh.Problem) []mesh.Problem {
	type place struct {
		object mesh.Ref
		field  string
		code   mesh.Code
	}
	failing := map[place]struct{}{}
	for _, p := range problems {
		if p.Severity == mesh.Error {
			failing[place{p.Object, p.Field, p.Code}] = struct{}{}
		}
	}
	return slices.DeleteFunc(problems, func(p mesh.Problem) bool {
		code, ok := outweighing[p.Code]
		_, fails := failing[place{p.Object, p.Field, code}]
		return ok && fails && p.Severity != mesh.Error
	})
}

// internalProblems are the Problems of the kept translations that failed.
func (s *Snapshot) internalProblems() []mesh.Problem {
	var problems []mesh.Problem
	s.eachTranslation(func(made *translation) {
		for _, p := range made.problems {
			if p.Code == mesh.CodeInternal {
				problems = append(problems, p)
			}
		}
	})
	return s.Located(problems)
}

// serverProblems are the Problems of policies together, which are found when servers subscribe to what is made of them.
func (s *Snapshot) serverProblems() []mesh.Problem {
	var problems []mesh.Problem
	s.eachServerTranslation(func(made *translation) {
		if !made.failed() {
			problems = append(problems, made.problems...)
		}
	})
	return s.Located(problems)
}

// eachTranslation calls see with every kept translation.
func (s *Snapshot) eachTranslation(see func(*translation)) {
	for _, h := range s.subjects.All() {
		h.each(see)
	}
	s.eachServerTranslation(see)
}

// eachServerTranslation calls see with every kept translation for gRPC servers.
func (s *Snapshot) eachServerTranslation(see func(*translation)) {
	for _, memos := range s.servers {
		memos.listeners.each(see)
		memos.routes.each(see)
	}
}

// representative has, for each family, the client kind for which Problems are found. What concerns only other kinds of
// the family is found with it.
var representative = [mesh.FamilyCount]mesh.ClientKind{mesh.FamilyGRPC: mesh.UnknownClient, mesh.FamilyHTTP: mesh.JavaAgent, mesh.FamilyEnvoy: mesh.Envoy}

// translations yields, by host, the routes and clusters for all clients of a family to which different rules may apply. It is not
// known which names and ports clients dial of a serviceless host, so its rules are translated for no particular host
// and port.
func (s *Snapshot) translations(family mesh.Family) iter.Seq2[string, *translation] {
	return func(yield func(string, *translation) bool) {
		s.eachRepresented(family, func(hostName string, _ mesh.Client, made *translation) bool { return yield(hostName, made) })
	}
}

// eachRepresented calls yield with what translations yields, and the client that it is for, until yield returns false.
func (s *Snapshot) eachRepresented(family mesh.Family, yield func(string, mesh.Client, *translation) bool) {
	for hostName, h := range s.subjects.All() {
		if mesh.IsWildcard(hostName) && !h.serviceless() {
			h = h.below(s, hostName, "any"+hostName[1:]) // Any name shows the Problems.
		}
		clients := representatives(h.facts.Service, h.facts.VirtualServices, h.facts.DestinationRules)
		if len(clients) == 0 && h.facts.CheckedWithoutRules(family) {
			clients[mesh.Client{Namespace: h.facts.Service.Ref.Namespace}] = struct{}{}
		}
		for client := range clients {
			client.Kind = representative[family]
			if !yield(hostName, client, h.translateHost(s, h.facts.WithAllProviders(client))) {
				return
			}
		}
	}
}
