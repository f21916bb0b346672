package explain

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Answer is the way the call takes.
type Answer struct {
	Listener Step `json:"listener"`
	// Routes are those that were tried, in order, and between them what no call of the client can take; the last one is the one
	// taken, if any is.
	Routes []Route `json:"routes"`
	// Outcome says in a sentence what becomes of the call.
	Outcome string `json:"outcome"`
	// Clusters share the calls of the route that was taken.
	Clusters []Cluster `json:"clusters"`
}

// Step is one resource on the way.
type Step struct {
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Origins []mesh.Ref `json:"origins"`
}

// Route is a route that was tried.
type Route struct {
	Step

	// Index is its place in the table. What is left out has that of the route after it.
	Index int `json:"index"`
	// LeftOut says that the client is not told of it, for no call of the client can match it. It has no Match.
	LeftOut bool `json:"leftOut,omitempty"`
	// Rule is the author's name for it, if there is one.
	Rule  string `json:"rule,omitempty"`
	Match string `json:"match,omitempty"`
	Taken bool   `json:"taken"`
	// Why says what the match came to.
	Why string `json:"why"`
	// From are the places where the route was written; none when nobody wrote one.
	From []mesh.FieldLocation `json:"from,omitempty"`
	// Settings hold for the calls of a route that was taken: timeout, retries, faults.
	Settings []string `json:"settings,omitempty"`
}

// Cluster is a destination.
type Cluster struct {
	Step

	// From are the places where the subset and its settings were written.
	From   []mesh.FieldLocation `json:"from,omitempty"`
	Weight uint32               `json:"weight"`
	// Share is the part of the calls that it gets, in percent.
	Share    float64   `json:"share"`
	Settings []Setting `json:"settings,omitempty"`
	// Localities are in the order of priority.
	Localities []Locality `json:"localities"`
	// EndpointOrigins are the objects that made the endpoints.
	EndpointOrigins []mesh.Ref `json:"endpointOrigins"`
}

// Setting is one thing that holds for the calls to a cluster.
type Setting struct {
	// Text puts it in words.
	Text string `json:"text"`
	// From are the places where it was written; none when it is the default.
	From []mesh.FieldLocation `json:"from,omitempty"`
}

// Locality is a group of endpoints.
type Locality struct {
	// From are the places where it is written that these endpoints are a group, or in which order they come.
	From      []mesh.FieldLocation `json:"from,omitempty"`
	Priority  uint32               `json:"priority"`
	Name      string               `json:"name"`
	Weight    uint32               `json:"weight"`
	Endpoints []string             `json:"endpoints"`
}
