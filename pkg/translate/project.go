package translate

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
)

// Facts are what a World says about one host. Every Input is projected from them, for one client, here and nowhere else. They are immutable.
type Facts struct {
	// Service is nil for a host that only VirtualServices declare.
	Service *mesh.Service
	// Endpoints, VirtualServices and DestinationRules may be nil.
	Endpoints        *mesh.EndpointSet
	VirtualServices  *mesh.VirtualServiceSet
	DestinationRules *mesh.DestinationRuleSet
	Defaults         mesh.Defaults
	// Host and Port are what clients dial where there is no Service (At).
	Host string
	Port uint32
	// Pod says that Service is one pod, called by its own name. By that its callers have decided where their calls go, near or far, so
	// that no policy orders its endpoints or divides them.
	Pod bool
	// ServiceAccounts and TopologyUse are mesh.EndpointSet.ServiceAccounts and TopologyUseOf, remembered by whoever holds the Facts: they take a look at every
	// endpoint. Nil computes them each time.
	ServiceAccounts func() mesh.ServiceAccounts
	TopologyUse     func(endpoints.Input) *endpoints.TopologyUse
}

// At are the Facts of a host and port as dialed, where there is no Service: clients choose the port, and below a wildcard the host.
func (f Facts) At(host string, port uint32) Facts {
	f.Host, f.Port = host, port
	return f
}

// Ref is the object that stands for the host before the client: its Service, or else the VirtualService that applies. It is zero if
// none does.
func (f Facts) Ref(client mesh.Client) mesh.Ref {
	if f.Service != nil {
		return f.Service.Ref
	}
	if routes := f.VirtualServices.For(client.Namespace); routes != nil {
		return routes.Ref
	}
	return mesh.Ref{}
}

// Project makes the Input for the routes and clusters that a client is sent.
func (f Facts) Project(client mesh.Client) HostInput {
	in := HostInput{
		service: f.Service, host: f.Host, port: f.Port, defaults: f.Defaults,
		virtualService: f.VirtualServices.For(client.Namespace), destinationRule: f.DestinationRules.For(client.Namespace, client.Labels),
	}
	in.missing = encodingsFor(client.Missing, in.virtualService, in.destinationRule)
	in.namespace, in.labels = projectCaller(in.virtualService, client)
	in.trust = f.projectTrust(in.destinationRule, client)
	return in
}

// ProjectEndpoints makes the Input for the endpoints that a client is sent.
func (f Facts) ProjectEndpoints(client mesh.Client) endpoints.Input {
	if f.Pod {
		return endpoints.NewInput(f.Service, f.Endpoints, nil)
	}
	in := endpoints.NewInput(f.Service, f.Endpoints, f.DestinationRules.For(client.Namespace, client.Labels))
	return in.For(client, f.topologyUse(in))
}

// ProjectListener makes the Input for the Listener of that name, by which a client dials a port of the host.
func (f Facts) ProjectListener(name string, port uint32, client mesh.Client) ListenerInput {
	in := ListenerInput{name: name, family: client.Kind.Family(), port: port}
	switch {
	case shapes[in.family].inlinesRoutes:
		in.host = f.Project(client)
	case f.Service != nil:
		in.host = HostInput{service: f.Service}
	default:
		in.host = HostInput{host: f.Host, virtualService: f.VirtualServices.For(client.Namespace)}
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

// projectTrust keeps of the client's certificate providers, and of the endpoints' accounts, what the policy asks for: a client that
// makes up providers adds no translations, and endpoints that come and go under the same account change none.
func (f Facts) projectTrust(p *mesh.MergedDestinationRule, client mesh.Client) clusters.Trust {
	if p == nil {
		return clusters.Trust{}
	}
	return clusters.TrustNeedsOf(p).Project(client, f.serviceAccounts)
}

// NeedServiceAccounts says whether any clusters of the host depend on the accounts of its endpoints.
func (f Facts) NeedServiceAccounts() bool {
	return f.anyDestinationRule(func(p *mesh.MergedDestinationRule) bool { return clusters.TrustNeedsOf(p).Accounts })
}

// WithAllProviders returns the client with every certificate provider that the host's policies ask for.
func (f Facts) WithAllProviders(client mesh.Client) mesh.Client {
	if f.DestinationRules == nil {
		return client
	}
	var names []string
	f.anyDestinationRule(func(p *mesh.MergedDestinationRule) bool {
		names = append(names, clusters.TrustNeedsOf(p).Providers...)
		return false
	})
	client.Providers = mesh.MakeProviders(names...)
	return client
}

// HasAllProviders says whether the client declares every certificate provider that the policy which applies to it asks for.
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

// Audience are the clients that get what is made of an Input.
type Audience struct {
	// Relevant are the missing features that change the outcome, and Missing those of them that the clients have.
	Relevant, Missing mesh.Features
	// Providers are the certificate providers asked for that each of the clients has. SystemRoots says that each of them can be told to
	// trust its machine's authorities.
	Providers   mesh.Providers
	SystemRoots bool
}

// Audience says who gets what is made of the Input.
func (in HostInput) Audience() Audience {
	return Audience{encodingsFor(mesh.EncodingFeatures, in.virtualService, in.destinationRule), in.missing, in.trust.Providers, in.trust.SystemRoots}
}

// callerProjection collects what routes ask about one client, and no more: clients who differ in nothing that is asked share one
// translation, and a client that makes up names and labels adds none.
type callerProjection struct {
	client    mesh.Client
	namespace string
	labels    map[string]string
}

// projectCaller returns the client's namespace and labels as far as they matter to routes, which may be nil.
func projectCaller(routes *mesh.VirtualService, client mesh.Client) (namespace string, labels mesh.Labels) {
	if routes == nil {
		return "", ""
	}
	c := callerProjection{client: client, labels: map[string]string{}}
	c.read(routes)
	return c.namespace, mesh.MakeLabels(c.labels)
}

func (c *callerProjection) read(routes *mesh.VirtualService) {
	for _, target := range routes.Destinations {
		c.compare(target.DestinationRules)
	}
	for _, delegate := range routes.Delegates {
		if delegate.VirtualService != nil {
			c.read(delegate.VirtualService)
		}
	}
	for _, rule := range routes.Spec.GetHttp() {
		for _, match := range rule.GetMatch() {
			c.answer(match)
		}
	}
	for _, rule := range routes.Spec.GetTcp() {
		for _, match := range rule.GetMatch() {
			c.answer(match)
		}
	}
}

// compare looks whether the client finds another policy than a client about which nothing is known.
func (c *callerProjection) compare(policies *mesh.DestinationRuleSet) {
	policy := policies.For(c.client.Namespace, c.client.Labels)
	if policy == policies.For("", "") {
		return
	}
	c.namespace = c.client.Namespace
	if policy != nil {
		// With these labels alone it selects the client again, and nothing else does that did not before.
		maps.Copy(c.labels, policy.Selector)
	}
}

// callerMatch is a match, of calls or of connections, that asks about the caller.
type callerMatch interface {
	GetSourceNamespace() string
	GetSourceLabels() map[string]string
}

// answer keeps what a match asks for and the client has. What it lacks needs no keeping.
func (c *callerProjection) answer(match callerMatch) {
	if match.GetSourceNamespace() == c.client.Namespace {
		c.namespace = c.client.Namespace
	}
	for key, value := range match.GetSourceLabels() {
		if got, ok := c.client.Labels.Get(key); ok && got == value {
			c.labels[key] = value
		}
	}
}
