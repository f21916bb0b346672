package mesh

import "strings"

// ClientKind is a kind of xDS client.
type ClientKind uint8

// The client kinds that are told apart. UnknownClient gets what all of them accept.
const (
	UnknownClient ClientKind = iota
	GRPCGo
	GRPCJava
	GRPCCore
	GRPCNode
	GRPCRust
	Envoy
	// clientKindCount is how many there are.
	clientKindCount
)

// Family is the form in which kinds of clients take their resources. Clients of one family share what is made for them.
type Family uint8

// FamilyGRPC takes an API listener that names its routes. Every kind of client that is told apart today is sent that form.
const FamilyGRPC Family = iota

// clientKindRow is what is known about a kind of client, whatever its version. What versions cannot do is in featureTable.
type clientKindRow struct {
	kind ClientKind
	// name is the client kind's name for people, and what they write to choose it.
	name string
	// userAgent begins the user agent name that such clients send. C-core adds the language.
	userAgent string
	// language is the short name of a gRPC library; empty for what is not a gRPC library.
	language string
	family   Family
}

// clientKindTable is in the order of the constants.
var clientKindTable = []clientKindRow{
	{UnknownClient, "unknown", "", "", FamilyGRPC},
	{GRPCGo, "gRPC Go", "gRPC Go", "Go", FamilyGRPC},
	{GRPCJava, "gRPC Java", "gRPC Java", "Java", FamilyGRPC},
	{GRPCCore, "gRPC C-core", "gRPC C-core", "C-core", FamilyGRPC},
	{GRPCNode, "gRPC Node", "gRPC Node", "Node", FamilyGRPC},
	{GRPCRust, "gRPC Rust", "tonic-xds", "Rust", FamilyGRPC},
	{Envoy, "Envoy", "envoy", "", FamilyGRPC},
}

func (a ClientKind) row() clientKindRow {
	if int(a) >= len(clientKindTable) {
		return clientKindTable[UnknownClient]
	}
	return clientKindTable[a]
}

// String is the client kind's name for people.
func (a ClientKind) String() string { return a.row().name }

// Language is the short name of a gRPC library, such as Go; empty for other client kinds.
func (a ClientKind) Language() string { return a.row().language }

// Family is the form in which the client kind takes its resources.
func (a ClientKind) Family() Family { return a.row().family }

// IsGRPC says whether the client kind is a gRPC library: one that never means a wildcard when it names nothing.
func (a ClientKind) IsGRPC() bool { return a.Language() != "" }

// ClientKindNamed finds the client kind whose name for people that is, in any case.
func ClientKindNamed(name string) (ClientKind, bool) {
	for _, row := range clientKindTable {
		if strings.EqualFold(row.name, name) {
			return row.kind, true
		}
	}
	return UnknownClient, false
}

// ClientKindOf finds the client kind that sends a user agent name.
func ClientKindOf(userAgent string) ClientKind {
	for _, row := range clientKindTable {
		if row.userAgent != "" && strings.HasPrefix(userAgent, row.userAgent) {
			return row.kind
		}
	}
	return UnknownClient
}
