package lint

import (
	"fmt"
	"math/bits"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Reader is who gets a resource, as far as that decides what is refused.
type Reader struct {
	// Agents are the kinds of clients. One that is not known is taken to refuse what any does; Envoy, what all do.
	Agents mesh.AgentSet
	// Providers are the certificate providers that each of the clients has.
	Providers []string
	// SystemRoots says that each of the clients can be told to trust its machine's authorities.
	SystemRoots bool
	// lacking are, by the bit of a gap, the kinds of which some of the clients have it. Without any all are current.
	lacking [32]mesh.AgentSet
}

// Add adds clients of a kind that have these gaps.
func (r *Reader) Add(agent mesh.Agent, gaps mesh.Gaps) {
	r.Agents |= mesh.Agents(agent)
	for rest := uint32(gaps); rest != 0; rest &= rest - 1 {
		r.lacking[bits.TrailingZeros32(rest)] |= mesh.Agents(agent)
	}
}

// Lacking are the kinds of which some of the clients have one of the gaps.
func (r *Reader) Lacking(gaps mesh.Gaps) (agents mesh.AgentSet) {
	for rest := uint32(gaps); rest != 0; rest &= rest - 1 {
		agents |= r.lacking[bits.TrailingZeros32(rest)]
	}
	return agents
}

// Everybody is current clients of all kinds, which have no certificates.
func Everybody() Reader { return Reader{Agents: everybody} }

// Finding is one thing for which clients refuse a resource.
type Finding struct {
	// Text says what is wrong. The resource is its subject: "has no name".
	Text string
	// Agents are those of the reader's that refuse it.
	Agents mesh.AgentSet
}

// String is the text and the agents.
func (f Finding) String() string { return f.Text + ", which is rejected by " + f.Agents.String() }

// everybody is all kinds of clients; strangers are those that are taken to refuse what any other does.
var (
	everybody = mesh.EveryAgent
	strangers = mesh.Agents(mesh.AgentUnknown)

	inGo, inJava, inCore = by(mesh.AgentGRPCGo), by(mesh.AgentGRPCJava), by(mesh.AgentGRPCCore)
	inNode, inRust       = by(mesh.AgentGRPCNode), by(mesh.AgentGRPCRust)
	notRust              = inGo | inJava | inCore | inNode
)

func by(agent mesh.Agent) mesh.AgentSet { return mesh.Agents(agent) | strangers }

// Check lists what clients refuse of the resource of that name; nothing means that all of the reader's accept it. A message of a
// kind that is not served has no findings.
func Check(name string, m proto.Message, r Reader) []Finding {
	l := linter{reader: r}
	called := name
	switch m := m.(type) {
	case *listenerv3.Listener:
		called = m.GetName()
		l.listener(m)
	case *routev3.RouteConfiguration:
		called = m.GetName()
		l.table(m)
	case *clusterv3.Cluster:
		called = m.GetName()
		l.cluster(m)
	case *endpointv3.ClusterLoadAssignment:
		called = m.GetClusterName()
		l.assignment(m)
	}
	if name == "" || called != name {
		// A client waits for the name that it asked for, and takes a resource of another for none of its own.
		l.refuse(everybody, "is named %q where %q was requested", called, name)
	}
	return l.findings
}

// linter collects findings.
type linter struct {
	reader   Reader
	findings []Finding
}

// refuse notes that clients of these kinds refuse the resource, if the reader has any.
func (l *linter) refuse(agents mesh.AgentSet, format string, args ...any) {
	if agents &= l.reader.Agents; agents != 0 {
		l.findings = append(l.findings, Finding{fmt.Sprintf(format, args...), agents})
	}
}

// lacking are the kinds of which some of the reader's clients have a gap, and whoever is taken to refuse what they do.
func (l *linter) lacking(gap mesh.Gaps) mesh.AgentSet {
	if agents := l.reader.Lacking(gap); agents != 0 {
		return agents | strangers
	}
	return 0
}
