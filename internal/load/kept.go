package load

const (
	// maxStreamKept bounds the clusters and zones that one Stream keeps. A report of a client that calls 2,000 clusters in two zones
	// is as large as one may be.
	maxStreamKept = 3 * MaxClusters
	// maxSourceKept bounds those that the Streams of one workload keep, and keptForEdge those of all that are proved, and of all that
	// are not, as so many for each of Options.MaxEdges.
	maxSourceKept = 100_000
	keptForEdge   = 10
)

// keep reports whether the Stream may keep one cluster or zone more, and counts it. What it does not keep it counts all the same, but for
// the attempts in progress. The caller holds Table.mu.
func (s *Stream) keep() bool {
	t := s.table
	if s.kept >= maxStreamKept || t.kept[s.source] >= maxSourceKept || t.kept[allLike(s.source)] >= keptForEdge*t.o.MaxEdges {
		return false
	}
	s.release(-1)
	return true
}

// release counts what the Stream does not keep any more. The caller holds Table.mu.
func (s *Stream) release(n int) {
	s.kept -= n
	for _, of := range []Source{s.source, allLike(s.source)} {
		if s.table.kept[of] -= n; s.table.kept[of] == 0 {
			delete(s.table.kept, of)
		}
	}
}

// forget drops the clusters that are not kept, and, if there are too many, those that the last report is not about. None has attempts in
// progress. The caller holds Table.mu.
func (s *Stream) forget() {
	many := len(s.clusters) > MaxClusters
	if !many && !s.excess {
		return
	}
	for name, c := range s.clusters {
		switch {
		case !c.kept:
			delete(s.clusters, name)
		case many && c.round != s.round:
			s.release(1 + len(c.zones))
			delete(s.clusters, name)
		}
	}
	s.excess = false
}
