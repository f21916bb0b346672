package view

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Options of Views. All are required.
type Options struct {
	Store *serving.Store
	// Edges returns all edges.
	Edges func() []load.Edge
	About About
}

// About is what a page says about the process.
type About struct {
	Version string `json:"version"`
	// Replica is the name of the process: its pod, or its machine.
	Replica string `json:"replica"`
	// Source says in words where objects are read from.
	Source  string    `json:"source"`
	Started time.Time `json:"started"`
	// LoadReportInterval is how often clients report their load, in seconds.
	LoadReportInterval float64 `json:"loadReportInterval"`
}

// Views answers requests of the page.
type Views struct {
	o Options

	fleet    kept[fleet]
	problems kept[foundProblems]

	// mu protects hosts, which is made of the rows of the one before.
	mu    sync.Mutex
	hosts *hostIndex
}

// New makes Views.
func New(o Options) *Views { return &Views{o: o} }

// Handlers returns what is served, by path.
func (v *Views) Handlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/api/about":        http.HandlerFunc(v.serveAbout),
		"/api/codes":        http.HandlerFunc(serveCodes),
		"/api/hosts":        http.HandlerFunc(v.serveHosts),
		"/api/hosts/{host}": http.HandlerFunc(v.serveHost),
		"/api/streams":      http.HandlerFunc(v.serveStreams),
		"/api/streams/{id}": http.HandlerFunc(v.serveStream),
	}
}

func (v *Views) serveAbout(w http.ResponseWriter, _ *http.Request) {
	state := struct {
		About

		Ready    bool       `json:"ready"`
		Revision uint64     `json:"revision"`
		StoredAt *time.Time `json:"storedAt,omitempty"`
		// Domain is that of the hosts of Services.
		Domain string `json:"domain,omitempty"`
	}{About: v.o.About}
	if current := v.o.Store.Current(); current != nil {
		state.Ready, state.Revision, state.Domain = true, current.World().Revision, current.World().Domain
		if at := current.World().StoredAt.UTC(); !current.World().StoredAt.IsZero() {
			state.StoredAt = &at
		}
	}
	answer(w, state)
}

// code is what a code of Problems means.
type code struct {
	Code mesh.Code `json:"code"`
	// Meaning states what was found and what happens, Remedy what to do.
	Meaning string `json:"meaning"`
	Remedy  string `json:"remedy"`
}

func serveCodes(w http.ResponseWriter, _ *http.Request) {
	all := []code{}
	for _, c := range mesh.Codes() {
		all = append(all, code{c.Code, c.Meaning, c.Remedy})
	}
	answer(w, all)
}

// current returns the current Snapshot, or answers that there is none yet.
func (v *Views) current(w http.ResponseWriter) (*snapshot.Snapshot, bool) {
	current := v.o.Store.Current()
	if current == nil {
		fail(w, http.StatusServiceUnavailable, "the source was not completely read yet", nil)
	}
	return current, current != nil
}

// foundProblems are all Problems, by object.
type foundProblems struct{ byObject map[mesh.Ref][]mesh.Problem }

// allProblems returns the present Problems.
func (v *Views) allProblems(ctx context.Context) *foundProblems {
	return v.problems.get(ctx, v.o.Store.StatusRevision, func() *foundProblems {
		p := &foundProblems{map[mesh.Ref][]mesh.Problem{}}
		for _, problem := range v.o.Store.Problems() {
			p.byObject[problem.Object] = append(p.byObject[problem.Object], problem)
		}
		return p
	})
}
