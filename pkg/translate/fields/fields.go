package fields

import (
	"reflect"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Verdict is how a field is supported.
type Verdict string

// The verdicts.
const (
	// Translated: gRPC does what the field says.
	Translated Verdict = "translated"
	// Caveat: gRPC does it differently. The note states how.
	Caveat Verdict = "caveat"
	// Warned: gRPC does not support it. The field is dropped with a warning. Calls go where they would go with it.
	Warned Verdict = "dropped"
	// Refused: gRPC does not support it, and without it calls would go to another destination or be less secure.
	// The match matches nothing, or the calls fail, with an error.
	Refused Verdict = "refused"
)

// Row is the support of one field of the Istio API or the Gateway API.
type Row struct {
	// Field is the name of the message and of the field in JSON, such as HTTPRoute.timeout. In the Gateway API, it is the name
	// of the type in its reference, such as HTTPRouteTimeouts.request.
	Field   string
	Verdict Verdict
	// Leaf is the file that reads the field, without .go. For a field without effect, the leaf reports it. If Leaf
	// is empty, the field check reports it.
	Leaf string
	// GRFC lists the gRPC proposals that specify the support, such as "A31". For a field without effect, they are
	// the proposals that leave it out. The table proposals has the versions of clients that implement them.
	GRFC string
	// Golden is a test case that sets the field: a path below testdata without suffix, such as "timeout/set". If
	// the field has no effect, the case has its Problem.
	Golden string
	// Calls is a test that shows the effect of the field with calls of a real client. It is empty if calls cannot
	// show it.
	Calls string
	// Ignored are the client kinds that do not support a field that is in effect for the others.
	Ignored mesh.ClientKinds
	// Partly are the client kinds that support some values, or a part of the effect. The note states which.
	Partly mesh.ClientKinds
	// Untold is, for a caveat without a Problem, the reason why none is reported.
	Untold string
	// Note is for users: the caveat, or why the field has no effect and what to do. It is the message of the
	// Problem if the field check reports the field.
	Note string
}

// The sets of client kinds that rows name.
var (
	byAll = mesh.GRPCClientKinds()

	byRust        = mesh.MakeClientKinds(mesh.GRPCRust)
	byGo          = mesh.MakeClientKinds(mesh.GRPCGo)
	byCoreAndNode = mesh.MakeClientKinds(mesh.GRPCCore, mesh.GRPCNode)
	byJavaAndRust = mesh.MakeClientKinds(mesh.GRPCJava, mesh.GRPCRust)
	byNodeAndRust = mesh.MakeClientKinds(mesh.GRPCNode, mesh.GRPCRust)
)

// InEffect reports whether the field has an effect. If not, the fields inside it have none either.
func (r Row) InEffect() bool { return r.Verdict == Translated || r.Verdict == Caveat }

// reported reports whether the field check, and not a leaf, reports the field.
func (r Row) reported() bool { return !r.InEffect() && r.Leaf == "" }

// Table is the part of the support table for one kind of object.
type Table struct {
	// Kind is the kind's API name, and Spec its spec.
	Kind string
	Spec protoreflect.MessageDescriptor
	rows []Row
}

// GatewayTable is the part of the support table for one kind of the Gateway API.
type GatewayTable struct {
	// Kind is the kind's API name, and Spec the structure of its spec.
	Kind string
	Spec reflect.Type
	rows []Row
}

// GatewayTables are in the order of the page. A type that several kinds have is in the first of their tables.
var GatewayTables = []GatewayTable{
	{"GRPCRoute", reflect.TypeFor[gatewayv1.GRPCRouteSpec](), grpcRouteFields},
	{"HTTPRoute", reflect.TypeFor[gatewayv1.HTTPRouteSpec](), httpRouteFields},
	{"BackendTLSPolicy", reflect.TypeFor[gatewayv1.BackendTLSPolicySpec](), backendTLSPolicyFields},
}

// Tables are in the order of the page.
var Tables = []Table{
	{"VirtualService", (&networking.VirtualService{}).ProtoReflect().Descriptor(), virtualServiceFields},
	{"DestinationRule", (&networking.DestinationRule{}).ProtoReflect().Descriptor(), destinationRuleFields},
	{"Sidecar", (&networking.Sidecar{}).ProtoReflect().Descriptor(), sidecarFields},
}

// HostTables are the tables of kinds that declare hosts and servers. Their fields are read when the objects are, and not by
// the translation.
var HostTables = []Table{
	{"ServiceEntry", (&networking.ServiceEntry{}).ProtoReflect().Descriptor(), serviceEntryFields},
	{"WorkloadEntry", (&networking.WorkloadEntry{}).ProtoReflect().Descriptor(), workloadEntryFields},
}

// fieldRows are the rows by Field.
var fieldRows = func() map[string]Row {
	rows := map[string]Row{}
	for _, row := range Rows() {
		rows[row.Field] = row
	}
	return rows
}()

// Rows returns a copy of the support table: a row for every field of the kinds in Tables and GatewayTables, grouped by message.
func Rows() []Row {
	var rows []Row
	for _, table := range Tables {
		rows = append(rows, table.rows...)
	}
	for _, table := range GatewayTables {
		rows = append(rows, table.rows...)
	}
	return rows
}

// istioPackages hold the messages of the kinds.
var istioPackages = func() []protoreflect.FullName {
	packages := []protoreflect.FullName{"istio.type.v1beta1"}
	for _, table := range slices.Concat(Tables, ServerTables) {
		packages = append(packages, table.Spec.ParentFile().Package())
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}()
