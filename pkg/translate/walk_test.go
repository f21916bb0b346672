package translate

import (
	"reflect"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// FieldName returns a field's key in the table.
func FieldName(field protoreflect.FieldDescriptor) string { return fields.NameOf(field) }

// WalkFields visits every field that is set in a message of Istio's and in the messages inside. visit gets the path
// of the field, and the path at which a Problem for it is reported: the path of the outermost field around it that
// has no effect for clients of the family, or else its own.
func WalkFields(family mesh.Family, m protoreflect.Message, at string, visit func(field protoreflect.FieldDescriptor, path, reportedAt string)) {
	walkFields(family, m, at, "", visit)
}

func walkFields(family mesh.Family, m protoreflect.Message, at, reportedAt string, visit func(field protoreflect.FieldDescriptor, path, reportedAt string)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		path := at + "." + field.JSONName()
		where := reportedAt
		if row, _ := fields.RowFor(family, fields.NameOf(field)); where == "" && !row.InEffect() {
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
					walkFields(family, v.Message(), path+"["+k.String()+"]", where, visit)
					return true
				})
			}
		case !fields.IsIstio(field.Message()):
		case field.IsList():
			for i := range value.List().Len() {
				walkFields(family, value.List().Get(i).Message(), path+"["+strconv.Itoa(i)+"]", where, visit)
			}
		default:
			walkFields(family, value.Message(), path, where, visit)
		}
		return true
	})
}

// WalkStruct does the same for a structure of the Gateway API.
func WalkStruct(family mesh.Family, v reflect.Value, at, reportedAt string, visit func(name, path, reportedAt string)) {
	switch {
	case v.Kind() == reflect.Pointer:
		WalkStruct(family, v.Elem(), at, reportedAt, visit)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			WalkStruct(family, v.Index(i), at+"["+strconv.Itoa(i)+"]", reportedAt, visit)
		}
	case fields.IsGateway(v.Type()):
		fields.EachField(v.Type(), func(name string, field reflect.StructField, index []int) {
			value, path, where := v.FieldByIndex(index), at+"."+fields.JSONName(field), reportedAt
			if value.IsZero() {
				return
			}
			if row, _ := fields.RowFor(family, name); where == "" && !row.InEffect() {
				where = path
			}
			if where == "" {
				visit(name, path, path)
			} else {
				visit(name, path, where)
			}
			WalkStruct(family, value, path, where, visit)
		})
	}
}
