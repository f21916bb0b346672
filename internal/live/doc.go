// Package live tells browsers what changes, as server-sent events: which lists differ, the counts that the page shows, and
// the edges that differ. What is sent is made and encoded once for all viewers.
//
// Reading order: hub.go (who is told), viewer.go (one browser), state.go and edges.go (what is told).
package live
