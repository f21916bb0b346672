package translate

import (
	"iter"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// clientProjection collects those properties of one client that VirtualServices depend on. So clients that do not
// differ in these share one translation, and a client that invents names and labels adds none.
type clientProjection struct {
	client    mesh.Client
	namespace string
	labels    map[string]string
	// sets are the DestinationRules of the destinations, as far as the client's bucket decides which of them apply.
	sets []*mesh.DestinationRuleSet
}

// projectClient returns the client's namespace and labels as far as the VirtualServices depend on them, and a bucket whose clients
// follow the same versions.
func projectClient(all mesh.VirtualServices, client mesh.Client) (namespace string, labels mesh.Labels, bucket uint16) {
	if all.Empty() {
		return "", "", 0
	}
	p := clientProjection{client: client, labels: map[string]string{}}
	for vs := range all.All() {
		p.addVirtualService(vs)
	}
	return p.namespace, mesh.MakeLabels(p.labels), mesh.StageOf(client.Bucket, slices.Values(p.sets))
}

func (p *clientProjection) addVirtualService(vs *mesh.VirtualService) {
	for _, destination := range vs.Destinations {
		p.addDestinationRules(destination.DestinationRules)
		if s := destination.Service; s != nil && s.Export != nil {
			p.namespace = p.client.Namespace // It decides whether the client can see the Service.
		}
	}
	for _, delegate := range vs.Delegates {
		if delegate.VirtualService != nil {
			p.addVirtualService(delegate.VirtualService)
		}
	}
	for _, rule := range vs.Spec.GetHttp() {
		for _, match := range rule.GetMatch() {
			p.addMatch(match)
		}
	}
	for _, rule := range vs.Spec.GetTcp() {
		for _, match := range rule.GetMatch() {
			p.addMatch(match)
		}
	}
}

// addDestinationRules adds the client's namespace if another DestinationRule applies to the client than to a client
// without a namespace and labels.
func (p *clientProjection) addDestinationRules(rules *mesh.DestinationRuleSet) {
	if rules.Divided() {
		p.sets = append(p.sets, rules)
	}
	rule := rules.ForClient(p.client)
	if rule == rules.For("", "", 0) {
		return
	}
	p.namespace = p.client.Namespace
	if rule != nil {
		// With only these labels, For returns the same rule.
		maps.Copy(p.labels, rule.Selector)
	}
}

// sourceMatch is a match of a http or tcp rule that depends on the client.
type sourceMatch interface {
	GetSourceNamespace() string
	GetSourceLabels() map[string]string
}

// addMatch adds the properties that the match names and the client has. A property that the client lacks is not
// needed: the match fails without it.
func (p *clientProjection) addMatch(match sourceMatch) {
	if match.GetSourceNamespace() == p.client.Namespace {
		p.namespace = p.client.Namespace
	}
	for key, value := range match.GetSourceLabels() {
		if got, ok := p.client.Labels.Get(key); ok && got == value {
			p.labels[key] = value
		}
	}
}

// allGroups returns the groups of the host's endpoints, and of those to which VirtualServices send calls. None is nil.
func (in HostInput) allGroups() iter.Seq[*mesh.EndpointGroups] {
	return func(yield func(*mesh.EndpointGroups) bool) {
		if in.groups != nil && !yield(in.groups) {
			return
		}
		for vs := range in.virtualServices.All() {
			if !destinationGroups(vs, yield) {
				return
			}
		}
	}
}

// destinationGroups yields the groups of the destinations of a VirtualService and its delegates, and reports whether yield
// wants more.
func destinationGroups(vs *mesh.VirtualService, yield func(*mesh.EndpointGroups) bool) bool {
	for _, destination := range vs.Destinations {
		if destination.Groups != nil && !yield(destination.Groups) {
			return false
		}
	}
	for _, delegate := range vs.Delegates {
		if delegate.VirtualService != nil && !destinationGroups(delegate.VirtualService, yield) {
			return false
		}
	}
	return true
}
