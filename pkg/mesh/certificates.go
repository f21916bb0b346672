package mesh

import (
	"slices"
	"strings"
)

// Providers are the names of certificate providers: those that a client's bootstrap sets up, and that the client declares. They
// are in canonical form: equal sets are equal strings. The zero value is the empty set.
type Providers string

// MakeProviders encodes names. Those that cannot stand in a set, being empty or holding a comma, are left out.
func MakeProviders(names ...string) Providers {
	sorted := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" || strings.Contains(name, ",") })
	slices.Sort(sorted)
	return Providers(strings.Join(slices.Compact(sorted), ","))
}

// All returns the names, sorted.
func (p Providers) All() []string {
	if p == "" {
		return nil
	}
	return strings.Split(string(p), ",")
}

// Has says whether the name is in the set.
func (p Providers) Has(name string) bool { return slices.Contains(p.All(), name) }

// Among returns those of the set that are among names.
func (p Providers) Among(names ...string) Providers {
	return MakeProviders(slices.DeleteFunc(p.All(), func(name string) bool { return !slices.Contains(names, name) })...)
}

// ServiceAccounts are the service accounts that the endpoints of a Service run as. It is comparable.
type ServiceAccounts struct {
	// Names are sorted and joined by commas, which no account's name holds.
	Names string
	// Unknown says that some endpoints have no account that is known.
	Unknown bool
}

// ServiceAccounts returns those of the endpoints, ready or not. s may be nil.
func (s *EndpointSet) ServiceAccounts() ServiceAccounts {
	if s == nil {
		return ServiceAccounts{}
	}
	var a ServiceAccounts
	names := map[string]struct{}{}
	for i := range s.Endpoints {
		if account := s.Endpoints[i].ServiceAccount; account != "" {
			names[account] = struct{}{}
		} else {
			a.Unknown = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	a.Names = strings.Join(sorted, ",")
	return a
}

// All returns the names, sorted.
func (a ServiceAccounts) All() []string {
	if a.Names == "" {
		return nil
	}
	return strings.Split(a.Names, ",")
}
