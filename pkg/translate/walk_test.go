package translate

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// FieldName returns a field's key in the table.
func FieldName(field protoreflect.FieldDescriptor) string { return fields.NameOf(field) }

// rowOf are the rows of the table by field.
var rowOf = func() map[string]fields.Row {
	rows := map[string]fields.Row{}
	for _, row := range fields.Rows() {
		rows[row.Field] = row
	}
	return rows
}()

// WalkFields visits every field that is set in a message of Istio's and in the messages inside. visit gets the path
// of the field, and the path at which a Problem for it is reported: the path of the outermost field around it that
// has no effect, or else its own.
func WalkFields(m protoreflect.Message, at string, visit func(field protoreflect.FieldDescriptor, path, reportedAt string)) {
	walkFields(m, at, "", visit)
}

func walkFields(m protoreflect.Message, at, reportedAt string, visit func(field protoreflect.FieldDescriptor, path, reportedAt string)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		path := at + "." + field.JSONName()
		where := reportedAt
		if where == "" && !rowOf[fields.NameOf(field)].InEffect() {
			where = path
		}
		if where == "" {
			visit(field, path, path)
		} else {
			visit(field, path, where)
		}
		switch {
		case field.IsMap():
			if fields.IsIstio(field.MapValue().Message()) {
				value.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
					walkFields(v.Message(), path+"["+k.String()+"]", where, visit)
					return true
				})
			}
		case !fields.IsIstio(field.Message()):
		case field.IsList():
			for i := range value.List().Len() {
				walkFields(value.List().Get(i).Message(), path+"["+strconv.Itoa(i)+"]", where, visit)
			}
		default:
			walkFields(value.Message(), path, where, visit)
		}
		return true
	})
}
