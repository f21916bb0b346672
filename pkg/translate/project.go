package translate

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
)

// Facts are the parts of a World that concern one host. They are immutable. The Project methods make Inputs from
// them for one client.
type Facts struct {
	// Service is nil for a serviceless host.
	Service *mesh.Service
	// Alias is set if Service is another name for a Service.
	Alias *mesh.Alias
	// Endpoints, VirtualServices and DestinationRules may be nil.
	Endpoints        *mesh.EndpointSet
	VirtualServices  *mesh.VirtualServiceSet
	DestinationRules *mesh.DestinationRuleSet
	Defaults         mesh.Defaults
	// Host and Port are what clients dial; set by At for a serviceless host.
	Host string
	Port uint32
	// Pod is set if Service is one pod that is dialed by its own name. The client has chosen the endpoint, so no
	// setting orders or divides the endpoints.
	Pod bool
	// ServiceAccounts and TopologyUse return EndpointSet.ServiceAccounts and endpoints.TopologyUseOf. The owner of
	// the Facts can cache them, because they read every endpoint. If nil, they are computed each time.
	ServiceAccounts func() mesh.ServiceAccounts
	TopologyUse     func(endpoints.Input) *endpoints.TopologyUse
}

// At returns the Facts for one dialed host and port of a serviceless host. Clients choose the port and, below a
// wildcard, the host.
func (f Facts) At(host string, port uint32) Facts {
	f.Host, f.Port = host, port
	return f
}

// Ref returns the object that declares the host for the client: its Service, or the first VirtualService that it can
// see. It is zero if there is none.
func (f Facts) Ref(client mesh.Client) mesh.Ref {
	if f.Service != nil {
		return f.Service.Ref
	}
	if vs := f.VirtualServices.For(client.Namespace).First(); vs != nil {
		return vs.Ref
	}
	return mesh.Ref{}
}

// ports are the ports of the host; empty if they are not known.
func (f Facts) ports() []mesh.Port {
	switch {
	case f.Service != nil:
		return f.Service.Ports
	case f.Port != 0:
		return []mesh.Port{{Number: f.Port}}
	}
	return nil
}

// Project makes the Input of the client's routes and clusters.
func (f Facts) Project(client mesh.Client) HostInput {
	in := HostInput{
		family: client.Kind.Family(), service: f.Service, alias: f.Alias, host: f.Host, port: f.Port, defaults: f.Defaults,
		virtualServices: f.VirtualServices.For(client.Namespace).Used(f.ports()), destinationRule: f.DestinationRules.For(client.Namespace, client.Labels),
	}
	in.missing = encodingsFor(client.Missing, in.virtualServices, in.destinationRule)
	in.namespace, in.labels = projectClient(in.virtualServices, client)
	in.trust = f.projectTrust(in.destinationRule, client)
	return in
}

// ProjectEndpoints makes the Input of the client's endpoints.
func (f Facts) ProjectEndpoints(client mesh.Client) endpoints.Input {
	family := client.Kind.Family()
	if f.Pod {
		return endpoints.NewInput(f.Service, f.Endpoints, nil).WithFamily(family, f.Defaults.EndpointLabels)
	}
	in := endpoints.NewInput(f.Service, f.Endpoints, f.DestinationRules.For(client.Namespace, client.Labels))
	return in.For(client, f.topologyUse(in)).WithFamily(family, f.Defaults.EndpointLabels)
}

// ProjectListener makes the Input of a Listener. name is what the client dials, and port the host's port that it
// means.
func (f Facts) ProjectListener(name string, port uint32, client mesh.Client) ListenerInput {
	in := ListenerInput{name: name, family: client.Kind.Family(), port: port}
	switch {
	case shapes[in.family].inlinesRoutes:
		in.host = f.Project(client)
	case f.Service != nil:
		in.host = HostInput{service: f.Service, alias: f.Alias}
	default:
		in.host = HostInput{host: f.Host, virtualServices: f.VirtualServices.For(client.Namespace)}
	}
	return in
}

func (f Facts) topologyUse(in endpoints.Input) *endpoints.TopologyUse {
	if f.TopologyUse == nil {
		return endpoints.TopologyUseOf(in)
	}
	return f.TopologyUse(in)
}

func (f Facts) serviceAccounts() mesh.ServiceAccounts {
	if f.ServiceAccounts == nil {
		return f.Endpoints.ServiceAccounts()
	}
	return f.ServiceAccounts()
}

// projectTrust copies only those of the client's certificate providers and of the endpoints' accounts that the TLS
// settings need. So a client that invents providers adds no translations, and endpoints that change under the same
// account change none.
func (f Facts) projectTrust(rule *mesh.MergedDestinationRule, client mesh.Client) clusters.Trust {
	if rule == nil {
		return clusters.Trust{}
	}
	return clusters.TrustNeedsOf(rule).Project(client, f.serviceAccounts)
}

// NeedServiceAccounts reports whether a cluster of the host depends on the accounts of the endpoints.
func (f Facts) NeedServiceAccounts() bool {
	return f.anyDestinationRule(func(rule *mesh.MergedDestinationRule) bool { return clusters.TrustNeedsOf(rule).Accounts })
}

// WithAllProviders returns the client with every certificate provider that the host's DestinationRules need.
func (f Facts) WithAllProviders(client mesh.Client) mesh.Client {
	if f.DestinationRules == nil {
		return client
	}
	var names []string
	f.anyDestinationRule(func(rule *mesh.MergedDestinationRule) bool {
		names = append(names, clusters.TrustNeedsOf(rule).Providers...)
		return false
	})
	client.Providers = mesh.MakeProviders(names...)
	return client
}

// HasAllProviders reports whether the client declares every certificate provider that its DestinationRule needs.
func (f Facts) HasAllProviders(client mesh.Client) bool {
	needs := clusters.TrustNeedsOf(f.DestinationRules.For(client.Namespace, client.Labels))
	return client.Providers.Among(needs.Providers...) == mesh.MakeProviders(needs.Providers...)
}

func (f Facts) anyDestinationRule(is func(*mesh.MergedDestinationRule) bool) bool {
	if f.DestinationRules == nil {
		return false
	}
	for _, c := range f.DestinationRules.Candidates {
		if is(c.Rule) {
			return true
		}
	}
	return false
}

// Audience describes the clients that get the resources of an Input.
type Audience struct {
	Family mesh.Family
	// Relevant are the features whose absence affects the resources. Missing are those of them that the clients lack.
	Relevant, Missing mesh.Features
	// Providers are the needed certificate providers that all clients declare. SystemRoots is set if all clients
	// support clusters that trust the system root certificates.
	Providers   mesh.Providers
	SystemRoots bool
}

// Audience returns the clients that get the resources of the Input.
func (in HostInput) Audience() Audience {
	return Audience{
		Family: in.family, Relevant: encodingsFor(mesh.EncodingFeatures, in.virtualServices, in.destinationRule), Missing: in.missing,
		Providers: in.trust.Providers, SystemRoots: in.trust.SystemRoots,
	}
}

// clientProjection collects those properties of one client that VirtualServices depend on. So clients that do not
// differ in these share one translation, and a client that invents names and labels adds none.
type clientProjection struct {
	client    mesh.Client
	namespace string
	labels    map[string]string
}

// projectClient returns the client's namespace and labels as far as the VirtualServices depend on them.
func projectClient(all mesh.VirtualServices, client mesh.Client) (namespace string, labels mesh.Labels) {
	if all.Empty() {
		return "", ""
	}
	p := clientProjection{client: client, labels: map[string]string{}}
	for vs := range all.All() {
		p.addVirtualService(vs)
	}
	return p.namespace, mesh.MakeLabels(p.labels)
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
	rule := rules.For(p.client.Namespace, p.client.Labels)
	if rule == rules.For("", "") {
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
