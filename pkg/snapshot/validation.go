package snapshot

import (
	"cmp"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Check returns what clients of the audience reject in a resource. No findings mean that all of them accept it. The
// default is clientrules.Check.
type Check func(name string, m proto.Message, r clientrules.Audience) []clientrules.Finding

// withheld is the reason why clients of some kinds are not sent a resource, and what they get instead. Translation
// makes no resource that a client is known to reject. If it ever does, only that resource is withheld, and all other
// resources of the host are sent.
//
// The fallback is the resource that clients of the same group had before. It is the only thing in a Snapshot that
// depends on an earlier one, so it is kept small: one entry for each group of clients that subscribed to the resource
// when it became invalid.
type withheld struct {
	kinds mesh.ClientKinds
	// reason is a clause for people: "it …". wayOut is what to do, if it is known.
	reason, wayOut string

	// mu protects fallbacks. An entry is nil if the clients of the group had different versions; then none of them is
	// the fallback.
	mu        sync.Mutex
	fallbacks map[fallbackGroup]*Versioned
}

// fallbackGroup is what two clients have in common if one of them may get the resource that the other had. Rules may
// apply to a namespace or to labels only: a resource with a rule that applied to other clients must not be used.
type fallbackGroup struct {
	kind      mesh.ClientKind
	namespace string
	labels    mesh.Labels
}

func fallbackGroupOf(c mesh.Client) fallbackGroup {
	return fallbackGroup{c.Kind, c.Namespace, c.Labels}
}

// audienceOf returns the clients that get what is made from in.
func audienceOf(in translate.HostInput) clientrules.Audience {
	a := in.Audience()
	r := clientrules.Audience{Providers: a.Providers.All(), SystemRoots: a.SystemRoots}
	for kind, missing := range mesh.MissingFeatureSets() {
		if kind.Family() == a.Family && missing&a.Relevant == a.Missing {
			r.Add(kind, missing)
		}
	}
	return r
}

// maxResource limits a resource, in bytes. A client's stream ends with a response above 4 MiB, whatever else is in it, and
// so does the next one: it would be sent nothing any more.
const maxResource = 4<<20 - 64<<10

// marshalAndValidate marshals a resource that is kept, counts it, and withholds it from the clients of the audience
// that would reject it.
func (s *Snapshot) marshalAndValidate(t Type, r resource.Resource, audience clientrules.Audience) *Versioned {
	s.marshaled(t)
	v, err := newVersioned(t, r)
	if err != nil {
		reason := "it cannot be marshaled: " + err.Error()
		return &Versioned{Name: r.Name, t: t, Refs: r.Refs, withheld: &withheld{kinds: audience.Kinds, reason: reason}}
	}
	findings, wayOut := s.validate(r, audience), ""
	if size := len(v.Wire()); size > maxResource {
		text := fmt.Sprintf("has %d bytes, and a stream ends with a response above 4 MiB", size)
		findings, wayOut = append(findings, clientrules.Finding{Text: text, Kinds: audience.Kinds}), "Make the objects smaller that it is made of."
	}
	if len(findings) > 0 {
		v.withheld = &withheld{wayOut: wayOut}
		var why []string
		for _, f := range findings {
			v.withheld.kinds |= f.Kinds
			why = append(why, f.Text)
		}
		v.withheld.reason = "it " + strings.Join(why, ", and ")
	}
	return v
}

// validate returns the findings of the check. If the check panics, all clients of the audience are assumed to reject
// the resource. Other resources are not affected.
func (s *Snapshot) validate(r resource.Resource, audience clientrules.Audience) (findings []clientrules.Finding) {
	defer func() {
		if p := recover(); p != nil {
			findings = []clientrules.Finding{{Text: fmt.Sprintf("cannot be checked: %v", p), Kinds: audience.Kinds}}
		}
	}()
	return s.check(r.Name, r.Message, audience)
}

// withheldFrom reports whether v must not be sent to clients of the kind. v may be nil.
func (v *Versioned) withheldFrom(kind mesh.ClientKind) bool {
	return v != nil && v.withheld != nil && v.withheld.kinds.Has(kind)
}

// fallback returns what the client gets instead of v, which is withheld from it: the resource that its group had, or
// else a resource that makes calls fail immediately.
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

// ResolveOrFallback returns what the client gets next for a name that it already has from the Snapshot before. If the
// new resource is withheld from the client, it keeps the resource that it has.
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

// keepFallback remembers the resource that clients of a group had.
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

// Withheld lists the withheld resources among all that has been translated so far.
func (s *Snapshot) Withheld() []*Versioned {
	var all []*Versioned
	s.eachTranslation(func(made *translation) { all = append(all, made.withheld...) })
	return all
}

// withheldEffect states what becomes of calls.
func (v *Versioned) withheldEffect() string {
	if _, server := ServerPort(v.t, v.Name); server {
		return "Servers are sent rules that refuse every call instead."
	}
	return "Clients with an earlier version keep it; other clients' calls fail."
}

// withheldProblems has a Problem for each object that made a withheld resource.
func (s *Snapshot) withheldProblems() []mesh.Problem {
	var problems []mesh.Problem
	for _, v := range s.Withheld() {
		for _, ref := range v.Objects(v.t) {
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeHeldBack, Severity: mesh.Error, Object: ref,
				Message: fmt.Sprintf("%s %s is not sent: %s would reject it, because %s. %s %s", v.t.Name(), v.Name, v.withheld.kinds, v.withheld.reason,
					v.withheldEffect(), cmp.Or(v.withheld.wayOut, "Revert the last edit, and report this as a bug.")),
			})
		}
	}
	return problems
}
