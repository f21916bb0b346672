package serving

import (
	"cmp"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// origin is where a stream comes from: a connection, and a node on it. The channels of one process may have several
// streams on one connection.
type origin struct{ peer, nodeID string }

func (s *Session) origin() origin { return origin{s.info.Peer, s.info.NodeID} }

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

// Uses reports whether a client on that connection, with that node, subscribes to the Cluster, or has done so before.
func (s *Store) Uses(peer, nodeID, cluster string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.byOrigin[origin{peer, nodeID}], func(session *Session) bool { return session.uses(cluster) })
}

func (s *Session) uses(cluster string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(snapshot.ClusterType, cluster)
	return e.subscribes() || slices.Contains(s.left, cluster)
}

// ReportedMetrics returns the names of the metrics of servers that the Cluster of such a client asks for.
func (s *Store) ReportedMetrics(peer, nodeID, cluster string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.byOrigin[origin{peer, nodeID}] {
		if v := session.has(cluster); v != nil {
			return v.ReportedMetrics
		}
	}
	return nil
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
	at := session.origin()
	s.byOrigin[at] = append(s.byOrigin[at], session)
}

func (s *Store) removeOrigin(session *Session) {
	at := session.origin()
	s.byOrigin[at] = slices.DeleteFunc(s.byOrigin[at], func(other *Session) bool { return other == session })
	if len(s.byOrigin[at]) == 0 {
		delete(s.byOrigin, at)
	}
}
