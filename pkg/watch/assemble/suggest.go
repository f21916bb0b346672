package assemble

import (
	"fmt"
	"maps"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
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

// noSuchHost makes the Problem of a rule for a host without a Service. effect is what happens.
type noSuchHost func(key object.Key, field, host, effect string) mesh.Problem

// noSuchHost names a ServiceEntry that declares the host, or else a host that is probably meant.
func (r *rules) noSuchHost(key object.Key, field, host, effect string) mesh.Problem {
	message := fmt.Sprintf("No Service has the host %s. %s %s", host, effect, r.wayOut(host, field, key.Namespace))
	if entry := r.entries.of(host); entry != (mesh.Ref{}) {
		message = fmt.Sprintf("%s declares %s, but ServiceEntries are not read. %s Create a Service of type ExternalName with externalName %q, and write its name in %s.",
			entry, host, effect, strings.TrimPrefix(host, "*."), field)
	}
	return mesh.Problem{Code: mesh.CodeNoSuchHost, Severity: mesh.Warning, Object: key.Ref(), Field: field, Message: message}
}

// wayOut returns what to do about a host without a Service that an object of the namespace names.
func (r *rules) wayOut(host, field, namespace string) string {
	if meant := r.meantIn(host, namespace); meant != "" {
		return fmt.Sprintf("Did you mean %q?", meant)
	}
	return fmt.Sprintf("Create the Service, or correct %s.", field)
}

// meantIn is meant as an author in the namespace writes it.
func (r *rules) meantIn(host, namespace string) string {
	return strings.TrimSuffix(strings.TrimSuffix(r.meant(host), ".svc."+r.domain), "."+namespace)
}

// meant returns the host of the Service that is probably meant by a host without one, or empty: a Service with a similar
// name in the namespace, or the only one of the same name in another namespace.
func (r *rules) meant(host string) string {
	if !inServiceDomain(host, r.domain) {
		return ""
	}
	near := mesh.NearHostsOf(host, r.domain, maps.Keys(r.hosts.owners))
	if near.Similar == "" && len(near.Elsewhere) == 1 {
		return near.Elsewhere[0]
	}
	return near.Similar
}
