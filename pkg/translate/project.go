package translate

import (
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
	// Groups are the Endpoints by how they take calls; nil if clients can call all of them in plaintext.
	Groups   *mesh.EndpointGroups
	Defaults mesh.Defaults
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
	if vs := f.VirtualServices.ForClient(client).First(); vs != nil {
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
		virtualServices: f.VirtualServices.ForClient(client).Used(f.ports()), destinationRule: f.DestinationRules.ForClient(client),
	}
	in.missing = encodingsFor(client.Missing, in.virtualServices, in.destinationRule)
	in.namespace, in.labels, in.bucket = projectClient(in.virtualServices, client)
	in.trust = f.projectTrust(in.destinationRule, client)
	in.groups = f.Groups
	if client.Providers.Has(mesh.MeshProvider) && in.family.UsesMeshCertificate() {
		for groups := range in.allGroups() {
			in.automatic = true
			// If one Service has endpoints on the node of the client, the answer depends on that node, whatever other Services have.
			if from := groups.From(client.Node); from != "" && in.node != client.Node {
				in.node = from
			}
		}
	}
	return in
}

// ProjectEndpoints makes the Input of the client's endpoints.
func (f Facts) ProjectEndpoints(client mesh.Client) endpoints.Input {
	rule := f.DestinationRules.ForClient(client)
	in := endpoints.NewInput(f.Service, f.Endpoints, rule)
	if f.Pod {
		in = endpoints.NewInput(f.Service, f.Endpoints, nil)
	}
	if f.Groups != nil {
		in = in.Secured(rule)
	}
	return in.For(client, f.topologyUse(in)).WithFamily(client.Kind.Family(), f.Defaults.EndpointLabels)
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
		in.host = HostInput{host: f.Host, virtualServices: f.VirtualServices.ForClient(client)}
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
	needs := clusters.TrustNeedsOf(f.DestinationRules.ForClient(client))
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
	providers := in.trust.Providers
	if in.automatic {
		providers = mesh.MakeProviders(append(providers.All(), mesh.MeshProvider)...)
	}
	return Audience{
		Family: in.family, Relevant: encodingsFor(mesh.EncodingFeatures, in.virtualServices, in.destinationRule), Missing: in.missing,
		Providers: providers, SystemRoots: in.trust.SystemRoots,
	}
}
