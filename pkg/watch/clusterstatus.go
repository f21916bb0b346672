package watch

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// ClusterStatus is how far a remote cluster is read, and what is known of it.
type ClusterStatus struct {
	Name  string       `json:"name"`
	State ClusterState `json:"state"`
	// Reason is why a cluster is not followed; it may be empty.
	Reason string `json:"reason,omitempty"`
	// Read means that the cluster was read whole since the start.
	Read bool `json:"read"`
	// StoredAt is when the objects were stored that are served because the cluster was not read yet; zero otherwise.
	StoredAt time.Time `json:"storedAt,omitzero"`
	// LostSince is since when something of the cluster cannot be read; zero if all can.
	LostSince time.Time `json:"lostSince,omitzero"`
	// ChangedAt is when an object of the cluster changed last, as far as it is known here.
	ChangedAt time.Time `json:"changedAt,omitzero"`
	// Services, Endpoints and Pods are how many are known. Endpoints are the addresses in EndpointSlices.
	Services  int `json:"services"`
	Endpoints int `json:"endpoints"`
	Pods      int `json:"pods"`
	// Objects is how many objects are known.
	Objects int `json:"objects"`
	// Network is the network that the Secret states, and Secret its NAMESPACE/NAME; either may be empty.
	Network string `json:"network,omitempty"`
	Secret  string `json:"secret,omitempty"`
}

// ClusterState is the state of a remote cluster in one word.
type ClusterState string

// The states.
const (
	// ClusterFollowing: everything was read, and changes arrive.
	ClusterFollowing ClusterState = "following"
	// ClusterFrozen: everything was read, and something cannot be read any more.
	ClusterFrozen ClusterState = "frozen"
	// ClusterAway: the cluster was not read since the start. What was stored of it is served.
	ClusterAway ClusterState = "away"
	// ClusterNeverRead: the cluster was not read, and nothing is stored of it.
	ClusterNeverRead ClusterState = "never read"
	// ClusterRefused: its Secret is not used. What is known of the cluster is served.
	ClusterRefused ClusterState = "refused"
)

// statesOf finds members for Clusters. It is safe for concurrent use.
type statesOf struct {
	mu       sync.Mutex
	members  map[string]*member
	refusals []Refusal
}

func (s *statesOf) put(name string, m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members == nil {
		s.members = map[string]*member{}
	}
	if s.members[name] = m; m == nil {
		delete(s.members, name)
	}
}

func (s *statesOf) refuse(refusals []Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = refusals
}

// Clusters lists the remote clusters, sorted by name, and what of Secrets is refused. It is safe for concurrent use.
func (j *Joined) Clusters() []ClusterStatus {
	j.states.mu.Lock()
	defer j.states.mu.Unlock()
	all := []ClusterStatus{}
	for _, m := range j.states.members {
		all = append(all, m.status())
	}
	for _, r := range j.states.refusals {
		secret := r.Problem.Object.Namespace + "/" + r.Problem.Object.Name
		i := slices.IndexFunc(all, func(s ClusterStatus) bool { return s.Name == r.Cluster && s.Secret == secret })
		if i < 0 {
			i, all = len(all), append(all, ClusterStatus{Name: r.Cluster, Secret: secret})
		}
		all[i].State, all[i].Reason = ClusterRefused, r.Problem.Message
	}
	mesh.SortFunc(all, func(a, b ClusterStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Secret, b.Secret))
	})
	return all
}

// status is what is known of the cluster, except for a refusal.
func (m *member) status() ClusterStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := ClusterStatus{
		Name: m.name, Read: m.read, StoredAt: m.saved, ChangedAt: m.changed, Objects: len(m.known),
		Network: m.remote.Network, Secret: m.remote.Secret,
	}
	if f, ok := m.feed.(explainsLoss); ok {
		s.LostSince, s.Reason = f.Lost(), f.LostWhy()
	}
	switch {
	case m.wrong != "":
		s.State, s.Reason = ClusterRefused, m.wrong
	case !m.read && !m.saved.IsZero():
		s.State = ClusterAway
	case !m.read:
		s.State = ClusterNeverRead
	case !s.LostSince.IsZero():
		s.State = ClusterFrozen
	default:
		s.State = ClusterFollowing
	}
	for key, o := range m.known {
		switch v := o.Value.(type) {
		case *mesh.Service:
			s.Services++
		case *object.Pod:
			s.Pods++
		case *object.Slice:
			if key.Kind == object.KindEndpointSlice && v.Service != "" {
				for _, g := range v.Groups {
					s.Endpoints += len(g.Addresses)
				}
			}
		}
	}
	return s
}
