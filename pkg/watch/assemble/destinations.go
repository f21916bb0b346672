package assemble

import (
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// destination returns what a destination host of a VirtualService in the namespace refers to.
func (r *rules) destination(b *worldBuilder, host, namespace string) mesh.Destination {
	key := keyIn(b, host, namespace)
	d := mesh.Destination{Host: host, Service: b.services.get(key), DestinationRules: b.policies.get(key), Groups: b.groups.get(key)}
	if alias := b.aliases.get(host); alias != nil {
		d.Host, d.Service, d.Refused, d.Groups = alias.Host, alias.Service, alias.Refused, nil
		if d.Service != nil {
			d.Groups = b.groups.get(d.Service.Host)
		}
	}
	if d.Service == nil && d.Host == host {
		r.belowWildcard(b, &d, namespace)
	}
	delete(r.unmet, host)
	if d.Service == nil && d.Host == host {
		r.unmet[host] = struct{}{}
		d.Meant = r.meantIn(host, namespace)
	}
	return d
}

// keyIn returns the key of what clients of a namespace call under a host; see mesh.HostIn.
func keyIn(b *worldBuilder, host, namespace string) string {
	if own := mesh.HostIn(host, namespace); b.services.get(own) != nil {
		return own
	}
	return host
}

// belowWildcard makes the destination one of the names below the wildcard of a Service, if there is one.
func (r *rules) belowWildcard(b *worldBuilder, d *mesh.Destination, namespace string) {
	for suffix := d.Host; ; {
		_, rest, ok := strings.Cut(suffix, ".")
		if !ok {
			return
		}
		suffix = rest
		key := keyIn(b, "*."+suffix, namespace)
		if s := b.services.get(key); s != nil {
			r.below.add(s.Host, d.Host)
			d.Service, d.DestinationRules, d.Groups = r.named(key, s, d.Host), b.policies.get(key), b.groups.get(key)
			return
		}
	}
}

// named returns the Service of a name below a wildcard: the same pointer as long as that of the wildcard is the same.
func (r *rules) named(wildcard string, s *mesh.Service, host string) *mesh.Service {
	name := nameBelow{wildcard, host}
	if r.names[name].of != s {
		r.names[name] = namedService{s, s.Below(host)}
	}
	return r.names[name].service
}

// nameBelow is a name, and the key of the wildcard that covers it.
type nameBelow struct{ wildcard, host string }

// namedService is the Service of a name below a wildcard.
type namedService struct{ of, service *mesh.Service }

// forget drops what is kept of destinations to which nothing sends calls any more, and of wildcards that are gone.
func (r *rules) forget(b *worldBuilder) {
	unused := func(host string) bool {
		return len(r.routes.byDestination[host])+len(r.attached.byDestination[host]) == 0
	}
	maps.DeleteFunc(r.unmet, func(host string, _ struct{}) bool { return unused(host) })
	maps.DeleteFunc(r.names, func(name nameBelow, known namedService) bool {
		return unused(name.host) || b.services.get(name.wildcard) != known.of
	})
	for wildcard, names := range r.below {
		if names = slices.DeleteFunc(names, unused); len(names) == 0 || b.services.get(wildcard) == nil {
			delete(r.below, wildcard)
		} else {
			r.below[wildcard] = names
		}
	}
}
