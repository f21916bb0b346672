package main

import (
	"net/http"
	"os"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/live"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/view"
)

// pageHandlers are what the page reads beside the lists, by path.
func (p *plane) pageHandlers(edges func() []load.Edge, interval time.Duration) map[string]http.Handler {
	replica, err := os.Hostname() // in a cluster the name of the pod
	if err != nil {
		replica = "this process"
	}
	handlers := view.New(view.Options{Store: p.store, Edges: edges, About: view.About{
		Version: ownBuild().String(), Replica: replica, Source: p.sourceName, Started: time.Now().UTC(), LoadReportInterval: interval.Seconds(),
	}}).Handlers()
	handlers[live.Path] = p.live
	return handlers
}
