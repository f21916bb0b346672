package explain

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Answer is the path of a call through the resources.
type Answer struct {
	// At is the generation of the configuration that the answer is about; empty for what is served now.
	At string `json:"at,omitempty"`
	// Client describes the client that was found for Question.Pod; empty if the question itself describes the client.
	Client string `json:"client,omitempty"`
	// Absent says why no client is connected from Question.Pod, and what to do; empty if one is.
	Absent string `json:"absent,omitempty"`
	// HTTP is true if the answer is about a plain HTTP call.
	HTTP     bool `json:"http,omitempty"`
	Listener Step `json:"listener"`
	// Unknown is true if the name that the client dials does not exist. A gRPC call fails then. For an HTTP call the
	// application's registry decides.
	Unknown bool `json:"unknown,omitempty"`
	// Routes are the routes that were tried, in order, and between them the matches that no call of the client can
	// meet. The last one is the route that the call takes, if any.
	Routes []Route `json:"routes"`
	// Outcome is a sentence about the result of the call.
	Outcome string `json:"outcome"`
	// Near are names that the client may mean, if the name that it dials does not exist. The outcome contains their texts.
	Near []snapshot.Near `json:"near,omitempty"`
	// Fails is true if such calls fail: all of them, or the share that a cluster without endpoints gets. A call that a
	// redirect or a direct response answers does not fail, whatever its status, because its author wrote that. A call
	// that a fault aborts every time does, and so does one of an unknown name, and one that a server refuses that it may
	// reach.
	Fails bool `json:"fails"`
	// Clusters are the clusters of the route that the call takes.
	Clusters []Cluster `json:"clusters"`
	// Servers say what the servers at the endpoints decide about a gRPC call, as far as mTLS or policies apply to them.
	Servers []Server `json:"servers,omitempty"`
	// Status is the HTTP status that the client of a plain HTTP call gets from the route itself: of a redirect to
	// Location, of a direct response with a body, or of a fault that aborts every call. It is 0 if an endpoint answers.
	Status   int    `json:"status,omitempty"`
	Location string `json:"location,omitempty"`
	// Body is the body of a direct response; empty if it is not UTF-8. BodySize is its size in bytes.
	Body     string `json:"body,omitempty"`
	BodySize int    `json:"bodySize,omitempty"`
	// Sends is the request that an endpoint gets, of a plain HTTP call, and Mirrors are its copies. Both are absent if no
	// endpoint gets the call.
	Sends   *Sent    `json:"sends,omitempty"`
	Mirrors []Mirror `json:"mirrors,omitempty"`
}

// Step is one resource on the path.
type Step struct {
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Origins []mesh.Ref `json:"origins"`
}

// Route is a route that was tried.
type Route struct {
	Step

	// Index is the position in the route table. A match that was left out has the index of the route after it.
	Index int `json:"index"`
	// LeftOut is true if the client does not get the route, because no call of the client can match it. Match is
	// empty then.
	LeftOut bool `json:"leftOut,omitempty"`
	// Rule is the author's name for it, if set.
	Rule  string `json:"rule,omitempty"`
	Match string `json:"match,omitempty"`
	Taken bool   `json:"taken"`
	// Why is the reason why the route matches, or does not.
	Why string `json:"why"`
	// From is where the route was written; empty for a generated route.
	From []mesh.FieldLocation `json:"from,omitempty"`
	// Settings apply to the calls of the route that the call takes: timeout, retries, hash keys, changes of the response,
	// faults.
	Settings []string `json:"settings,omitempty"`
}

// Cluster is a cluster that gets a share of the calls.
type Cluster struct {
	Step

	// From is where the subset and its settings were written.
	From   []mesh.FieldLocation `json:"from,omitempty"`
	Weight uint32               `json:"weight"`
	// Share is the cluster's share of the calls, in percent.
	Share    float64   `json:"share"`
	Settings []Setting `json:"settings,omitempty"`
	// Localities are sorted by priority.
	Localities []Locality `json:"localities"`
	// NotResolved is true if the cluster has no endpoints here because a control plane resolves their names while it serves.
	NotResolved bool `json:"notResolved,omitempty"`
	// EndpointOrigins are the objects that the endpoints come from.
	EndpointOrigins []mesh.Ref `json:"endpointOrigins"`
	// EndpointNotes say which endpoints the Service leaves out or prefers for the client, and why.
	EndpointNotes []string `json:"endpointNotes,omitempty"`
	// Encrypted is true if the client itself connects to the endpoints by TLS.
	Encrypted bool `json:"encrypted,omitempty"`
}

// endpoints is how many endpoints the cluster has.
func (c *Cluster) endpoints() int {
	n := 0
	for i := range c.Localities {
		n += len(c.Localities[i].Endpoints)
	}
	return n
}

// Setting is a setting that applies to the calls to a cluster.
type Setting struct {
	// Text describes the setting.
	Text string `json:"text"`
	// From is where the setting was written; empty for a default.
	From []mesh.FieldLocation `json:"from,omitempty"`
}

// Locality is a group of endpoints.
type Locality struct {
	// From is where the grouping or the order of these endpoints was written.
	From      []mesh.FieldLocation `json:"from,omitempty"`
	Priority  uint32               `json:"priority"`
	Name      string               `json:"name"`
	Weight    uint32               `json:"weight"`
	Endpoints []string             `json:"endpoints"`
}
