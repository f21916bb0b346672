package snapshot

import (
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Check says what clients refuse of a resource; nothing means that all of the reader's take it. clientrules.Check is the one in use.
type Check func(name string, m proto.Message, r clientrules.Audience) []clientrules.Finding

// withheld is why a resource does not go to clients of some kinds, and what goes in its place. Translation makes no resource that
// is refused: should it ever, that resource alone stays behind, and everything else of its host goes out.
//
// What goes in its place is what the client's like had before. That is the one thing in a Snapshot that depends on the one before it,
// so it is no more than this: an entry for each group of clients that was following the resource when it went bad.
type withheld struct {
	kinds mesh.ClientKinds
	// reason is for people.
	reason string

	// mu protects good. An entry is nil if the clients of a group had different things: then a newcomer gets none of them.
	mu        sync.Mutex
	fallbacks map[fallbackGroup]*Versioned
}

// fallbackGroup is what two clients have in common of which one may be given what the other had. Rules may hold for a namespace or for labels
// only, and a rule that was in force for somebody else must not be carried over.
type fallbackGroup struct {
	kind      mesh.ClientKind
	namespace string
	labels    mesh.Labels
}

func fallbackGroupOf(c mesh.Client) fallbackGroup {
	return fallbackGroup{c.Kind, c.Namespace, c.Labels}
}

// audienceOf are the clients that get what is made of in.
func audienceOf(in translate.HostInput) clientrules.Audience {
	a := in.Audience()
	r := clientrules.Audience{Providers: a.Providers.All(), SystemRoots: a.SystemRoots}
	for kind, missing := range mesh.MissingFeatureSets() {
		if missing&a.Relevant == a.Missing {
			r.Add(kind, missing)
		}
	}
	return r
}

// marshalAndValidate marshals a resource that is kept, counts it, and holds it against what its readers refuse.
func (s *Snapshot) marshalAndValidate(t Type, r resource.Resource, audience clientrules.Audience) *Versioned {
	s.marshaled(t)
	v, err := newVersioned(t, r)
	if err != nil {
		return &Versioned{Name: r.Name, t: t, Refs: r.Refs, withheld: &withheld{kinds: audience.Kinds, reason: "it cannot be marshaled: " + err.Error()}}
	}
	if findings := s.validate(r, audience); len(findings) > 0 {
		v.withheld = &withheld{}
		var why []string
		for _, f := range findings {
			v.withheld.kinds |= f.Kinds
			why = append(why, f.Text)
		}
		v.withheld.reason = "it " + strings.Join(why, ", and ")
	}
	return v
}

// validate are those of the check. One that panics has not passed, and concerns this resource alone.
func (s *Snapshot) validate(r resource.Resource, audience clientrules.Audience) (validate []clientrules.Finding) {
	defer func() {
		if p := recover(); p != nil {
			validate = []clientrules.Finding{{Text: fmt.Sprintf("cannot be checked: %v", p), Kinds: audience.Kinds}}
		}
	}()
	return s.check(r.Name, r.Message, audience)
}

// withheldFrom says whether clients of the kind are not to get v. v may be nil.
func (v *Versioned) withheldFrom(agent mesh.ClientKind) bool {
	return v != nil && v.withheld != nil && v.withheld.kinds.Has(agent)
}

// fallback is what the client gets in place of v, which is held back from it: what its like had, or else what makes calls fail at once.
func (s *Snapshot) fallback(t Type, v *Versioned, client mesh.Client) *Versioned {
	v.withheld.mu.Lock()
	good := v.withheld.fallbacks[fallbackGroupOf(client)]
	v.withheld.mu.Unlock()
	if good != nil {
		return good
	}
	nothing := s.notFound(t, v.Name, client)
	if nothing != nil {
		nothing.StandIn = true
	}
	return nothing
}

// ResolveOrFallback returns what the client is to have next, that has the same name from the Snapshot before. If what is new is held back from it, it
// goes on with what it has.
func (s *Snapshot) ResolveOrFallback(before *Snapshot, t Type, name string, client mesh.Client) *Versioned {
	v := s.produce(t, name, client)
	if !v.withheldFrom(client.Kind) {
		return v
	}
	if good := before.Resource(t, name, client); good != nil && !good.NotFound {
		v.withheld.keepFallback(good, fallbackGroupOf(client))
	}
	return s.fallback(t, v, client)
}

// keepFallback remembers what clients of a group had.
func (h *withheld) keepFallback(good *Versioned, g fallbackGroup) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fallbacks == nil {
		h.fallbacks = map[fallbackGroup]*Versioned{}
	}
	had, known := h.fallbacks[g]
	if known && (had == nil || had.Version != good.Version) {
		good = nil
	}
	h.fallbacks[g] = good
}

// Withheld lists what is held back, of all that has been translated so far.
func (s *Snapshot) Withheld() []*Versioned {
	var all []*Versioned
	for _, h := range s.subjects.All() {
		h.each(func(made *translation) { all = append(all, made.withheld...) })
	}
	return all
}

// withheldProblems has one for each object that made something which is held back.
func (s *Snapshot) withheldProblems() []mesh.Problem {
	var problems []mesh.Problem
	for _, v := range s.Withheld() {
		for _, ref := range v.Objects(v.t) {
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeHeldBack, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("%s %s is not sent: %s would reject it, because %s. Clients with an earlier version keep it; other clients' calls fail. "+
					"Revert the last edit, and report this as a bug.", v.t.Name(), v.Name, v.withheld.kinds, v.withheld.reason),
			})
		}
	}
	return problems
}
