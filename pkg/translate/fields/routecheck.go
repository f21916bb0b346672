package fields

import (
	"reflect"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// CheckRoute reports the fields of a Route that are dropped for clients of the family, as Check does for messages.
func CheckRoute(sink *[]mesh.Problem, family mesh.Family, route *mesh.Route) {
	checkStruct(family, report.Field{Sink: sink, Ref: route.Ref, Path: "spec"}, reflect.ValueOf(route.Spec).Elem())
}

func checkStruct(family mesh.Family, at report.Field, v reflect.Value) {
	EachField(v.Type(), func(name string, field reflect.StructField, index []int) {
		value := v.FieldByIndex(index)
		if value.IsZero() {
			return
		}
		where := at.Child(JSONName(field))
		if check(family, where, name) {
			descendInto(family, where, value)
		}
	})
}

// descendInto checks the structures of the Gateway API in a field.
func descendInto(family mesh.Family, at report.Field, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		descendInto(family, at, v.Elem())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			descendInto(family, at.Index(i), v.Index(i))
		}
	case IsGateway(v.Type()):
		checkStruct(family, at, v)
	}
}

// EachField visits the fields of a structure of the Gateway API, with their names in the table: the name of the type that
// declares the field, a dot, and the field's JSON name.
func EachField(t reflect.Type, visit func(name string, field reflect.StructField, index []int)) {
	eachField(t, nil, visit)
}

func eachField(t reflect.Type, outer []int, visit func(name string, field reflect.StructField, index []int)) {
	for i := range t.NumField() {
		field := t.Field(i)
		index := append(slices.Clone(outer), i)
		if field.Anonymous {
			eachField(field.Type, index, visit)
			continue
		}
		visit(t.Name()+"."+JSONName(field), field, index)
	}
}

// JSONName returns the name of a field in JSON.
func JSONName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

var gatewayPackage = reflect.TypeFor[gatewayv1.GRPCRouteSpec]().PkgPath()

// IsGateway reports whether a type is a structure of the Gateway API.
func IsGateway(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == gatewayPackage
}
