package history

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// hostsOf lists the hosts that an object names or declares. m may be nil.
func hostsOf(m *mesh.Manifest, domain string) []string {
	if m == nil {
		return nil
	}
	var content struct {
		Spec struct {
			Host       string       `json:"host"`
			Hosts      []string     `json:"hosts"`
			ParentRefs []serviceRef `json:"parentRefs"`
			TargetRefs []serviceRef `json:"targetRefs"`
		} `json:"spec"`
	}
	_ = json.Unmarshal([]byte(m.Text), &content) // An object may have fields of other types: then it names no host.
	service := func(namespace, name string) string { return name + "." + namespace + ".svc." + domain }
	var hosts []string
	switch m.Ref.Kind {
	case "Service", "ServiceImport":
		hosts = append(hosts, service(m.Ref.Namespace, m.Ref.Name))
	case "Sidecar":
		return nil // Its hosts are those that clients see.
	}
	for _, host := range append(content.Spec.Hosts, content.Spec.Host) {
		switch {
		case host == "":
		case strings.Contains(host, ".") || host == "*" || m.Ref.Kind == "ServiceEntry":
			hosts = append(hosts, strings.ToLower(host))
		default:
			hosts = append(hosts, service(m.Ref.Namespace, strings.ToLower(host)))
		}
	}
	for _, ref := range append(content.Spec.ParentRefs, content.Spec.TargetRefs...) {
		switch {
		case ref.Kind != "Service":
		case ref.Namespace != "":
			hosts = append(hosts, service(ref.Namespace, ref.Name))
		default:
			hosts = append(hosts, service(m.Ref.Namespace, ref.Name))
		}
	}
	return hosts
}

// serviceRef is a parent of a Route, or a target of a policy.
type serviceRef struct {
	Kind, Namespace, Name string
}

// hosts lists the hosts that the change names, before or after.
func (c change) hosts(domain string) []string {
	return append(hostsOf(c.before, domain), hostsOf(c.after, domain)...)
}

// names reports whether the change names a host, of which the first labels may be given; an empty text names all.
func (c change) names(host, domain string) bool {
	return host == "" || slices.ContainsFunc(c.hosts(domain), func(h string) bool { return isHost(h, host) })
}

// changedHosts lists the hosts that changes name, and those whose Service or rules differ between two Worlds; before may be nil.
func changedHosts(before, after *mesh.World, changes []change) []string {
	found := map[string]struct{}{}
	for _, c := range changes {
		for _, host := range c.hosts(after.Domain) {
			found[host] = struct{}{}
		}
	}
	if before != nil {
		for _, key := range after.ChangedSince(before) {
			if key.Scope == mesh.ScopeHost && rulesDiffer(before, after, key.Name) {
				found[key.Name] = struct{}{}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// rulesDiffer reports whether more than the endpoints of a host differ. Cluster IPs and variants of hosts are no hosts of people.
func rulesDiffer(before, after *mesh.World, host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	if _, _, variant := mesh.CutHostIn(host); variant {
		return false
	}
	return differs(before.Services, after.Services, host) || differs(before.VirtualServices, after.VirtualServices, host) ||
		differs(before.DestinationRules, after.DestinationRules, host) || differs(before.Aliases, after.Aliases, host)
}

func differs[V any](before, after mesh.Map[*V], host string) bool {
	a, _ := before.Get(host)
	b, _ := after.Get(host)
	return a != b
}
