package view

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/live"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// HostRow is a host in a list.
type HostRow struct {
	Host string `json:"host"`
	// Kind is the kind of the object that declares the host. A host of VirtualServices alone has the kind VirtualService.
	Kind      string         `json:"kind"`
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Ports     []Port         `json:"ports"`
	Endpoints EndpointCounts `json:"endpoints"`
	// Workloads are those of the endpoints' pods, as NAMESPACE/NAME, at most maxWorkloads.
	Workloads []string `json:"workloads"`
	// Security is how the endpoints take gRPC calls: plaintext, mTLS, closed or mixed; empty without endpoints.
	Security string             `json:"security"`
	Clients  int                `json:"clients"`
	Problems live.ProblemCounts `json:"problems"`
}

// Port is a port of a host.
type Port struct {
	Number   uint32 `json:"number"`
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol,omitempty"`
}

// EndpointCounts are the numbers of endpoints by health.
type EndpointCounts struct {
	Ready    int `json:"ready"`
	Draining int `json:"draining"`
	NotReady int `json:"notReady"`
	Total    int `json:"total"`
}

func (c *EndpointCounts) add(health mesh.Health) {
	c.Total++
	switch health {
	case mesh.Ready:
		c.Ready++
	case mesh.Draining:
		c.Draining++
	case mesh.NotReady:
		c.NotReady++
	}
}

// hostIndex has the hosts of one Snapshot.
type hostIndex struct {
	of *snapshot.Snapshot
	// made are the rows of Services with what each was made from.
	made map[string]madeRow
	// rows are sorted by namespace, name and host. They have neither clients nor Problems.
	rows []*HostRow
	// objects are the objects that shape each host.
	objects map[string][]mesh.Ref
}

// madeRow is a row and what it was made from. Worlds share what did not change.
type madeRow struct {
	service   *mesh.Service
	endpoints *mesh.EndpointSet
	row       *HostRow
}

// maxWorkloads bounds the workloads of a host in a list.
const maxWorkloads = 8

// mixed is the security of endpoints that do not all take calls in the same way.
const mixed = "mixed"

// allHosts returns the hosts of a Snapshot.
func (v *Views) allHosts(current *snapshot.Snapshot) *hostIndex {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hosts == nil || v.hosts.of != current {
		before := map[string]madeRow{}
		if v.hosts != nil {
			before = v.hosts.made
		}
		v.hosts = newHostIndex(current, before)
	}
	return v.hosts
}

// newHostIndex makes the index of a Snapshot. before are rows of an earlier one.
func newHostIndex(s *snapshot.Snapshot, before map[string]madeRow) *hostIndex {
	world := s.World()
	index := &hostIndex{of: s, made: map[string]madeRow{}, objects: map[string][]mesh.Ref{}}
	for host, service := range world.Services.All() {
		if _, _, variant := mesh.CutHostIn(host); !variant {
			set, _ := world.Endpoints.Get(host)
			made := before[host]
			if made.service != service || made.endpoints != set {
				made = madeRow{service, set, rowOfService(world, service, set)}
			}
			index.made[host] = made
			index.rows = append(index.rows, made.row)
		}
		index.objects[baseHost(host)] = append(index.objects[baseHost(host)], service.Ref)
	}
	for host, set := range world.VirtualServices.All() {
		base := baseHost(host)
		if _, ok := world.Services.Get(base); !ok && base == host && len(set.Candidates) > 0 {
			ref := set.Candidates[0].VirtualService.Ref
			index.rows = append(index.rows, &HostRow{Host: host, Kind: "VirtualService", Namespace: ref.Namespace, Name: ref.Name, Ports: []Port{}, Workloads: []string{}})
		}
		for _, c := range set.Candidates {
			index.objects[base] = append(index.objects[base], c.VirtualService.Refs()...)
		}
	}
	for host, set := range world.DestinationRules.All() {
		for _, c := range set.Candidates {
			index.objects[baseHost(host)] = append(index.objects[baseHost(host)], c.Rule.Refs...)
		}
	}
	for host, refs := range index.objects {
		mesh.SortFunc(refs, mesh.Ref.Compare)
		index.objects[host] = slices.Compact(refs)
	}
	slices.SortFunc(index.rows, func(a, b *HostRow) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Host, b.Host))
	})
	return index
}

// baseHost returns the host itself of a key under which a World has another declaration of it.
func baseHost(key string) string {
	host, _, _ := mesh.CutHostIn(key)
	return host
}

func rowOfService(world *mesh.World, service *mesh.Service, set *mesh.EndpointSet) *HostRow {
	row := &HostRow{
		Host: service.Host, Kind: service.Ref.Kind, Namespace: service.Ref.Namespace, Name: service.Ref.Name, Ports: portsOf(service.Ports), Workloads: []string{},
	}
	if set == nil {
		return row
	}
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		row.Endpoints.add(e.Health)
		if pod, ok := world.PodByAddress(e.Address); ok && len(row.Workloads) < maxWorkloads {
			if name := pod.Ref.Namespace + "/" + load.WorkloadOf(pod); !slices.Contains(row.Workloads, name) {
				row.Workloads = append(row.Workloads, name)
			}
		}
		for _, port := range e.Ports {
			switch security := e.Security(mesh.FamilyGRPC, port.Number).String(); row.Security {
			case "", security:
				row.Security = security
			default:
				row.Security = mixed
			}
		}
	}
	slices.Sort(row.Workloads)
	return row
}

func portsOf(all []mesh.Port) []Port {
	ports := make([]Port, len(all))
	for i, p := range all {
		ports[i] = Port{p.Number, p.Name, string(p.Protocol)}
	}
	return ports
}

// problemsAt returns the Problems of the objects that shape a host.
func (index *hostIndex) problemsAt(host string, all *foundProblems) []mesh.Problem {
	problems := []mesh.Problem{}
	for _, ref := range index.objects[host] {
		problems = append(problems, all.byObject[ref]...)
	}
	return problems
}

// HostList is a part of the hosts.
type HostList struct {
	// Total is how many hosts there are, and Matched how many of them meet the query. Hosts are those from Offset on.
	Total   int       `json:"total"`
	Matched int       `json:"matched"`
	Offset  int       `json:"offset"`
	Hosts   []HostRow `json:"hosts"`
	// Namespaces are those of all hosts, sorted.
	Namespaces []string `json:"namespaces"`
}

// serveHosts answers which hosts there are.
func (v *Views) serveHosts(w http.ResponseWriter, r *http.Request) {
	current, ok := v.current(w)
	if !ok {
		return
	}
	q := r.URL.Query()
	asked, err := partOf(q)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error(), nil)
		return
	}
	if !slices.Contains([]string{"", anySeverity, string(mesh.Error), string(mesh.Warning), string(mesh.Info)}, q.Get("problems")) {
		fail(w, http.StatusBadRequest, "problems is one of error, warning, info, any", nil)
		return
	}
	index, clients, problems := v.allHosts(current), v.allClients(r.Context()), v.allProblems(r.Context())
	list := HostList{Total: len(index.rows), Offset: asked.offset}
	namespaces := map[string]struct{}{}
	search, namespace, kind, severity := strings.ToLower(q.Get("q")), q.Get("namespace"), q.Get("kind"), q.Get("problems")
	var matched []HostRow
	for _, one := range index.rows {
		row := *one
		namespaces[row.Namespace] = struct{}{}
		if namespace != "" && row.Namespace != namespace || kind != "" && row.Kind != kind || !contains(search, row.Host, row.Namespace+"/"+row.Name) {
			continue
		}
		row.Clients = clients.count[row.Host]
		for _, p := range index.problemsAt(row.Host, problems) {
			row.Problems.Add(p.Severity)
		}
		if atLeast(row.Problems, severity) {
			matched = append(matched, row)
		}
	}
	list.Matched, list.Hosts, list.Namespaces = len(matched), append([]HostRow{}, cut(matched, asked)...), slices.Sorted(maps.Keys(namespaces))
	answer(w, list)
}

// anySeverity selects hosts with a Problem of any severity.
const anySeverity = "any"

// atLeast reports whether there is a Problem of that severity. No severity requires none.
func atLeast(c live.ProblemCounts, severity string) bool {
	switch severity {
	case string(mesh.Error):
		return c.Error > 0
	case string(mesh.Warning):
		return c.Warning > 0
	case string(mesh.Info):
		return c.Info > 0
	case anySeverity:
		return c.Error+c.Warning+c.Info > 0
	}
	return true
}
