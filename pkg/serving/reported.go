package serving

import (
	"cmp"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Origin is where a stream comes from: a connection, and who on it. The channels of one process may have several streams on one
// connection. A client that says on two streams that it is in different namespaces is two clients.
type Origin struct {
	peer, nodeID, namespace string
	bucket                  uint16
}

// Origin returns the origin of the client's streams.
func (i *ClientInfo) Origin() Origin {
	return Origin{i.Peer, i.NodeID, i.Client.Namespace, i.Client.Bucket}
}

// maxLeft bounds the Clusters of which a Session knows that the client has left them.
const maxLeft = 64

// noteLeft records that the client unsubscribed from a Cluster: it still reports the last calls to it. The caller holds mu.
func (s *Session) noteLeft(e *entry) {
	if e.sub.t != snapshot.ClusterType || e.sent == nil {
		return
	}
	if len(s.left) == maxLeft {
		s.left = slices.Delete(s.left, 0, 1)
	}
	s.left = append(s.left, e.name)
}

// Uses reports whether a client with that origin subscribes to the Cluster, or has done so before.
func (s *Store) Uses(from Origin, cluster string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.byOrigin[from], func(session *Session) bool { return session.uses(cluster) })
}

func (s *Session) uses(cluster string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(snapshot.ClusterType, cluster)
	return e.subscribes() || slices.Contains(s.left, cluster)
}

// ReportedMetrics returns the names of the metrics of servers that the Cluster of such a client asks for.
func (s *Store) ReportedMetrics(from Origin, cluster string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.byOrigin[from] {
		if v := session.has(cluster); v != nil {
			return v.ReportedMetrics
		}
	}
	return nil
}

// RulesTo returns the objects of which the Cluster is made, and each of the routes by which the client calls it: in all versions of which
// other clients have another one.
func (s *Store) RulesTo(info *ClientInfo, cluster string) (of []mesh.Ref, routes [][]mesh.Ref) {
	current := s.Current()
	objects := func(t snapshot.Type, name string) (all []mesh.Ref) {
		client := info.Client
		for _, client.Bucket = range []uint16{0, 1} { // As those that follow no change first, and as those that follow all.
			if v := current.Resource(t, name, client); v != nil {
				all = append(all, v.Refs...)
			}
		}
		return all
	}
	for _, name := range s.routesTo(info.Origin(), cluster) {
		routes = append(routes, objects(snapshot.RouteType, name))
	}
	return objects(snapshot.ClusterType, cluster), routes
}

// routesTo returns the names of the routes of a client with that origin that lead to the Cluster.
func (s *Store) routesTo(from Origin, cluster string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.byOrigin[from] {
		all = session.appendRoutesTo(all, cluster)
	}
	return all
}

func (s *Session) appendRoutesTo(all []string, cluster string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[snapshot.RouteType.Rank()]
	if sub == nil {
		return all
	}
	for _, e := range sub.entries {
		if e.subscribed() && (leads(e.sent, cluster) || leads(e.acked, cluster)) {
			all = append(all, e.name)
		}
	}
	return all
}

// leads reports whether routes, which may be nil, lead to the Cluster.
func leads(routes *snapshot.Versioned, cluster string) bool {
	if routes == nil {
		return false
	}
	_, names := slices.BinarySearch(routes.LeadsTo, cluster)
	return names
}

// has returns the Cluster that the client was sent last; nil if it was sent none.
func (s *Session) has(cluster string) *snapshot.Versioned {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entry(snapshot.ClusterType, cluster); e != nil {
		return cmp.Or(e.sent, e.acked)
	}
	return nil
}

// subscribes is subscribed for an entry that may be nil.
func (e *entry) subscribes() bool { return e != nil && e.subscribed() }

// addOrigin indexes the session by its origin, and removeOrigin ends that. The caller holds mu.
func (s *Store) addOrigin(session *Session) {
	at := session.info.Origin()
	s.byOrigin[at] = append(s.byOrigin[at], session)
}

func (s *Store) removeOrigin(session *Session) {
	at := session.info.Origin()
	s.byOrigin[at] = slices.DeleteFunc(s.byOrigin[at], func(other *Session) bool { return other == session })
	if len(s.byOrigin[at]) == 0 {
		delete(s.byOrigin, at)
	}
}
