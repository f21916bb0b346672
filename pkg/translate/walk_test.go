package translate

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// FieldName is a field's key in the table.
func FieldName(field protoreflect.FieldDescriptor) string { return fields.NameOf(field) }

// rowOf is the table by field.
var rowOf = func() map[string]fields.Row {
	rows := map[string]fields.Row{}
	for _, row := range fields.Rows() {
		rows[row.Field] = row
	}
	return rows
}()

// WalkFields visits every field that is set in a message of Istio's or below it: with its path, and with the path
// at which a Problem would speak of it, which is that of the outermost field around it that is not followed.
func WalkFields(m protoreflect.Message, at string, visit func(field protoreflect.FieldDescriptor, path, told string)) {
	walkFields(m, at, "", visit)
}

func walkFields(m protoreflect.Message, at, told string, visit func(field protoreflect.FieldDescriptor, path, told string)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		path := at + "." + field.JSONName()
		where := told
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
