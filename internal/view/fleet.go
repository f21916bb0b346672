package view

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// State is what a client has: what is current, something that is not, or something current that it rejected.
type State string

// The states.
const (
	Current State = "current"
	Behind  State = "behind"
	Refused State = "refused"
)

func (s State) rank() int { return slices.Index([]State{Current, Behind, Refused}, s) }

// worse returns the state of two things together.
func worse(a, b State) State {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

func stateOf(r serving.SyncStatus) State {
	switch {
	case r.Rejected:
		return Refused
	case r.Pending():
		return Behind
	}
	return Current
}

// ClientRow is a connected client in a list.
type ClientRow struct {
	// ID names the stream. A client that connects again has another one.
	ID        string `json:"id"`
	Node      string `json:"node"`
	Peer      string `json:"peer"`
	Identity  string `json:"identity,omitempty"`
	Proof     string `json:"proof,omitempty"`
	Agent     string `json:"agent"`
	Version   string `json:"version,omitempty"`
	Namespace string `json:"namespace"`
	Region    string `json:"region,omitempty"`
	Zone      string `json:"zone,omitempty"`
	// Workload is the one under which load reports of the client are counted, as NAMESPACE/NAME.
	Workload string    `json:"workload"`
	Since    time.Time `json:"since"`
	State    State     `json:"state"`
	// Resources is how many the client subscribes to. Pending are those whose current version it has neither accepted nor
	// rejected, and Refused those that it rejected.
	Resources int `json:"resources"`
	Pending   int `json:"pending"`
	Refused   int `json:"refused"`
}

func rowOf(world *mesh.World, c *serving.ClientSync) ClientRow {
	info := c.ClientInfo
	source := load.SourceOfIdentity(world, info.Identity, info.Client.Namespace, info.Account.Name)
	row := ClientRow{
		Workload: source.Namespace + "/" + source.Workload,
		ID:       idOf(c), Node: info.NodeID, Peer: info.Peer, Identity: info.Identity, Proof: info.Proof, Agent: info.Client.Kind.String(),
		Version: info.Client.Version, Namespace: info.Client.Namespace, Region: info.Client.Locality.Region, Zone: info.Client.Locality.Zone,
		Since: c.Since.UTC(), State: Current, Resources: len(c.Resources),
	}
	for i := range c.Resources {
		state := stateOf(c.Resources[i])
		row.State = worse(row.State, state)
		switch state {
		case Behind:
			row.Pending++
		case Refused:
			row.Refused++
		case Current:
		}
	}
	return row
}

// idOf returns the ID of a stream.
func idOf(c *serving.ClientSync) string {
	hash := fnv.New64a()
	_, _ = fmt.Fprintf(hash, "%s\x00%s\x00%d", c.ClientInfo.NodeID, c.ClientInfo.Peer, c.Since.UnixNano())
	return fmt.Sprintf("%016x", hash.Sum64())
}

// fleet has all connected clients of one moment.
type fleet struct {
	// clients are sorted by node and peer.
	clients []*follower
	// count is how many clients follow each host.
	count map[string]int
}

// follower is a client with the hosts that it follows.
type follower struct {
	row   ClientRow
	hosts []followed
}

// followed is a host that a client subscribes to, with the state of what the client has of it.
type followed struct {
	host  string
	state State
}

// on returns the state of what the client has of a host.
func (f *follower) on(host string) (State, bool) {
	for _, h := range f.hosts {
		if h.host == host {
			return h.state, true
		}
	}
	return "", false
}

// allClients returns the present clients.
func (v *Views) allClients(ctx context.Context) *fleet {
	return v.fleet.get(ctx, v.o.Store.StatusRevision, func() *fleet {
		return newFleet(v.o.Store.Current().World(), v.o.Store.ClientSyncs())
	})
}

func newFleet(world *mesh.World, clients iter.Seq[serving.ClientSync]) *fleet {
	f := &fleet{count: map[string]int{}}
	names := hostNames{world: world, known: map[string]string{}}
	for c := range clients {
		one := &follower{row: rowOf(world, &c)}
		for i := range c.Resources {
			if host := names.of(c.Resources[i].Type, c.Resources[i].Name, c.ClientInfo.Client); host != "" {
				one.add(host, stateOf(c.Resources[i]))
			}
		}
		for _, h := range one.hosts {
			f.count[h.host]++
		}
		f.clients = append(f.clients, one)
	}
	slices.SortFunc(f.clients, func(a, b *follower) int {
		return cmp.Or(cmp.Compare(a.row.Node, b.row.Node), cmp.Compare(a.row.Peer, b.row.Peer), a.row.Since.Compare(b.row.Since))
	})
	return f
}

func (f *follower) add(host string, state State) {
	for i := range f.hosts {
		if f.hosts[i].host == host {
			f.hosts[i].state = worse(f.hosts[i].state, state)
			return
		}
	}
	f.hosts = append(f.hosts, followed{host, state})
}

// hostNames finds the hosts of names, and makes one text of equal ones.
type hostNames struct {
	world *mesh.World
	known map[string]string
}

// of returns the host that a name of a resource belongs to; empty if it belongs to none. What a client has of one pod belongs
// to the pod's Service.
func (n hostNames) of(t snapshot.Type, name string, client mesh.Client) string {
	if _, server := snapshot.ServerPort(t, name); server {
		return ""
	}
	host := ""
	if t.Dialed() {
		host = resource.ParseDialTarget(client.Kind.Family().Fold(name), client.Namespace, n.world.Domain).Host
	} else {
		_, _, host, _ = resource.ParseName(name)
	}
	if known, ok := n.known[host]; ok {
		return known
	}
	full := host
	if _, ok := n.world.Services.Get(host); !ok {
		if service, ok := n.world.Addresses.Get(host); ok {
			full = service.Host
		} else if _, service, ok := resource.PodHost(host, n.world.Domain); ok {
			if _, ok := n.world.Services.Get(service); ok {
				full = service
			}
		}
	}
	n.known[host] = full
	return full
}
