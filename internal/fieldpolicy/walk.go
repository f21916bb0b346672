package fieldpolicy

import (
	"fmt"
	"reflect"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// istioPackages are the packages whose messages are searched for fields. Other messages, such as durations, have no
// rows.
var istioPackages = []protoreflect.FullName{"istio.networking.v1alpha3", "istio.type.v1beta1"}

// walker finds all places in an object where an unsupported field may occur.
type walker struct {
	rows map[string]fields.Row
	// absent has CEL expressions by the field's name in the table, one for each place. An expression is true if the
	// field is not set there.
	absent map[string][]string
	// order are the names in the order in which they were found.
	order []string
}

func newWalker() *walker {
	w := &walker{rows: map[string]fields.Row{}, absent: map[string][]string{}}
	for _, row := range fields.Rows() {
		w.rows[row.Field] = row
	}
	return w
}

// message visits the fields of a message. at is the CEL expression for the message, depth is the number of lists
// around it, and within wraps an expression into these lists. The fields below an unsupported field are not visited,
// because that field is reported.
func (w *walker) message(m protoreflect.MessageDescriptor, at string, depth int, within func(string) string) {
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		name := fieldName(field)
		row, known := w.rows[name]
		place := at + ".?" + field.JSONName()
		switch {
		case !known:
		case row.Verdict == fields.Warned || row.Verdict == fields.Refused:
			w.report(name, within(unset(field, place)))
		case field.IsMap():
			if holdsIstio(field.MapValue()) {
				// The entries of the map are Istio messages.
				w.list(field.MapValue().Message(), place+".orValue({})", "key", depth, within)
			}
		case !holdsIstio(field):
		case field.IsList():
			w.list(field.Message(), place+".orValue([])", "", depth, within)
		default:
			w.message(field.Message(), place, depth, within)
		}
	}
}

// structure does the same for a structure of the Gateway API.
func (w *walker) structure(t reflect.Type, at string, depth int, within func(string) string) {
	fields.EachField(t, func(name string, field reflect.StructField, _ []int) {
		row, known := w.rows[name]
		place := at + ".?" + fields.JSONName(field)
		inner, list := field.Type, field.Type.Kind() == reflect.Slice
		if list || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		absent := "!" + place + ".hasValue()"
		if list {
			absent = place + ".orValue([]).size() == 0"
		}
		switch {
		case !known:
		case row.Verdict == fields.Warned || row.Verdict == fields.Refused:
			w.report(name, within(absent))
		case !fields.IsGateway(inner):
		case list:
			all, one := place+".orValue([])", string(rune('a'+depth))
			w.structure(inner, one, depth+1, func(e string) string { return within(fmt.Sprintf("%s.all(%s, %s)", all, one, e)) })
		default:
			w.structure(inner, place, depth, within)
		}
	})
}

// report adds a place where a field must be absent.
func (w *walker) report(name, absent string) {
	if len(w.absent[name]) == 0 {
		w.order = append(w.order, name)
	}
	w.absent[name] = append(w.absent[name], absent)
}

// list visits the elements of a list, or the entries of a map.
func (w *walker) list(m protoreflect.MessageDescriptor, all, key string, depth int, within func(string) string) {
	one := string(rune('a' + depth))
	if key == "" {
		w.message(m, one, depth+1, func(e string) string { return within(fmt.Sprintf("%s.all(%s, %s)", all, one, e)) })
		return
	}
	w.message(m, one, depth+1, func(e string) string { return within(fmt.Sprintf("%s.all(%s, %s, %s)", all, key, one, e)) })
}

// unset returns an expression that is true if a field is not set. An empty list counts as not set.
func unset(field protoreflect.FieldDescriptor, place string) string {
	switch {
	case field.IsMap():
		return place + ".orValue({}).size() == 0"
	case field.IsList():
		return place + ".orValue([]).size() == 0"
	}
	return "!" + place + ".hasValue()"
}

func holdsIstio(field protoreflect.FieldDescriptor) bool {
	m := field.Message()
	return m != nil && slices.Contains(istioPackages, m.ParentFile().Package())
}

// fieldName returns a field's name in the table.
func fieldName(field protoreflect.FieldDescriptor) string {
	message := field.ContainingMessage()
	inPackage := string(message.FullName())[len(message.ParentFile().Package())+1:]
	return inPackage + "." + field.JSONName()
}
