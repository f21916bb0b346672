package fieldpolicy

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// istioPackages hold the messages in which fields are looked for; durations and the like have none of their own.
var istioPackages = []protoreflect.FullName{"istio.networking.v1alpha3", "istio.type.v1beta1"}

// walker finds, for each field that is not followed, the places in an object where it may stand.
type walker struct {
	rows map[string]fields.Row
	// absent are expressions in CEL by the field's name in the table, one for each place: that it is not set there.
	absent map[string][]string
	// order are the names as they were found.
	order []string
}

func newWalker() *walker {
	w := &walker{rows: map[string]fields.Row{}, absent: map[string][]string{}}
	for _, row := range fields.Rows() {
		w.rows[row.Field] = row
	}
	return w
}

// message looks at the fields of a message that the CEL expression at yields, if it is there. depth counts the lists around it, and
// within puts them around an expression. Below a field that is not followed nothing is looked for: the field itself is told.
func (w *walker) message(m protoreflect.MessageDescriptor, at string, depth int, within func(string) string) {
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		name := fieldName(field)
		row, known := w.rows[name]
		place := at + ".?" + field.JSONName()
		switch {
		case !known:
		case row.Verdict == fields.Warned || row.Verdict == fields.Refused:
			if len(w.absent[name]) == 0 {
				w.order = append(w.order, name)
			}
			w.absent[name] = append(w.absent[name], within(unset(field, place)))
		case field.IsMap():
			if holdsIstio(field.MapValue()) {
				// Entries are messages of Istio's, which stand under keys.
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

// list looks at the members of a list, or at the entries of a map.
func (w *walker) list(m protoreflect.MessageDescriptor, all, key string, depth int, within func(string) string) {
	one := string(rune('a' + depth))
	if key == "" {
		w.message(m, one, depth+1, func(e string) string { return within(fmt.Sprintf("%s.all(%s, %s)", all, one, e)) })
		return
	}
	w.message(m, one, depth+1, func(e string) string { return within(fmt.Sprintf("%s.all(%s, %s, %s)", all, key, one, e)) })
}

// unset says that a field is not there. An empty list says no more than none.
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

// fieldName is a field's name in the table.
func fieldName(field protoreflect.FieldDescriptor) string {
	message := field.ContainingMessage()
	inPackage := string(message.FullName())[len(message.ParentFile().Package())+1:]
	return inPackage + "." + field.JSONName()
}
