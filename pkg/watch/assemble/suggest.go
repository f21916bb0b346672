package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// minSimilar is the minimum length of names that are compared: short names are similar by chance.
const minSimilar = 3

// missingHosts are the declared hosts that have the form of a Service's host and no Service. The messages about them
// name similar Services, so they are checked again when any Service comes or goes.
type missingHosts map[string]struct{}

// note records whether a declared host has a Service.
func (m missingHosts) note(host, domain string, exists bool) {
	if exists || strings.HasPrefix(host, "*") || !inServiceDomain(host, domain) {
		delete(m, host)
		return
	}
	m[host] = struct{}{}
}

// wayOut returns what to do about a host without a Service that an object of the namespace names.
func (r *rules) wayOut(host, field, namespace string) string {
	meant := r.meant(host)
	if meant == "" {
		return fmt.Sprintf("Create the Service, or correct %s.", field)
	}
	name, theirs, _ := strings.Cut(strings.TrimSuffix(meant, ".svc."+r.domain), ".")
	if theirs != namespace {
		name += "." + theirs
	}
	return fmt.Sprintf("Did you mean %q?", name)
}

// meant returns the host of the Service that is probably meant by a host without one, or empty: a Service with a similar
// name in the namespace, or the only one of the same name in another namespace.
func (r *rules) meant(host string) string {
	if !inServiceDomain(host, r.domain) {
		return ""
	}
	name, namespace, _ := strings.Cut(strings.TrimSuffix(host, ".svc."+r.domain), ".")
	var near, elsewhere []string
	for other := range r.hosts.owners {
		theirs, rest, _ := strings.Cut(strings.TrimSuffix(other, ".svc."+r.domain), ".")
		switch {
		case rest == namespace && theirs != name && min(len(theirs), len(name)) >= minSimilar:
			near = append(near, theirs)
		case theirs == name && rest != namespace:
			elsewhere = append(elsewhere, other)
		}
	}
	slices.Sort(near)
	if meant := object.Nearest(name, near); meant != "" {
		return meant + "." + namespace + ".svc." + r.domain
	}
	if len(elsewhere) == 1 {
		return elsewhere[0]
	}
	return ""
}
