package fields

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Verdict says what becomes of a field.
type Verdict string

// The verdicts.
const (
	// Translated: gRPC does what the field says.
	Translated Verdict = "translated"
	// Caveat: gRPC does it in a way of its own, which the note tells.
	Caveat Verdict = "caveat"
	// Warned: gRPC cannot do it. The field is dropped with a warning; calls go where they would go with it.
	Warned Verdict = "dropped"
	// Refused: gRPC cannot do it, and without it calls would go elsewhere or go out weaker. The match holds nothing, or the
	// calls fail, with an error.
	Refused Verdict = "refused"
)

// Row is what the support table says of one field of the Istio API. Rows are written with the names of what they state.
type Row struct {
	// Field is the message and the field as people write them, such as HTTPRoute.timeout.
	Field   string
	Verdict Verdict
	// Leaf is the file that owns the field, without its ending. Of a field that is not followed, the leaf reports it where it
	// is set; without a leaf the field check does.
	Leaf string
	// GRFC lists the proposals of gRPC that the verdict rests on, such as "A31"; of a field that is not followed, those that
	// leave it out. Features says which versions of the clients have them.
	GRFC string
	// Golden is a test case that sets the field, as a path below testdata without its ending, such as "timeout/set". What is
	// not followed is reported there.
	Golden string
	// Calls is a test that shows what the field does by calls of a real client; empty when no call shows it.
	Calls string
	// Ignored are the kinds of clients that do not honor a field that is followed; the others do.
	Ignored mesh.ClientKinds
	// Partly are the kinds that honor some of its values, or a part of its effect; the note says what.
	Partly mesh.ClientKinds
	// Untold says, of a caveat, why no Problem tells it where the field is used; empty when one does.
	Untold string
	// Note is for users: the caveat, or why the field is not followed and the way out. It is the text of the Problem when the
	// field check reports the field.
	Note string
}

// The kinds of clients that rows speak of together.
var (
	byAll = mesh.GRPCClientKinds()

	byRust        = mesh.MakeClientKinds(mesh.GRPCRust)
	byGoAndCore   = mesh.MakeClientKinds(mesh.GRPCGo, mesh.GRPCCore)
	byCoreAndNode = mesh.MakeClientKinds(mesh.GRPCCore, mesh.GRPCNode)
	byJavaAndRust = mesh.MakeClientKinds(mesh.GRPCJava, mesh.GRPCRust)
	byNodeAndRust = mesh.MakeClientKinds(mesh.GRPCNode, mesh.GRPCRust)
)

// InEffect says whether what stands inside the field counts.
func (r Row) InEffect() bool { return r.Verdict == Translated || r.Verdict == Caveat }

// reported says whether the field check reports the field.
func (r Row) reported() bool { return !r.InEffect() && r.Leaf == "" }

// Table is the part of the support table for one kind of object.
type Table struct {
	// Kind is the kind's API name, and Spec its spec.
	Kind string
	Spec protoreflect.MessageDescriptor
	rows []Row
}

// Tables are in the order of the page.
var Tables = []Table{
	{"VirtualService", (&networking.VirtualService{}).ProtoReflect().Descriptor(), virtualServiceFields},
	{"DestinationRule", (&networking.DestinationRule{}).ProtoReflect().Descriptor(), destinationRuleFields},
}

// fieldRows is the table by field.
var fieldRows = func() map[string]Row {
	rows := map[string]Row{}
	for _, row := range Rows() {
		rows[row.Field] = row
	}
	return rows
}()

// Rows returns the support table: a row for every field of the kinds in Tables, message by message. The caller may change it.
func Rows() []Row {
	var rows []Row
	for _, table := range Tables {
		rows = append(rows, table.rows...)
	}
	return rows
}

// istioPackages hold the messages of the kinds.
var istioPackages = func() []protoreflect.FullName {
	packages := []protoreflect.FullName{"istio.type.v1beta1"}
	for _, table := range Tables {
		packages = append(packages, table.Spec.ParentFile().Package())
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}()
