package mesh

import "strings"

// ClientKind is a kind of xDS client.
type ClientKind uint8

// The client kinds. An UnknownClient gets only resources that all gRPC libraries accept.
const (
	UnknownClient ClientKind = iota
	GRPCGo
	GRPCJava
	GRPCCore
	GRPCNode
	GRPCRust
	Envoy
	JavaAgent
	HTTPClient
	GoClient
	// clientKindCount is how many there are.
	clientKindCount
)

// Family is the form of the resources that a client kind takes. Clients of one family share their resources.
type Family uint8

// The families. Resources have the same names in all of them.
const (
	// FamilyGRPC takes what gRPC libraries support.
	FamilyGRPC Family = iota
	// FamilyHTTP takes the whole of Envoy's API for HTTP. Its clients send plain HTTP/1.1 requests.
	FamilyHTTP
	// FamilyCount is how many there are.
	FamilyCount
)

// String names the clients of the family in messages: gRPC clients or HTTP clients.
func (f Family) String() string {
	if f == FamilyHTTP {
		return "HTTP clients"
	}
	return "gRPC clients"
}

// Kinds returns the client kinds of the family.
func (f Family) Kinds() ClientKinds {
	var s ClientKinds
	for _, row := range clientKindTable {
		if row.family == f {
			s |= MakeClientKinds(row.kind)
		}
	}
	return s
}

// clientKindRow is what is known about a client kind in all its versions. featureTable has what some versions lack.
type clientKindRow struct {
	kind ClientKind
	// name is the name in output and in flags.
	name string
	// userAgent is the prefix of user_agent_name in the node. C-core appends the language.
	userAgent string
	// language is the short name of a gRPC library; empty for other client kinds.
	language string
	family   Family
}

// clientKindTable has one row for each ClientKind, in the order of the constants.
var clientKindTable = []clientKindRow{
	{UnknownClient, "unknown", "", "", FamilyGRPC},
	{GRPCGo, "gRPC Go", "gRPC Go", "Go", FamilyGRPC},
	{GRPCJava, "gRPC Java", "gRPC Java", "Java", FamilyGRPC},
	{GRPCCore, "gRPC C-core", "gRPC C-core", "C-core", FamilyGRPC},
	{GRPCNode, "gRPC Node", "gRPC Node", "Node", FamilyGRPC},
	{GRPCRust, "gRPC Rust", "tonic-xds", "Rust", FamilyGRPC},
	{Envoy, "Envoy", "envoy", "", FamilyGRPC},
	{JavaAgent, "mizzen-java-agent", "mizzen-java-agent", "", FamilyHTTP},
	{HTTPClient, "HTTP client", "", "", FamilyHTTP},      // any other one, by the protocols in its node
	{GoClient, "mizzen-go", "mizzen-go", "", FamilyGRPC}, // integrations/go, for frameworks
}

func (k ClientKind) row() clientKindRow {
	if int(k) >= len(clientKindTable) {
		return clientKindTable[UnknownClient]
	}
	return clientKindTable[k]
}

// String returns the name of the client kind, such as gRPC Go.
func (k ClientKind) String() string { return k.row().name }

// Language returns the short name of a gRPC library, such as Go. It is empty for other client kinds.
func (k ClientKind) Language() string { return k.row().language }

// Family returns the form of the resources that the client kind takes.
func (k ClientKind) Family() Family { return k.row().family }

// IsGRPC reports whether the client kind is a gRPC library. To a gRPC library, a subscription without names is not
// a wildcard.
func (k ClientKind) IsGRPC() bool { return k.Language() != "" }

// ClientKindNamed finds a client kind by its String, ignoring case.
func ClientKindNamed(name string) (ClientKind, bool) {
	for _, row := range clientKindTable {
		if strings.EqualFold(row.name, name) {
			return row.kind, true
		}
	}
	return UnknownClient, false
}

// ClientKindOf returns the client kind that sends this user_agent_name, or UnknownClient.
func ClientKindOf(userAgent string) ClientKind {
	for _, row := range clientKindTable {
		if row.userAgent != "" && strings.HasPrefix(userAgent, row.userAgent) {
			return row.kind
		}
	}
	return UnknownClient
}
