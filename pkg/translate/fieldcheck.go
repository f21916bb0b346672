package translate

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// checkRoutes reports the fields of a VirtualService that are dropped.
func checkRoutes(sink *[]mesh.Problem, r *mesh.VirtualService) {
	if r.Spec != nil {
		checkFields(fieldReporter{sink, r.Ref, "spec"}, r.Spec.ProtoReflect())
	}
}

// checkPolicy reports the fields of the DestinationRules of a policy that are dropped. p may be nil.
func checkPolicy(sink *[]mesh.Problem, p *mesh.MergedDestinationRule) {
	if p == nil {
		return
	}
	for i, spec := range p.Specs {
		if spec != nil && i < len(p.Refs) {
			checkFields(fieldReporter{sink, p.Refs[i], "spec"}, spec.ProtoReflect())
		}
	}
}

// checkFields looks up every field that is set in the field table, and reports those that are dropped and that no leaf
// speaks of: so nothing is dropped in silence, and nothing is reported twice. Below a field that is not followed it does not look.
func checkFields(at fieldReporter, m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		where := at.child(field.JSONName())
		row, ok := fieldRows[fieldName(field)]
		switch {
		case !ok:
			where.warnf(mesh.CodeUnsupported, "This version of Mizzen does not know the field. The field has no effect. Remove it, or upgrade Mizzen.")
		case row.reported():
			reason, wayOut, _ := strings.Cut(row.Note, ". ")
			where.warnf(mesh.CodeUnsupported, "%s. The field has no effect. %s", reason, wayOut)
		case row.inEffect():
			descend(where, field, value)
		}
		return true
	})
}

// descend checks the messages in a field, if it holds any of Istio's.
func descend(at fieldReporter, field protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch {
	case field.IsMap():
		if isIstio(field.MapValue().Message()) {
			value.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				checkFields(at.key(k.String()), v.Message())
				return true
			})
		}
	case !isIstio(field.Message()):
	case field.IsList():
		for i := range value.List().Len() {
			checkFields(at.index(i), value.List().Get(i).Message())
		}
	default:
		checkFields(at, value.Message())
	}
}

// isIstio tells Istio's messages from the well-known ones, such as durations. m may be nil.
func isIstio(m protoreflect.MessageDescriptor) bool {
	return m != nil && slices.Contains(istioPackages, m.ParentFile().Package())
}

// istioPackages hold the messages of VirtualService and DestinationRule.
var istioPackages = []protoreflect.FullName{"istio.networking.v1alpha3", "istio.type.v1beta1"}

// fieldName is a field's key in the table: the message's name inside its package, a dot, and the field's JSON name.
func fieldName(field protoreflect.FieldDescriptor) string {
	message := field.ContainingMessage()
	inPackage := string(message.FullName())[len(message.ParentFile().Package())+1:]
	return inPackage + "." + field.JSONName()
}
