package access

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Server is a kind of pods behind a port of a Service: pods whose servers decide calls alike.
type Server struct {
	Namespace string
	Labels    mesh.Labels
	Port      uint32
	// unknownPort is set if Port is not known to be the pods' port, because only a name is.
	unknownPort bool
	// Known is set if there are such pods in the objects. Others are taken for servers with mTLS.
	Known bool
	// Pods is how many there are.
	Pods     int
	Security mesh.ServerSecurity
	policies mesh.WorkloadPolicies
	// addresses are the pods' addresses, joined by commas. They are empty if the rules do not depend on them.
	addresses string
	// engine decides as servers in most languages do, and node as servers in Node, which close more.
	engine, node *authz.Engine
	err          error
}

// xds reports whether the server takes its rules from the control plane.
func (s *Server) xds() bool { return !s.Known || s.Labels.ServesByXDS() }

// Servers returns the servers behind a port of a Service. labels narrow them, or describe one that is not known.
func Servers(w *mesh.World, service *mesh.Service, port mesh.Port, labels map[string]string) []*Server {
	var all []*Server
	seen := map[serverKey]*Server{}
	add := func(s *Server) {
		s.prepare(w)
		key := serverKey{s.Labels.HasIdentity(), s.Labels.ServesByXDS(), s.Known, s.Port, s.policies, s.addresses}
		if same, ok := seen[key]; ok {
			same.Pods++
			return
		}
		seen[key] = s
		all = append(all, s)
	}
	known, complete := pods(w, service, port)
	for _, p := range known {
		if p.labels.Match(labels) {
			add(&Server{Namespace: service.Ref.Namespace, Labels: p.labels, Port: p.port, unknownPort: p.unknownPort, Known: true, Pods: 1, addresses: p.addresses})
		}
	}
	if len(all) == 0 || !complete && len(labels) == 0 {
		described := service.Selector.Map()
		maps.Copy(described, labels)
		add(&Server{Namespace: service.Ref.Namespace, Labels: mesh.MakeLabels(described), Port: targetOf(port), unknownPort: port.NamedTarget})
	}
	for _, s := range all {
		if s.Security != mesh.ServerClosed && s.err == nil {
			s.compile(w)
		}
	}
	return all
}

// described returns the server that a question describes by labels, behind a Service that is not in the objects.
func described(w *mesh.World, q Question) (*Server, bool) {
	target := resource.ParseDialTarget(q.To, q.From.Namespace, w.Domain)
	_, known := w.Services.Get(target.Host)
	short, own := strings.CutSuffix(target.Host, ".svc."+w.Domain)
	name, namespace, whole := strings.Cut(short, ".")
	port, err := strconv.ParseUint(target.Port, 10, 16)
	if known || !own || !whole || name == "" || strings.Contains(namespace, ".") || err != nil || port == 0 || len(q.ToLabels) == 0 {
		return nil, false
	}
	s := &Server{Namespace: namespace, Labels: mesh.MakeLabels(q.ToLabels), Port: uint32(port)}
	s.prepare(w)
	if s.Security != mesh.ServerClosed {
		s.compile(w)
	}
	return s, true
}

// serverKey is what decides calls.
type serverKey struct {
	identity, xds, known bool
	port                 uint32
	policies             mesh.WorkloadPolicies
	addresses            string
}

// pod is a pod behind a Service.
type pod struct {
	labels      mesh.Labels
	port        uint32
	unknownPort bool
	addresses   string
}

// pods returns the known pods behind a port of a Service that have not ended: those of its endpoints or, without endpoints of
// known pods, those that it selects. It is not complete if it has endpoints of pods that are not known.
func pods(w *mesh.World, service *mesh.Service, port mesh.Port) (all []pod, complete bool) {
	complete = true
	if set, ok := w.Endpoints.Get(service.Host); ok {
		for _, e := range set.Endpoints {
			number, serves := e.Port(port.Name)
			known := e.Labels != "" || e.ServiceAccount != ""
			if serves && known && !e.Ended {
				all = append(all, pod{labels: e.Labels, port: number, addresses: join(e.Address, e.Additional)})
			}
			complete = complete && (known || !serves)
		}
	}
	if len(all) > 0 || service.Selector == "" {
		return all, complete
	}
	selector := service.Selector.Map()
	for _, p := range lasting(w) {
		if p.Ref.Namespace == service.Ref.Namespace && p.Labels.Match(selector) {
			all = append(all, pod{p.Labels, targetOf(port), port.NamedTarget, join(p.Addresses...)})
		}
	}
	return all, true
}

// targetOf returns the pods' port as the Service states it.
func targetOf(port mesh.Port) uint32 { return cmp.Or(uint32(port.Target), port.Number) }

func join(addresses ...string) string { return strings.Trim(strings.Join(addresses, ","), ",") }

// prepare finds the objects in effect for a server.
func (s *Server) prepare(w *mesh.World) {
	s.policies = w.PoliciesFor(mesh.Workload{Namespace: s.Namespace, Labels: s.Labels})
	mode, _ := s.policies.Peers.Mode(s.Port)
	s.Security = mesh.SecurityFor(!s.Known || s.Labels.HasIdentity(), s.xds(), mode)
	if !inbound.NeedsAddresses(s.policies.Authorization) {
		s.addresses = ""
	}
	if s.unknownPort && (inbound.NeedsPort(s.policies.Authorization) || s.policies.Peers.ByPort()) {
		s.err = errors.New("they depend on the pods' port, of which the Service has the name, and its number is in EndpointSlices")
	}
}

// compile makes the rules as they are served.
func (s *Server) compile(w *mesh.World) {
	in := inbound.Input{
		Name: "server", Port: s.Port, Address: resource.ListenAddress{Host: "0.0.0.0", Port: s.Port}, Security: s.Security, Policies: s.policies.Authorization,
		TrustDomain: w.Defaults.TrustDomain, TrustDomainAliases: w.Defaults.TrustDomainAliases, Addresses: s.addresses,
	}
	if s.engine, s.err = engine(in, mesh.GRPCGo); s.err == nil {
		s.node, s.err = engine(in, mesh.GRPCNode)
	}
}

// engine makes the Engine of a server in a language from what the server is sent.
func engine(in inbound.Input, kind mesh.ClientKind) (*authz.Engine, error) {
	in.Kind = kind
	made, ok := inbound.Listener(in)
	listener, isListener := made.Message.(*listenerv3.Listener)
	routes, isRoutes := inbound.Routes(in, inbound.TranslatePolicy).Message.(*routev3.RouteConfiguration)
	if !ok || !isListener || !isRoutes {
		return nil, errors.New("the server has no Listener")
	}
	return authz.Server(listener, routes)
}

// String describes the server's pods.
func (s *Server) String() string {
	if name := labelText(s.Labels); name != "" {
		return "pods with " + name
	}
	return "pods without labels"
}

// generated are labels that controllers add, which differ between pods of one workload.
var generated = []string{"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"}

// labelText writes the labels of a workload.
func labelText(labels mesh.Labels) string {
	var all []string
	set := labels.Map()
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(generated, key) {
			all = append(all, key+"="+set[key])
		}
	}
	return strings.Join(all, ",")
}
