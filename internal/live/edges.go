package live

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

// maxEdges bounds the edges that viewers are told about: those with the most calls. A page cannot show more in a useful way.
const maxEdges = 5000

// Edges are the edges that differ, or all.
type Edges struct {
	At time.Time `json:"at"`
	// Full is set if the edges are all, and not only those that differ.
	Full  bool    `json:"full"`
	Edges []*Edge `json:"edges"`
	// Gone are the keys of edges that there are no more.
	Gone []string `json:"gone"`
	// Total is how many edges there are, and LeftOut how many of them viewers are not told about.
	Total   int `json:"total"`
	LeftOut int `json:"leftOut"`
}

// Edge is an edge with the key by which a page knows it.
type Edge struct {
	Key string `json:"key"`
	load.Edge
}

// edgeKey is what tells edges apart.
type edgeKey struct {
	source       load.Source
	destination  load.Destination
	subset, zone string
}

func keyOf(e load.Edge) edgeKey { return edgeKey{e.Source, e.Destination, e.Subset, e.Zone} }

// edges are the edges that the viewers have been told.
type edges struct {
	at             time.Time
	told           map[edgeKey]*Edge
	total, leftOut int
	// names counts the keys.
	names uint64
	// full is the encoded event with all; nil if it is out of date.
	full []byte
}

// next returns an event with the edges that differ, if there are any.
func (e *edges) next(o Options, now time.Time) (frame, bool) {
	if now.Sub(e.at) < edgesInterval-slack {
		return frame{}, false
	}
	first := e.told == nil
	edges := o.Edges()
	all, total := make([]*load.Edge, len(edges)), len(edges)
	for i := range edges {
		all[i] = &edges[i]
	}
	if total > maxEdges {
		slices.SortFunc(all, func(a, b *load.Edge) int {
			return cmp.Or(cmp.Compare(b.CallsPerSecond, a.CallsPerSecond), cmp.Compare(b.Calls, a.Calls), load.Compare(*a, *b))
		})
		all = all[:maxEdges]
	}
	news := Edges{At: now.UTC(), Edges: []*Edge{}, Gone: []string{}, Total: total, LeftOut: total - len(all)}
	next := make(map[edgeKey]*Edge, len(all))
	for _, edge := range all {
		key := keyOf(*edge)
		before, known := e.told[key]
		if known && sameFigures(&before.Edge, edge) {
			next[key] = before
			continue
		}
		told := &Edge{Edge: *edge}
		if known {
			told.Key = before.Key
		} else {
			e.names++
			told.Key = strconv.FormatUint(e.names, 36)
		}
		next[key] = told
		news.Edges = append(news.Edges, told)
	}
	for key, edge := range e.told {
		if _, ok := next[key]; !ok {
			news.Gone = append(news.Gone, edge.Key)
		}
	}
	same := !first && len(news.Edges)+len(news.Gone) == 0 && e.total == total && e.leftOut == news.LeftOut
	e.at, e.told, e.total, e.leftOut = now, next, total, news.LeftOut
	e.full = nil // the time differs
	if same {
		return frame{}, false
	}
	return encodeEdges(news), true
}

// sameFigures reports whether nothing was reported between two states of an edge, and its averages are the same.
func sameFigures(a, b *load.Edge) bool {
	return a.Reported.Equal(b.Reported) && a.Calls == b.Calls && a.Errors == b.Errors && a.Dropped == b.Dropped && a.InProgress == b.InProgress &&
		a.CallsPerSecond == b.CallsPerSecond && a.ErrorsPerSecond == b.ErrorsPerSecond
}

// whole is the event for a viewer that has nothing yet.
func (e *edges) whole() frame {
	if e.full == nil {
		all := Edges{At: e.at.UTC(), Full: true, Edges: make([]*Edge, 0, len(e.told)), Gone: []string{}, Total: e.total, LeftOut: e.leftOut}
		for _, edge := range e.told {
			all.Edges = append(all.Edges, edge)
		}
		slices.SortFunc(all.Edges, func(a, b *Edge) int { return load.Compare(a.Edge, b.Edge) })
		e.full = encodeEdges(all).data
	}
	return frame{event: "edges", data: e.full}
}

func encodeEdges(news Edges) frame {
	data, err := json.Marshal(news)
	if err != nil { // a number that JSON does not have
		data = []byte(`{"full":false,"edges":[],"gone":[],"error":` + strconv.Quote(err.Error()) + `}`)
	}
	return frame{event: "edges", data: data}
}
