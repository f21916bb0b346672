package mesh

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"
)

// Sidecar narrows which hosts its clients see. It is immutable.
type Sidecar struct {
	Ref Ref
	// Spec is the spec of the object, read-only.
	Spec *networking.Sidecar
	// Selector has the labels of the selected clients. It is nil for all clients of the namespace, or of the mesh.
	Selector map[string]string
	// Egress are the lists of hosts. Clients see what any of them exposes, and every host if there is no list.
	Egress []EgressHosts
}

// EgressHosts is one list: it exposes what an entry imports and no entry excludes.
type EgressHosts struct {
	Imported, Excluded []EgressHost
}

// EgressHost is an entry of a list.
type EgressHost struct {
	// Namespace is that of the objects that declare the host, AnyNamespace or OwnNamespace.
	Namespace string
	// Host is a full name or a wildcard; "*" is every host.
	Host string
	// Field is where the entry is written, below its object.
	Field string
}

// What stands for namespaces in an EgressHost.
const (
	AnyNamespace = "*"
	// OwnNamespace is the namespace of the client.
	OwnNamespace = "."
)

// SidecarSet has the Sidecars of one namespace. Those of the root namespace without a selector apply to clients of every
// namespace that has no Sidecar for them. It is immutable.
type SidecarSet struct {
	// Sidecars are sorted: those with a selector first, then the oldest first. The first that selects a client applies to it.
	Sidecars []*Sidecar
}

// For returns the Sidecar for clients of the namespace with the labels; nil if there is none. s may be nil.
func (s *SidecarSet) For(labels Labels) *Sidecar {
	if s == nil {
		return nil
	}
	for _, sidecar := range s.Sidecars {
		if sidecar.Selector == nil || labels.Match(sidecar.Selector) {
			return sidecar
		}
	}
	return nil
}

// ForAll returns the Sidecar that applies to all clients; nil if there is none. s may be nil.
func (s *SidecarSet) ForAll() *Sidecar {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.Sidecars, func(sidecar *Sidecar) bool { return sidecar.Selector == nil })
	if i < 0 {
		return nil
	}
	return s.Sidecars[i]
}

// SidecarFor returns the Sidecar that applies to a client; nil if none does. A client whose labels are not known gets that of
// all clients of its namespace.
func (w *World) SidecarFor(client Client) *Sidecar {
	own, _ := w.Sidecars.Get(client.Namespace)
	if sidecar := own.For(client.Labels); sidecar != nil {
		return sidecar
	}
	root, _ := w.Sidecars.Get(w.RootNamespace)
	return root.ForAll()
}

// Sees reports whether clients of the namespace see a host, or a wildcard, that a Service in namespace owner declares. s may
// be nil: then they see every host.
func (s *Sidecar) Sees(namespace, owner, host string) bool {
	return s.exposes(namespace, owner, host, EgressHost.Matches)
}

// SeesRules reports whether VirtualServices in namespace owner with a host apply to the clients.
func (s *Sidecar) SeesRules(namespace, owner, host string) bool {
	return s.exposes(namespace, owner, host, EgressHost.MatchesRules)
}

func (s *Sidecar) exposes(namespace, owner, host string, imports func(e EgressHost, namespace, owner, host string) bool) bool {
	if s == nil || len(s.Egress) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Egress, func(list EgressHosts) bool {
		_, excluded := list.excluding(namespace, owner, host)
		return !excluded && slices.ContainsFunc(list.Imported, func(e EgressHost) bool { return imports(e, namespace, owner, host) })
	})
}

// Excluding returns an entry that excludes a Service's host from a list; ok is false if none does.
func (s *Sidecar) Excluding(namespace, owner, host string) (e EgressHost, ok bool) {
	for _, list := range s.Egress {
		if e, ok = list.excluding(namespace, owner, host); ok {
			break
		}
	}
	return e, ok
}

func (l EgressHosts) excluding(namespace, owner, host string) (e EgressHost, ok bool) {
	i := slices.IndexFunc(l.Excluded, func(e EgressHost) bool { return e.Matches(namespace, owner, host) })
	if i < 0 {
		return e, false
	}
	return l.Excluded[i], true
}

// Matches reports whether an entry of a Sidecar that applies to clients of the namespace, or of any if that is empty, stands
// for a host or wildcard of a Service in namespace owner.
func (e EgressHost) Matches(namespace, owner, host string) bool {
	return e.names(namespace, owner) && (e.Host == host || below(e.Host, host))
}

// MatchesRules does the same for a host of a VirtualService. As in Istio, the rules of a wildcard are those of an entry below
// it, too. An entry below the wildcard of a ServiceEntry stands for the names that both cover.
func (e EgressHost) MatchesRules(namespace, owner, host string) bool {
	return e.Matches(namespace, owner, host) || e.names(namespace, owner) && below(host, e.Host)
}

func (e EgressHost) names(namespace, owner string) bool {
	switch e.Namespace {
	case AnyNamespace:
		return true
	case OwnNamespace:
		return namespace == owner || namespace == ""
	}
	return e.Namespace == owner
}

// below reports whether a wildcard has every name of another host or wildcard.
func below(wildcard, host string) bool {
	suffix, ok := strings.CutPrefix(wildcard, "*")
	return ok && strings.HasSuffix(strings.TrimPrefix(host, "*"), suffix)
}
