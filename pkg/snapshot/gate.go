package snapshot

import (
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// Check says what clients refuse of a resource; nothing means that all of the reader's take it. lint.Check is the one in use.
type Check func(name string, m proto.Message, r lint.Reader) []lint.Finding

// heldBack is why a resource does not go to clients of some kinds, and what goes in its place. Translation makes no resource that
// is refused: should it ever, that resource alone stays behind, and everything else of its host goes out.
//
// What goes in its place is what the client's like had before. That is the one thing in a Snapshot that depends on the one before it,
// so it is no more than this: an entry for each group of clients that was following the resource when it went bad.
type heldBack struct {
	t      Type
	agents mesh.AgentSet
	// why is for people.
	why string

	// mu protects good. An entry is nil if the clients of a group had different things: then a newcomer gets none of them.
	mu   sync.Mutex
	good map[group]*Versioned
}

// group is what two clients have in common of which one may be given what the other had. Rules may hold for a namespace or for labels
// only, and a rule that was in force for somebody else must not be carried over.
type group struct {
	agent     mesh.Agent
	namespace string
	labels    mesh.Labels
}

func groupOf(c mesh.Client) group { return group{c.Agent, c.Namespace, c.Labels} }

// readersOf are the clients that get what is made of in.
func readersOf(in translate.HostInput) lint.Reader {
	a := in.Audience()
	r := lint.Reader{Providers: a.Providers.All(), SystemRoots: a.SystemRoots}
	for agent, gaps := range mesh.GapSets() {
		if gaps&a.Matter == a.Gaps {
			r.Add(agent, gaps)
		}
	}
	return r
}

// admit marshals a resource that is kept, counts it, and holds it against what its readers refuse.
func (s *Snapshot) admit(t Type, r translate.Resource, readers lint.Reader) *Versioned {
	s.counters.marshalled(t)
	v, err := newVersioned(t, r)
	if err != nil {
		return &Versioned{Name: r.Name, Refs: r.Refs, held: &heldBack{t: t, agents: readers.Agents, why: "it cannot be marshaled: " + err.Error()}}
	}
	if findings := s.findings(r, readers); len(findings) > 0 {
		v.held = &heldBack{t: t}
		var why []string
		for _, f := range findings {
			v.held.agents |= f.Agents
			why = append(why, f.Text)
		}
		v.held.why = "it " + strings.Join(why, ", and ")
	}
	return v
}

// findings are those of the check. One that panics has not passed, and concerns this resource alone.
func (s *Snapshot) findings(r translate.Resource, readers lint.Reader) (findings []lint.Finding) {
	defer func() {
		if p := recover(); p != nil {
			findings = []lint.Finding{{Text: fmt.Sprintf("cannot be checked: %v", p), Agents: readers.Agents}}
		}
	}()
	return s.check(r.Name, r.Message, readers)
}

// heldFrom says whether clients of the kind are not to get v. v may be nil.
func (v *Versioned) heldFrom(agent mesh.Agent) bool {
	return v != nil && v.held != nil && v.held.agents.Has(agent)
}

// instead is what the client gets in place of v, which is held back from it: what its like had, or else what makes calls fail at once.
func (s *Snapshot) instead(t Type, v *Versioned, client mesh.Client) *Versioned {
	v.held.mu.Lock()
	good := v.held.good[groupOf(client)]
	v.held.mu.Unlock()
	if good != nil {
		return good
	}
	nothing := s.notFound(t, v.Name, client)
	if nothing != nil {
		nothing.withheld = true
	}
	return nothing
}

// follow returns what the client is to have next, that has the same name from the Snapshot before. If what is new is held back from it, it
// goes on with what it has.
func (s *Snapshot) follow(before *Snapshot, t Type, name string, client mesh.Client) *Versioned {
	v := s.produce(t, name, client)
	if !v.heldFrom(client.Agent) {
		return v
	}
	if good := before.Resource(t, name, client); good != nil && !good.absent {
		v.held.keep(good, groupOf(client))
	}
	return s.instead(t, v, client)
}

// keep remembers what clients of a group had.
func (h *heldBack) keep(good *Versioned, g group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.good == nil {
		h.good = map[group]*Versioned{}
	}
	had, known := h.good[g]
	if known && (had == nil || had.Version != good.Version) {
		good = nil
	}
	h.good[g] = good
}

// heldBack lists what is held back, of all that has been translated so far.
func (s *Snapshot) heldBack() []*Versioned {
	var all []*Versioned
	for _, h := range s.subjects.All() {
		h.each(func(held []*Versioned) { all = append(all, held...) })
	}
	return all
}

// heldBackProblems has one for each object that made something which is held back.
func (s *Snapshot) heldBackProblems() []mesh.Problem {
	var problems []mesh.Problem
	for _, v := range s.heldBack() {
		for _, ref := range v.refs(v.held.t) {
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeHeldBack, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("%s %s is not sent: %s would reject it, because %s. Clients with an earlier version keep it; other clients' calls fail. "+
					"Revert the last edit, and report this as a bug.", v.held.t.Name(), v.Name, v.held.agents, v.held.why),
			})
		}
	}
	return problems
}
