package translate

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Facts are what a World says about one host. Every Input is projected from them, for one client, here and nowhere else. They are immutable.
type Facts struct {
	// Service is nil for a host that only VirtualServices declare.
	Service *mesh.Service
	// Endpoints, Routes and Policies may be nil.
	Endpoints *mesh.EndpointSet
	Routes    *mesh.RouteTable
	Policies  *mesh.PolicyTable
	Defaults  mesh.Defaults
	// Host and Port are what clients dial where there is no Service (At).
	Host string
	Port uint32
	// Pod says that Service is one pod, called by its own name. By that its callers have decided where their calls go, near or far, so
	// that no policy orders its endpoints or divides them.
	Pod bool
	// Accounts and Surroundings are mesh.EndpointSet.Accounts and Surround, remembered by whoever holds the Facts: they take a look at every
	// endpoint. Nil computes them each time.
	Accounts     func() mesh.Accounts
	Surroundings func(EndpointInput) *Surroundings
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
	if routes := f.Routes.For(client.Namespace); routes != nil {
		return routes.Ref
	}
	return mesh.Ref{}
}

// Project makes the Input for the routes and clusters that a client is sent.
func (f Facts) Project(client mesh.Client) HostInput {
	in := HostInput{
		service: f.Service, host: f.Host, port: f.Port, defaults: f.Defaults,
		routes: f.Routes.For(client.Namespace), policy: f.Policies.For(client.Namespace, client.Labels),
	}
	in.gaps = forms(client.Gaps, in.routes, in.policy)
	in.namespace, in.labels = projectCaller(in.routes, client)
	in.trust = f.projectTrust(in.policy, client)
	return in
}

// ProjectEndpoints makes the Input for the endpoints that a client is sent.
func (f Facts) ProjectEndpoints(client mesh.Client) EndpointInput {
	in := EndpointInput{service: f.Service, endpoints: f.Endpoints}
	if f.Pod {
		return in
	}
	in.policy = f.Policies.For(client.Namespace, client.Labels)
	around := f.surroundings(in)
	in.vantage = around.From(client)
	if around.ranked {
		in.gaps = client.Gaps & mesh.GapPriority
	}
	return in
}

// ProjectListener makes the Input for the Listener of that name, by which a client dials a port of the host.
func (f Facts) ProjectListener(name string, port uint32, client mesh.Client) ListenerInput {
	in := ListenerInput{name: name, family: client.Agent.Family(), port: port}
	switch {
	case shapes[in.family].inlinesRoutes:
		in.host = f.Project(client)
	case f.Service != nil:
		in.host = HostInput{service: f.Service}
	default:
		in.host = HostInput{host: f.Host, routes: f.Routes.For(client.Namespace)}
	}
	return in
}

// Unbound makes the Input of a VirtualService that holds for no Service: it is checked, and makes no resources.
func Unbound(routes *mesh.Routes) HostInput { return HostInput{routes: routes} }

func (f Facts) surroundings(in EndpointInput) *Surroundings {
	if f.Surroundings == nil {
		return Surround(in)
	}
	return f.Surroundings(in)
}

func (f Facts) accounts() mesh.Accounts {
	if f.Accounts == nil {
		return f.Endpoints.Accounts()
	}
	return f.Accounts()
}

// projectTrust keeps of the client's certificate providers, and of the endpoints' accounts, what the policy asks for: a client that
// makes up providers adds no translations, and endpoints that come and go under the same account change none.
func (f Facts) projectTrust(p *mesh.Policy, client mesh.Client) trust {
	if p == nil {
		return trust{}
	}
	needs := trustNeeded(p)
	t := trust{providers: client.Providers.Among(needs.providers...)}
	// That the client declares a provider says that it encrypts at all.
	t.systemRoots = needs.systemRoots && client.Providers != "" && !client.Gaps.Has(mesh.GapSystemRoots)
	if needs.accounts {
		t.accounts = f.accounts()
	}
	return t
}

// NeedAccounts says whether any clusters of the host depend on the accounts of its endpoints.
func (f Facts) NeedAccounts() bool {
	return f.anyPolicy(func(p *mesh.Policy) bool { return trustNeeded(p).accounts })
}

// Equipped returns the client with every certificate provider that the host's policies ask for.
func (f Facts) Equipped(client mesh.Client) mesh.Client {
	if f.Policies == nil {
		return client
	}
	var names []string
	f.anyPolicy(func(p *mesh.Policy) bool {
		names = append(names, trustNeeded(p).providers...)
		return false
	})
	client.Providers = mesh.MakeProviders(names...)
	return client
}

// IsEquipped says whether the client declares every certificate provider that the policy which applies to it asks for.
func (f Facts) IsEquipped(client mesh.Client) bool {
	needs := trustNeeded(f.Policies.For(client.Namespace, client.Labels))
	return client.Providers.Among(needs.providers...) == mesh.MakeProviders(needs.providers...)
}

func (f Facts) anyPolicy(is func(*mesh.Policy) bool) bool {
	if f.Policies == nil {
		return false
	}
	for _, c := range f.Policies.Candidates {
		if is(c.Policy) {
			return true
		}
	}
	return false
}

// Audience are the clients that get what is made of an Input.
type Audience struct {
	// Matter are the gaps that change the outcome, and Gaps those of them that the clients have.
	Matter, Gaps mesh.Gaps
	// Providers are the certificate providers asked for that each of the clients has. SystemRoots says that each of them can be told to
	// trust its machine's authorities.
	Providers   mesh.Providers
	SystemRoots bool
}

// Audience says who gets what is made of the Input.
func (in HostInput) Audience() Audience {
	return Audience{forms(mesh.FormGaps, in.routes, in.policy), in.gaps, in.trust.providers, in.trust.systemRoots}
}

// callerProjection collects what routes ask about one client, and no more: clients who differ in nothing that is asked share one
// translation, and a client that makes up names and labels adds none.
type callerProjection struct {
	client    mesh.Client
	namespace string
	labels    map[string]string
}

// projectCaller returns the client's namespace and labels as far as they matter to routes, which may be nil.
func projectCaller(routes *mesh.Routes, client mesh.Client) (namespace string, labels mesh.Labels) {
	if routes == nil {
		return "", ""
	}
	c := callerProjection{client: client, labels: map[string]string{}}
	c.read(routes)
	return c.namespace, mesh.MakeLabels(c.labels)
}

func (c *callerProjection) read(routes *mesh.Routes) {
	for _, target := range routes.Targets {
		c.compare(target.Policies)
	}
	for _, delegate := range routes.Delegates {
		if delegate.Routes != nil {
			c.read(delegate.Routes)
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
func (c *callerProjection) compare(policies *mesh.PolicyTable) {
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
