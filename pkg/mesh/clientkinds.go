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
	Kitex
	Armeria
	Dubbo
	Sermant
	GoHTTPClient
	GoClient
	JavaClient
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
	// FamilyEnvoy takes the same, and finds routes by the host of a call: its listeners are its operator's, but for one for egress. It
	// calls what speaks HTTP/1.1, HTTP/2 and gRPC.
	FamilyEnvoy
	// FamilyCount is how many there are.
	FamilyCount
)

// String names the clients of the family in messages.
func (f Family) String() string {
	return [...]string{FamilyGRPC: "gRPC clients", FamilyHTTP: "HTTP clients", FamilyEnvoy: "Envoy proxies"}[f]
}

// IsHTTP reports whether clients of the family take Envoy's API for HTTP, and not only the part of it that gRPC libraries
// support.
func (f Family) IsHTTP() bool { return f != FamilyGRPC }

// Calling returns the family whose clients call a port with the protocol as clients of the family do. Envoy calls a port for
// HTTP as HTTP clients do, and other ports as gRPC clients do: their servers may take only the mesh's TLS.
func (f Family) Calling(p Protocol) Family {
	switch {
	case f != FamilyEnvoy:
		return f
	case p == ProtocolHTTP || p == ProtocolHTTPS:
		return FamilyHTTP
	}
	return FamilyGRPC
}

// UsesMeshCertificate reports whether clients of the family that have a certificate of the mesh present it to the servers that
// take no other calls.
func (f Family) UsesMeshCertificate() bool { return f != FamilyHTTP }

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
	// header is the prefix of the HTTP/2 header user-agent, before the version, of clients without a user_agent_name.
	header string
	// language is the short name of a gRPC library; empty for other client kinds.
	language string
	family   Family
	// reopens is set if the client opens a stream again at once when one ends, whatever its status.
	reopens bool
	// awaitsNameTable is set if the client's process waits for Istio's table of names when it starts.
	awaitsNameTable bool
	// unusable is why the client cannot use the Listeners that it is sent, and what its user can do; empty if it can.
	unusable string
	// refusal is why no stream of the client kind is served, and what its user can do; empty if it is.
	refusal string
}

// clientKindTable has one row for each ClientKind, in the order of the constants.
var clientKindTable = []clientKindRow{
	{kind: UnknownClient, name: "unknown"},
	{kind: GRPCGo, name: "gRPC Go", userAgent: "gRPC Go", language: "Go"},
	{kind: GRPCJava, name: "gRPC Java", userAgent: "gRPC Java", language: "Java"},
	{kind: GRPCCore, name: "gRPC C-core", userAgent: "gRPC C-core", language: "C-core"},
	{kind: GRPCNode, name: "gRPC Node", userAgent: "gRPC Node", language: "Node"},
	{kind: GRPCRust, name: "gRPC Rust", userAgent: "gRPC Rust", language: "Rust"},
	{kind: Envoy, name: "Envoy", userAgent: "envoy", family: FamilyEnvoy},
	{kind: JavaAgent, name: "mizzen-java-agent", userAgent: "mizzen-java-agent", family: FamilyHTTP},
	{kind: HTTPClient, name: "HTTP client", family: FamilyHTTP}, // any other one, by the protocols in its node
	{kind: Kitex, name: "Kitex", header: "kitex/", reopens: true, awaitsNameTable: true, unusable: kitexUnusable},
	{kind: Armeria, name: "Armeria", header: "armeria/"},
	{kind: Dubbo, name: "Dubbo", reopens: true, refusal: dubboRefusal}, // by its node alone
	{kind: Sermant, name: "Sermant", reopens: true},                    // by its node alone
	// integrations/go, for HTTP and for RPC frameworks. The longer name comes first.
	{kind: GoHTTPClient, name: "mizzen-go-http", userAgent: "mizzen-go-http", family: FamilyHTTP},
	{kind: GoClient, name: "mizzen-go", userAgent: "mizzen-go"},
	{kind: JavaClient, name: "mizzen-java-rpc", userAgent: "mizzen-java-rpc"}, // the Java agent's core, for RPC frameworks: integrations/dubbo-java
}

// kitexUnusable: it reads Listeners with filter chains, under the cluster IPs of a table of names in its default mode. docs/clients/kitex.md has more.
const kitexUnusable = "The xDS module of Kitex (kitex-contrib/xds) does not read Mizzen's Listeners, so its calls fail. Use the suite in integrations/kitex: docs/clients/kitex.md."

// dubboRefusal: with listeners and routes that it can read, two of its threads write to one stream, which corrupts it; without
// them the application waits at its start.
const dubboRefusal = "the xDS client of Dubbo (dubbo-xds, dubbo-registry-xds) is not served: it is discontinued, corrupts its own stream and does not read weights. " +
	"Use another registry; or call the triple services of Dubbo, which are gRPC, with a gRPC client over xDS, or through Envoy: docs/clients/dubbo.md"

// earlyRust is the user_agent_name of gRPC for Rust before 0.1.0-alpha.4.
const earlyRust = "tonic-xds"

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

// ReopensAtOnce reports whether the client kind opens a stream again without a pause when one ends, thousands of times a
// second.
func (k ClientKind) ReopensAtOnce() bool { return k.row().reopens }

// AwaitsNameTable reports whether the client's process waits for Istio's table of names when it starts.
func (k ClientKind) AwaitsNameTable() bool { return k.row().awaitsNameTable }

// Unusable returns why the client kind cannot use the Listeners that it is sent, and what its user can do; empty if it can.
func (k ClientKind) Unusable() string { return k.row().unusable }

// Refusal returns why no stream of the client kind is served, and what its user can do; empty if it is.
func (k ClientKind) Refusal() string { return k.row().refusal }

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
	if strings.HasPrefix(userAgent, earlyRust) {
		return GRPCRust
	}
	for _, row := range clientKindTable {
		if row.userAgent != "" && strings.HasPrefix(userAgent, row.userAgent) {
			return row.kind
		}
	}
	return UnknownClient
}

// ClientKindByHeader returns the client kind that sends this HTTP/2 header user-agent, and the version in it. Kinds that
// have a user_agent_name in the node are not found by it.
func ClientKindByHeader(userAgent string) (kind ClientKind, version string) {
	for _, row := range clientKindTable {
		if rest, ok := strings.CutPrefix(userAgent, row.header); ok && row.header != "" {
			version, _, _ = strings.Cut(rest, " ")
			return row.kind, strings.TrimPrefix(version, "v")
		}
	}
	return UnknownClient, ""
}
