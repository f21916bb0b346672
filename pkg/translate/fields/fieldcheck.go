package fields

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Check reports the fields of an object that are dropped for clients of the family. spec is what the author wrote, of a kind that has a Table; it
// may be a nil message.
func Check(sink *[]mesh.Problem, family mesh.Family, ref mesh.Ref, spec proto.Message) {
	checkFields(family, report.Field{Sink: sink, Ref: ref, Path: "spec"}, spec.ProtoReflect())
}

// CheckMessage reports the fields of a message inside an object that are dropped for clients of the family.
func CheckMessage(at report.Field, family mesh.Family, m proto.Message) {
	checkFields(family, at, m.ProtoReflect())
}

// checkFields finds the row of every field that is set, and reports the dropped fields that no leaf reports. So no
// field is dropped without a Problem, and none is reported twice. It does not check the fields inside a field
// without effect.
func checkFields(family mesh.Family, at report.Field, m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		where := at.Child(field.JSONName())
		if check(family, where, NameOf(field)) {
			descend(family, where, field, value)
		}
		return true
	})
}

// check reports a field that is set, if it is dropped, and reports whether the fields inside have an effect.
func check(family mesh.Family, at report.Field, name string) bool {
	row, ok := RowFor(family, name)
	switch {
	case !ok:
		at.Warnf(mesh.CodeUnsupported, "This version of Mizzen does not know the field. The field has no effect. Remove it, or upgrade Mizzen.")
	case row.reported():
		reason, wayOut, _ := strings.Cut(row.Note, ". ")
		at.Warnf(mesh.CodeUnsupported, "%s. The field has no effect. %s", reason, wayOut)
	}
	return ok && row.InEffect()
}

// descend checks the messages in a field, if they are Istio's.
func descend(family mesh.Family, at report.Field, field protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch {
	case field.IsMap():
		if IsIstio(field.MapValue().Message()) {
			value.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				checkFields(family, at.Key(k.String()), v.Message())
				return true
			})
		}
	case !IsIstio(field.Message()):
	case field.IsList():
		for i := range value.List().Len() {
			checkFields(family, at.Index(i), value.List().Get(i).Message())
		}
	default:
		checkFields(family, at, value.Message())
	}
}

// IsIstio reports whether a message is Istio's, and not a well-known one such as Duration. m may be nil.
func IsIstio(m protoreflect.MessageDescriptor) bool {
	return m != nil && slices.Contains(istioPackages, m.ParentFile().Package())
}

// NameOf returns Row.Field of a field: the message's name in its package, a dot, and the field's JSON name.
func NameOf(field protoreflect.FieldDescriptor) string {
	message := field.ContainingMessage()
	inPackage := string(message.FullName())[len(message.ParentFile().Package())+1:]
	return inPackage + "." + field.JSONName()
}
