package mesh

import (
	"slices"
	"strings"
)

// MeshProvider is the certificate provider with the certificate of a workload in the mesh, and the mesh's authorities.
const MeshProvider = "default"

// Providers is a set of names of certificate providers. A client configures providers in its bootstrap and declares
// their names. The set is in canonical form: equal sets are equal strings. The zero value is the empty set.
type Providers string

// MakeProviders makes a set. It leaves out empty names and names that contain a comma, the separator.
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

// Has reports whether the name is in the set.
func (p Providers) Has(name string) bool { return slices.Contains(p.All(), name) }

// Among returns the intersection of the set and names.
func (p Providers) Among(names ...string) Providers {
	return MakeProviders(slices.DeleteFunc(p.All(), func(name string) bool { return !slices.Contains(names, name) })...)
}

// ServiceAccounts are the service accounts of a Service's endpoints. It is comparable.
type ServiceAccounts struct {
	// Names are sorted and joined by commas. The name of an account cannot contain a comma.
	Names string
	// Unknown is set if the account of an endpoint is not known.
	Unknown bool
}

// ServiceAccounts returns the accounts of all endpoints, ready or not. s may be nil.
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
