package view

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// The bounds of what is said about one host.
const (
	maxRules      = 500
	maxClusters   = 500
	maxEndpoints  = 1000
	maxFollowers  = 200
	maxProblems   = 200
	maxHostEdges  = 500
	maxAccounts   = 200
	maxMethods    = 20
	maxPortsShown = 20
)

// HostView is all about one host.
type HostView struct {
	Host      string   `json:"host"`
	Kind      string   `json:"kind"`
	Object    mesh.Ref `json:"object"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Ports     []Port   `json:"ports"`
	Addresses []string `json:"addresses"`
	// Others are the other namespaces that declare the host. Their clients call their own.
	Others  []string   `json:"others"`
	Objects []mesh.Ref `json:"objects"`
	// As is the client for which routes, clusters and endpoints are shown.
	As        Viewer         `json:"as"`
	Routes    []Routes       `json:"routes"`
	Clusters  []Cluster      `json:"clusters"`
	Endpoints Endpoints      `json:"endpoints"`
	Subsets   []Subset       `json:"subsets"`
	Clients   Followers      `json:"clients"`
	Problems  []mesh.Problem `json:"problems"`
	// ProblemsLeftOut and EdgesLeftOut are how many there are beyond those that are shown.
	ProblemsLeftOut int         `json:"problemsLeftOut"`
	Access          Access      `json:"access"`
	Edges           []load.Edge `json:"edges"`
	EdgesLeftOut    int         `json:"edgesLeftOut"`
	Revision        uint64      `json:"revision"`
	At              time.Time   `json:"at"`
}

// Viewer is the client for which a host is shown.
type Viewer struct {
	Agent     string `json:"agent"`
	Version   string `json:"version,omitempty"`
	Namespace string `json:"namespace"`
	Region    string `json:"region,omitempty"`
	Zone      string `json:"zone,omitempty"`
	Node      string `json:"node,omitempty"`
	// Certificate is set if the client has a certificate of the mesh.
	Certificate bool `json:"certificate"`
}

// Routes are the routes of one port.
type Routes struct {
	Port uint32 `json:"port"`
	// Dial is the name that clients dial. Of a wildcard it is one below it.
	Dial string `json:"dial"`
	*explain.Table
	// Error says why they cannot be shown; empty if they are.
	Error string `json:"error,omitempty"`
}

// Cluster is a cluster that routes lead to.
type Cluster struct {
	explain.Cluster

	// Weight and Share are of the rules that lead there, and never set here.
	Weight *uint32  `json:"weight,omitempty"`
	Share  *float64 `json:"share,omitempty"`
	Host   string   `json:"host"`
	Port   uint32   `json:"port"`
	Subset string   `json:"subset"`
	// MTLS is set if it has those endpoints that take mTLS.
	MTLS bool `json:"mtls"`
	// Count is the number of endpoints.
	Count int    `json:"endpoints"`
	Error string `json:"error,omitempty"`
}

// serveHost answers everything about one host.
func (v *Views) serveHost(w http.ResponseWriter, r *http.Request) {
	current, ok := v.current(w)
	if !ok {
		return
	}
	host, index := r.PathValue("host"), v.allHosts(current)
	at := slices.IndexFunc(index.rows, func(row *HostRow) bool { return row.Host == host })
	if at < 0 {
		var near []snapshot.Near
		if len(host) <= maxHostBytes {
			near = current.Near(host, mesh.Client{Namespace: cmp.Or(r.URL.Query().Get("namespace"), "default")})
		}
		fail(w, http.StatusNotFound, fmt.Sprintf("there is no host %q: write its full name, as /api/hosts does", host), near)
		return
	}
	client, err := viewerOf(r.URL.Query(), index.rows[at].Namespace)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	port, err := portOf(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	answer(w, v.host(r.Context(), current, index, index.rows[at], client, port))
}

// maxHostBytes is the most that a name in DNS has.
const maxHostBytes = 253

// portOf reads the only port whose routes are shown; 0 for all.
func portOf(q url.Values) (uint32, error) {
	text := q.Get("port")
	if text == "" {
		return 0, nil
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return 0, fmt.Errorf("port is %q, and not a number from 1 to 65535", text)
	}
	return uint32(number), nil
}

// viewerOf reads the client from a query: a current one of gRPC Go in the host's namespace, unless it says otherwise.
func viewerOf(q url.Values, namespace string) (mesh.Client, error) {
	client := mesh.Client{
		Namespace: cmp.Or(q.Get("namespace"), namespace), Node: q.Get("node"), Kind: mesh.GRPCGo,
		Locality: mesh.Locality{Region: q.Get("region"), Zone: q.Get("zone")},
	}
	switch text := q.Get("certificate"); text {
	case "", "true":
		client.Providers = mesh.MakeProviders(mesh.MeshProvider)
	case "false":
	default:
		return client, fmt.Errorf("certificate is %q: write true or false", text)
	}
	if name := q.Get("agent"); name != "" {
		kind, ok := mesh.ClientKindNamed(name)
		if !ok {
			return client, fmt.Errorf("agent is %q, which is not a kind of client: write one as /api/clients does, such as gRPC Java", name)
		}
		client.Kind = kind
	}
	if version := q.Get("version"); version != "" {
		client = client.WithUserAgent(client.Kind, version)
	}
	return client, nil
}

// host says everything about a host. port is the only port whose routes are shown; 0 for all.
func (v *Views) host(ctx context.Context, s *snapshot.Snapshot, index *hostIndex, row *HostRow, client mesh.Client, port uint32) *HostView {
	client = s.World().AtNode(client)
	facts, seen := s.FactsFor(row.Host, client)
	if !seen { // it is shown all the same
		facts.Service, _ = s.World().Services.Get(row.Host)
		facts.Endpoints, _ = s.World().Endpoints.Get(row.Host)
		facts.DestinationRules, _ = s.World().DestinationRules.Get(row.Host)
	}
	service := facts.Service
	view := &HostView{
		Host: row.Host, Kind: row.Kind, Object: mesh.Ref{Kind: row.Kind, Namespace: row.Namespace, Name: row.Name}, Namespace: row.Namespace, Name: row.Name,
		Ports: row.Ports, Addresses: []string{}, Others: []string{}, Objects: index.objects[row.Host], Revision: s.World().Revision, At: time.Now().UTC(),
		As: Viewer{
			Agent: client.Kind.String(), Version: client.Version, Namespace: client.Namespace, Region: client.Locality.Region, Zone: client.Locality.Zone,
			Node: client.Node, Certificate: client.HasCertificate(),
		},
	}
	if service != nil {
		view.Object, view.Ports = service.Ref, portsOf(service.Ports)
		view.Addresses, view.Others = append(view.Addresses, service.Addresses...), othersThan(service, s.World())
	}
	reached := view.addRoutes(s, service, client, port)
	view.addEndpoints(s, facts, client, reached)
	view.Clients = followersOf(v.allClients(ctx), row.Host)
	view.Access = accessOf(s, service, facts.Endpoints)
	problems := v.allProblems(ctx)
	all := index.problemsAt(row.Host, problems)
	for _, ref := range view.Access.Policies {
		all = append(all, problems.byObject[ref]...)
	}
	view.Problems, view.ProblemsLeftOut = most(mesh.SortProblems(all), maxProblems)
	view.Edges, view.EdgesLeftOut = most(edgesTo(s, row.Host, v.o.Edges()), maxHostEdges)
	return view
}

// othersThan returns the namespaces that declare the host of a Service, too.
func othersThan(service *mesh.Service, world *mesh.World) []string {
	first, ok := world.Services.Get(service.Host)
	if !ok {
		return []string{}
	}
	all := append([]string{first.Ref.Namespace}, first.Others...)
	return slices.DeleteFunc(all, func(namespace string) bool { return namespace == service.Ref.Namespace })
}

// addRoutes adds the routes of the ports and the clusters that they lead to. It returns which addresses they reach.
func (h *HostView) addRoutes(s *snapshot.Snapshot, service *mesh.Service, client mesh.Client, only uint32) reach {
	h.Routes, h.Clusters = []Routes{}, []Cluster{}
	reached := reach{}
	known := map[string]int{}
	for _, number := range portNumbers(service, client.Kind.Family(), only) {
		dial := resource.ListenerName(number, h.Host)
		if mesh.IsWildcard(h.Host) {
			dial = "any" + dial[1:]
		}
		table, err := explain.AllCalls(s, client, dial, maxRules)
		if err != nil {
			h.Routes = append(h.Routes, Routes{Port: number, Dial: dial, Table: &explain.Table{Rules: []explain.Rule{}}, Error: err.Error()})
			continue
		}
		h.Routes = append(h.Routes, Routes{Port: number, Dial: dial, Table: table})
		for _, rule := range table.Rules {
			for _, share := range rule.Clusters {
				i, ok := known[share.Name]
				if !ok && len(h.Clusters) == maxClusters {
					continue
				}
				if !ok {
					i, known[share.Name] = len(h.Clusters), len(h.Clusters)
					h.Clusters = append(h.Clusters, clusterOf(s, client, share.Name))
				}
				if !rule.Never {
					reached.add(&h.Clusters[i], share.Weight)
				}
			}
		}
	}
	return reached
}

// defaultPort is the port of a host that no Service has, unless another is asked for.
const defaultPort = 80

func portNumbers(service *mesh.Service, family mesh.Family, only uint32) []uint32 {
	if only != 0 {
		return []uint32{only}
	}
	if service == nil {
		return []uint32{defaultPort}
	}
	var numbers []uint32
	for _, port := range service.PortsFor(family) {
		numbers = append(numbers, port.Number)
	}
	return numbers[:min(len(numbers), maxPortsShown)]
}

func clusterOf(s *snapshot.Snapshot, client mesh.Client, name string) Cluster {
	c := Cluster{MTLS: resource.IsMTLS(name)}
	c.Name, c.Origins, c.EndpointOrigins, c.Localities = name, []mesh.Ref{}, []mesh.Ref{}, []explain.Locality{}
	c.Port, c.Subset, c.Host, _ = resource.ParseName(name)
	found, err := explain.ClusterOf(s, client, name)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	c.Cluster = found
	for i := range c.Localities {
		c.Count += len(c.Localities[i].Endpoints)
		c.Localities[i].Endpoints, _ = most(c.Localities[i].Endpoints, maxEndpoints)
	}
	return c
}

// edgesTo returns the edges to a host.
func edgesTo(s *snapshot.Snapshot, host string, all []load.Edge) []load.Edge {
	to, _ := s.DestinationOf(resource.ClusterName(defaultPort, "", host))
	return slices.DeleteFunc(all, func(e load.Edge) bool {
		return e.Destination.Service != to.Service || e.Destination.Namespace != to.Namespace
	})
}
