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

// Audience is the clients that get a resource, as far as they decide which rules apply. The zero Audience has no
// clients.
type Audience struct {
	// Kinds are the client kinds. UnknownClient is assumed to reject what any kind rejects, Envoy and HTTP
	// clients what breaks a name.
	Kinds mesh.ClientKinds
	// Servers is set for gRPC servers, which take other Listeners and routes than clients.
	Servers bool
	// Providers are the certificate providers that all clients have.
	Providers []string
	// SystemRoots is set if all clients support clusters that trust the system root certificates.
	SystemRoots bool
	// missing has, for the bit of each feature, the client kinds of which some clients lack it. It is zero if all
	// clients are current.
	missing [32]mesh.ClientKinds
}

// Add adds clients of a kind that lack the features.
func (a *Audience) Add(kind mesh.ClientKind, features mesh.Features) {
	a.Kinds |= mesh.MakeClientKinds(kind)
	for rest := uint32(features); rest != 0; rest &= rest - 1 {
		a.missing[bits.TrailingZeros32(rest)] |= mesh.MakeClientKinds(kind)
	}
}

// Missing returns the client kinds of which some clients lack one of the features.
func (a *Audience) Missing(features mesh.Features) (kinds mesh.ClientKinds) {
	for rest := uint32(features); rest != 0; rest &= rest - 1 {
		kinds |= a.missing[bits.TrailingZeros32(rest)]
	}
	return kinds
}

// ClientsOf returns the Audience of current clients of all kinds of a family, without certificate providers.
func ClientsOf(family mesh.Family) Audience { return Audience{Kinds: family.Kinds()} }

// Finding is one reason why clients reject a resource.
type Finding struct {
	// Text states what is wrong. The resource is the subject of the text: "has no name".
	Text string
	// Kinds are the client kinds of the audience that reject the resource.
	Kinds mesh.ClientKinds
}

// String returns the text and the client kinds.
func (f Finding) String() string { return f.Text + ", which is rejected by " + f.Kinds.String() }

// The sets of client kinds that the rules name. inGo and the others include unknownClients, which are assumed to
// reject what any kind rejects.
var (
	allKinds       = mesh.FamilyGRPC.Kinds()
	httpKinds      = mesh.FamilyHTTP.Kinds() | mesh.FamilyEnvoy.Kinds()
	unknownClients = mesh.MakeClientKinds(mesh.UnknownClient)

	inGo, inJava, inCore = kindOrUnknown(mesh.GRPCGo), kindOrUnknown(mesh.GRPCJava), kindOrUnknown(mesh.GRPCCore)
	inNode, inRust       = kindOrUnknown(mesh.GRPCNode), kindOrUnknown(mesh.GRPCRust)
	notRust              = inGo | inJava | inCore | inNode
)

func kindOrUnknown(kind mesh.ClientKind) mesh.ClientKinds {
	return mesh.MakeClientKinds(kind) | unknownClients
}

// Check returns the reasons why clients of the audience reject the resource that they subscribed to by name. It
// returns nothing if all of them accept it. The content of a message of an unknown type is not checked.
func Check(name string, m proto.Message, audience Audience) []Finding {
	c := checker{audience: audience}
	called := name
	switch m := m.(type) {
	case *listenerv3.Listener:
		called = m.GetName()
		c.listener(m)
	case *routev3.RouteConfiguration:
		called = m.GetName()
		c.routeConfiguration(m)
	case *clusterv3.Cluster:
		called = m.GetName()
		c.cluster(m)
	case *endpointv3.ClusterLoadAssignment:
		called = m.GetClusterName()
		c.loadAssignment(m)
	}
	if name == "" || called != name {
		// A client waits for the name that it subscribed to, and ignores a resource with another name.
		c.reject(allKinds|httpKinds, "is named %q where %q was requested", called, name)
	}
	return c.findings
}

// checker checks one resource and collects the findings.
type checker struct {
	audience Audience
	findings []Finding
}

// reject adds a finding for the given kinds, if the audience has any of them.
func (c *checker) reject(kinds mesh.ClientKinds, format string, args ...any) {
	if kinds &= c.audience.Kinds; kinds != 0 {
		c.findings = append(c.findings, Finding{fmt.Sprintf(format, args...), kinds})
	}
}

// missing returns the client kinds of which some clients of the audience lack a feature. If there are any,
// unknownClients are included.
func (c *checker) missing(feature mesh.Features) mesh.ClientKinds {
	if kinds := c.audience.Missing(feature); kinds != 0 {
		return kinds | unknownClients
	}
	return 0
}
