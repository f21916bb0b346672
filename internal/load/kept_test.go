package load

import (
	"fmt"
	"strings"
	"testing"
)

// flood has one report about that many clusters in that many zones each, with names as long as they may be.
func flood(clusters, zones int) []Report {
	var all []Report
	for i := range clusters {
		r := Report{Cluster: fmt.Append(nil, "some-", i)}
		for n := range zones {
			name := fmt.Sprint("zone-", i, "-", n, "-")
			r.Localities = append(r.Localities, Locality{Zone: []byte(name + strings.Repeat("z", maxZoneName-len(name))), OK: 1, InProgress: 1})
		}
		all = append(all, r)
	}
	return all
}

// keeps returns how many clusters and zones a Stream has, and checks that they are counted.
func keeps(t *testing.T, s *Stream) int {
	t.Helper()
	n := len(s.clusters)
	for _, c := range s.clusters {
		n += len(c.zones)
	}
	if n != s.kept || len(s.clusters) > MaxClusters {
		t.Errorf("the stream keeps %d, %d of them clusters, and counts %d", n, len(s.clusters), s.kept)
	}
	return n
}

func findAny(cluster string) (Destination, string, bool) {
	return Destination{Service: cluster}, "", true
}

// TestStreamsKeepLittle has clients that make up names of zones: one with one stream, one with a hundred, and many.
func TestStreamsKeepLittle(t *testing.T) {
	for name, test := range map[string]struct {
		edges, sources, streams, clusters, zones int
		// most is what all streams may keep. If it is less than what they report about, all of it is kept.
		most int
	}{
		"one stream":                     {0, 1, 1, MaxClusters, 4, maxStreamKept},
		"one of few edges":               {100, 1, 1, 300, 64, 2*300 + 100},
		"one whose edges are counted":    {0, 1, 1, 500, 9, 500 * 10},
		"a hundred streams":              {0, 1, 20, MaxClusters, 2, maxSourceKept},
		"streams of many sources":        {1000, 20, 5, 150, 4, keptForEdge * 1000},
		"streams of many sources, again": {10, 20, 5, 10, 64, keptForEdge * 10},
	} {
		t.Run(name, func(t *testing.T) {
			table := New(Options{MaxEdges: test.edges})
			all := flood(test.clusters, test.zones)
			var streams []*Stream
			for i := range test.sources * test.streams {
				streams = append(streams, table.Open(Source{Namespace: "shop", Workload: fmt.Sprint("web-", i%test.sources)}, 0, findAny))
			}
			const rounds = 2
			kept := 0
			for round := range rounds {
				kept = 0
				for _, s := range streams {
					s.Add(all)
					kept += keeps(t, s)
				}
				if kept > test.most || kept < test.most/2 {
					t.Errorf("report %d: the streams keep %d clusters and zones, want at most %d", round, kept, test.most)
				}
			}
			if got := table.kept[Source{}]; got != kept {
				t.Errorf("the table counts %d clusters and zones, want %d", got, kept)
			}
			var calls, inProgress, dropped uint64
			for _, e := range table.Edges() {
				calls, inProgress = calls+e.Calls, inProgress+e.InProgress
			}
			reported := uint64(len(streams) * test.clusters * test.zones)
			if calls != rounds*reported {
				t.Errorf("got %d calls, want all %d", calls, rounds*reported)
			}
			if dropped = table.ignored[ignoredTooMany]; inProgress < reported && dropped == 0 || inProgress > reported {
				t.Errorf("got %d attempts in progress of %d, and %d parts that were left out", inProgress, reported, dropped)
			}
			for _, s := range streams {
				s.Close()
			}
			for _, e := range table.Edges() {
				if e.InProgress != 0 {
					t.Fatalf("after the end: got %+v", e)
				}
			}
			if len(table.kept) != 0 {
				t.Errorf("after the end: the table counts %v", table.kept)
			}
		})
	}
}
