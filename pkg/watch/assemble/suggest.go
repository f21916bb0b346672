package assemble

import (
	"fmt"
	"maps"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

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

// wayOut returns what to do about a host without a Service: a Service with a similar name in the namespace, or one of
// the same name in another namespace, is probably meant.
func (r *rules) wayOut(host, field string) string {
	near := mesh.NearHostsOf(host, r.domain, maps.Keys(r.hosts.owners))
	meant := ""
	switch {
	case !inServiceDomain(host, r.domain):
	case near.Similar != "":
		meant, _, _ = strings.Cut(near.Similar, ".")
	case len(near.Elsewhere) == 1:
		meant = strings.TrimSuffix(near.Elsewhere[0], ".svc."+r.domain)
	}
	if meant != "" {
		return fmt.Sprintf("Did you mean %q?", meant)
	}
	return fmt.Sprintf("Create the Service, or correct %s.", field)
}
