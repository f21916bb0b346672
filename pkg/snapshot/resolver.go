package snapshot

import (
	"slices"
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// query is a name that a client subscribes to, parsed.
type query struct {
	t      Type
	name   string
	client mesh.Client
	// server says that a gRPC server subscribes to its own Listener, or to its RouteConfiguration.
	server bool
	// dialed is the host that the client refers to; empty if the name refers to no host. For Listeners and scopes its
	// Port is the text that the client dialed. For other types that is empty, and port is the number in the name. The port of
	// a server is 0 if its name has no valid address.
	dialed resource.DialTarget
	port   uint32
}

// newQuery parses a name as a client of a cluster with that domain would.
func newQuery(t Type, name string, client mesh.Client, domain string) query {
	q := query{t: t, name: name, client: client}
	if q.port, q.server = ServerPort(t, name); q.server {
		return q
	}
	switch {
	case !t.Dialed():
		if port, _, host, ok := resource.ParseName(name); ok {
			q.dialed.Host, q.port = host, port
		}
	default:
		q.dialed = resource.ParseDialTarget(client.Kind.Family().Fold(name), client.Namespace, domain)
	}
	return q
}

// query parses a name that a client asks for in the World.
func (s *Snapshot) query(t Type, name string, client mesh.Client) query {
	q := newQuery(t, name, client, s.world.Domain)
	if !q.server {
		q.client = s.narrowed(t, client)
	}
	return q
}

// narrowed returns the client with the Sidecar that applies to it.
func (s *Snapshot) narrowed(t Type, client mesh.Client) mesh.Client {
	if t.Narrowed() {
		client.Sidecar = s.world.SidecarFor(client)
	}
	return client
}

// resolver finds what names of one kind refer to.
type resolver struct {
	// of is the kind, for people and tests.
	of string
	// keys appends the Keys that the answer depends on.
	keys func(q query, domain string, keys []mesh.Key) []mesh.Key
	// answer returns the resource that the name refers to; nil if the name cannot be answered. known is false if the
	// name is not of this kind or does not exist.
	answer func(s *Snapshot, q query) (v *Versioned, known bool)
}

// resolvers are tried in this order. A name that none of them knows is answered as not found.
var resolvers = []resolver{
	{"server", serverKeys, answerServer},
	{"egress of Envoy", noKeys, answerEgress},
	{"Service", hostKeys, answerService},
	{"cluster IP", hostKeys, answerClusterIP},
	{"name below a wildcard", hostKeys, answerBelow},
	{"serviceless host", hostKeys, answerServiceless},
	{"pod", podKeys, answerPod},
}

// keys returns all Keys that the answer to a query may depend on, each once.
func (q query) keys(domain string) []mesh.Key {
	keys := make([]mesh.Key, 0, 2*len(resolvers))
	for _, r := range resolvers {
		keys = r.keys(q, domain, keys)
	}
	slices.SortFunc(keys, mesh.Key.Compare)
	return slices.Compact(keys)
}

// Keys returns all Keys that the answer to a client may depend on.
func (s *Snapshot) Keys(t Type, name string, client mesh.Client) []mesh.Key {
	return newQuery(t, name, client, s.world.Domain).keys(s.world.Domain)
}

func hostKeys(q query, _ string, keys []mesh.Key) []mesh.Key {
	if q.dialed.Host == "" {
		return keys
	}
	return append(keys, mesh.HostKey(q.dialed.Host))
}

func answerService(s *Snapshot, q query) (*Versioned, bool) {
	h, ok := s.serviceFor(q.dialed.Host, q.client)
	if !ok || mesh.IsWildcard(q.dialed.Host) {
		return nil, false
	}
	return h.answerPort(s, q)
}

// serviceFor finds the Service of a host, if the client can see it. Of several that namespaces declare, it is the one of the
// client's namespace, or else the first that the client can see. A Service of the client's cluster that is for that cluster alone
// comes before all others.
func (s *Snapshot) serviceFor(host string, client mesh.Client) (*subject, bool) {
	return s.serviceAs(host, host, client)
}

// serviceAs does the same for a client that dials a host: that of the Service, or a name below it if it is a wildcard.
func (s *Snapshot) serviceAs(host, dialed string, client mesh.Client) (*subject, bool) {
	if client.Cluster != "" {
		if own, ok := s.subjects.Get(mesh.HostInCluster(host, client.Cluster)); ok && !own.serviceless() {
			return own, own.visibleTo(dialed, client)
		}
	}
	h, ok := s.subjects.Get(host)
	if !ok || h.serviceless() {
		return nil, false
	}
	others := h.facts.Service.Others
	if i := slices.Index(others, client.Namespace); i >= 0 {
		others = slices.Insert(slices.Delete(slices.Clone(others), i, i+1), 0, client.Namespace)
		if own, ok := s.subjects.Get(mesh.HostIn(host, client.Namespace)); ok && own.visibleTo(dialed, client) {
			return own, true
		}
	}
	if h.visibleTo(dialed, client) {
		return h, true
	}
	for _, namespace := range others {
		if other, ok := s.subjects.Get(mesh.HostIn(host, namespace)); ok && other.visibleTo(dialed, client) {
			return other, true
		}
	}
	return nil, false
}

func (h *subject) visibleTo(dialed string, client mesh.Client) bool {
	return !h.serviceless() && h.facts.Service.SeenAs(dialed, client)
}

// answerPort answers for the port of the Service that the client dialed.
func (h *subject) answerPort(s *Snapshot, q query) (*Versioned, bool) {
	number := q.port
	if number == 0 {
		port, ok := h.dialedPort(q)
		if !ok {
			return nil, false
		}
		number = port
	}
	v := h.answer(s, q, number)
	return v, v != nil
}

// dialedPort returns the number of the port that a client dialed.
func (h *subject) dialedPort(q query) (uint32, bool) {
	family := q.client.Kind.Family()
	if alias := h.facts.Alias; alias != nil && q.dialed.Port == "" && alias.DefaultPort[family] != 0 {
		return alias.DefaultPort[family], true
	}
	port, ok := q.dialed.Find(h.facts.Service, family)
	return port.Number, ok
}

// answerClusterIP answers a client that dials the IP address of a Service.
func answerClusterIP(s *Snapshot, q query) (*Versioned, bool) {
	service, ok := s.world.Addresses.Get(q.dialed.Host)
	if !ok || !q.t.Dialed() {
		return nil, false
	}
	h, ok := s.serviceFor(service.Host, q.client)
	if !ok {
		return nil, false
	}
	return h.answerPort(s, q)
}

// answerServiceless answers for a serviceless host, on any port. Such a host has Listeners and routes; its routes
// send calls to Services.
func answerServiceless(s *Snapshot, q query) (*Versioned, bool) {
	h, ok := s.servicelessFor(q.dialed.Host)
	if !ok || h.facts.VirtualServices.ForClient(q.client).Empty() {
		return nil, false
	}
	port, ok := q.servicelessPort()
	if !ok || !q.t.info().serviceless {
		return nil, false
	}
	v := h.at(q.dialed.Host, port).answer(s, q, port)
	return v, v != nil
}

// servicelessFor finds the serviceless host for a name: the host of that name, or else the longest wildcard that
// matches it.
func (s *Snapshot) servicelessFor(host string) (*subject, bool) {
	h, ok := s.subjects.Get(host)
	if !ok {
		_, h, ok = s.servicelessWildcard(host)
	}
	return h, ok && h.serviceless()
}

// defaultServicelessPort is the port for a client that dials no port. There is no Service with a port to use instead.
// Istio uses the port of HTTP, too.
const defaultServicelessPort = 80

// servicelessPort parses the dialed port. A port name is not valid because there is no Service that defines it.
func (q query) servicelessPort() (uint32, bool) {
	text := q.dialed.Port
	switch {
	case q.port != 0:
		return q.port, true
	case text == "":
		return defaultServicelessPort, true
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return uint32(number), err == nil && number > 0 && text[0] != '0'
}

// RuledBy reports whether a name refers to a serviceless host to which the rules of that wildcard apply.
func (s *Snapshot) RuledBy(t Type, name string, client mesh.Client, wildcard string) bool {
	dialed := s.query(t, name, client).dialed.Host
	found, ok := s.servicelessFor(dialed)
	if !ok {
		return false
	}
	h, _ := s.subjects.Get(wildcard)
	return found == h
}
