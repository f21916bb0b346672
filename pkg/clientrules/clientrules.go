package clientrules

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

// Audience is who gets a resource, as far as that decides what is refused.
type Audience struct {
	// Kinds are the kinds of clients. One that is not known is taken to refuse what any does; Envoy, what all do.
	Kinds mesh.ClientKinds
	// Providers are the certificate providers that each of the clients has.
	Providers []string
	// SystemRoots says that each of the clients can be told to trust its machine's authorities.
	SystemRoots bool
	// missing are, by the bit of a feature, the kinds of which some of the clients lack it. If it is empty, all clients are current.
	missing [32]mesh.ClientKinds
}

// Add adds clients of a kind that lack these features.
func (r *Audience) Add(kind mesh.ClientKind, features mesh.Features) {
	r.Kinds |= mesh.MakeClientKinds(kind)
	for rest := uint32(features); rest != 0; rest &= rest - 1 {
		r.missing[bits.TrailingZeros32(rest)] |= mesh.MakeClientKinds(kind)
	}
}

// Missing are the kinds of which some of the clients lack one of the features.
func (r *Audience) Missing(features mesh.Features) (kinds mesh.ClientKinds) {
	for rest := uint32(features); rest != 0; rest &= rest - 1 {
		kinds |= r.missing[bits.TrailingZeros32(rest)]
	}
	return kinds
}

// AllClients is current clients of all kinds, which have no certificates.
func AllClients() Audience { return Audience{Kinds: allKinds} }

// Finding is one thing for which clients refuse a resource.
type Finding struct {
	// Text says what is wrong. The resource is its subject: "has no name".
	Text string
	// Kinds are those of the reader's that refuse it.
	Kinds mesh.ClientKinds
}

// String is the text and the client kinds.
func (f Finding) String() string { return f.Text + ", which is rejected by " + f.Kinds.String() }

// allKinds is all kinds of clients; unknownClients are those that are taken to refuse what any other does.
var (
	allKinds       = mesh.AllClientKinds
	unknownClients = mesh.MakeClientKinds(mesh.UnknownClient)

	inGo, inJava, inCore = kindOrUnknown(mesh.GRPCGo), kindOrUnknown(mesh.GRPCJava), kindOrUnknown(mesh.GRPCCore)
	inNode, inRust       = kindOrUnknown(mesh.GRPCNode), kindOrUnknown(mesh.GRPCRust)
	notRust              = inGo | inJava | inCore | inNode
)

func kindOrUnknown(kind mesh.ClientKind) mesh.ClientKinds {
	return mesh.MakeClientKinds(kind) | unknownClients
}

// Check lists what clients refuse of the resource of that name; nothing means that all of the reader's accept it. A message of a
// kind that is not served has no findings.
func Check(name string, m proto.Message, r Audience) []Finding {
	l := checker{audience: r}
	called := name
	switch m := m.(type) {
	case *listenerv3.Listener:
		called = m.GetName()
		l.listener(m)
	case *routev3.RouteConfiguration:
		called = m.GetName()
		l.routeConfiguration(m)
	case *clusterv3.Cluster:
		called = m.GetName()
		l.cluster(m)
	case *endpointv3.ClusterLoadAssignment:
		called = m.GetClusterName()
		l.loadAssignment(m)
	}
	if name == "" || called != name {
		// A client waits for the name that it asked for, and takes a resource of another for none of its own.
		l.reject(allKinds, "is named %q where %q was requested", called, name)
	}
	return l.findings
}

// checker collects findings.
type checker struct {
	audience Audience
	findings []Finding
}

// reject notes that clients of these kinds refuse the resource, if the reader has any.
func (l *checker) reject(kinds mesh.ClientKinds, format string, args ...any) {
	if kinds &= l.audience.Kinds; kinds != 0 {
		l.findings = append(l.findings, Finding{fmt.Sprintf(format, args...), kinds})
	}
}

// missing are the kinds of which some clients of the audience lack a feature, and the kinds that are assumed to reject what those reject.
func (l *checker) missing(feature mesh.Features) mesh.ClientKinds {
	if kinds := l.audience.Missing(feature); kinds != 0 {
		return kinds | unknownClients
	}
	return 0
}
