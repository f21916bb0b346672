package object

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	security "istio.io/api/security/v1"
)

// Parts are the fields of the spec of an object that cannot be read, as plain values.
type Parts map[string]any

// Unreadable is in Parts in place of a value that cannot even be read as a plain value.
type Unreadable struct{}

// AllUnreadable are the Parts of an object of whose spec nothing can be read.
var AllUnreadable = Parts{"": Unreadable{}}

// specOf is a spec that reads JSON.
type specOf[T any] interface {
	*T
	proto.Message
	json.Unmarshaler
}

// readPart adds one field of the parts to a spec. It returns false if the field cannot be read.
func readPart[T any, P specOf[T]](parts Parts, name string, spec P) bool {
	value, set := parts[name]
	if !set {
		return true
	}
	if _, broken := value.(Unreadable); broken {
		return false
	}
	data, err := json.Marshal(map[string]any{name: value})
	read := P(new(T))
	if err != nil || read.UnmarshalJSON(data) != nil {
		return false
	}
	proto.Merge(spec, read)
	return true
}

// closeAuthorizationPolicy makes an AuthorizationPolicy of one that cannot be read; see KindRow.Close.
func closeAuthorizationPolicy(key Key, _ string, annotations map[string]string, parts Parts) Object {
	out := Object{Key: key, Closed: true}
	value := &AuthorizationPolicy{Spec: &security.AuthorizationPolicy{}, Scope: everyPod(), DryRun: dryRun(annotations, &out)}
	_, whole := parts[""]
	found := faults{whole: whole, other: true}
	var names []string
	for name := range parts {
		names = append(names, "spec."+name)
	}
	unknown := faultsIn(append(UnknownFields(parts, value.Spec.ProtoReflect().Descriptor()), slices.DeleteFunc(names, known(value.Spec))...))
	found.action = unknown.action || !readPart(parts, "action", value.Spec)
	found.scope = unknown.scope
	for _, field := range scopeFields {
		found.scope = !readPart(parts, field, value.Spec) || found.scope
	}
	if !found.scope {
		scope, readable := podScope(value.Spec, &out)
		value.Scope, found.scope = scope, !readable
	}
	return closePolicy(out, value, found)
}

// known returns whether a path such as spec.action is a field of the message.
func known(spec interface{ ProtoReflect() protoreflect.Message }) func(path string) bool {
	fields := spec.ProtoReflect().Descriptor().Fields()
	return func(path string) bool { return fields.ByJSONName(strings.TrimPrefix(path, "spec.")) != nil }
}

// closePeerAuthentication makes a PeerAuthentication of one that cannot be read; see KindRow.Close.
func closePeerAuthentication(key Key, _ string, _ map[string]string, parts Parts) Object {
	out := Object{Key: key, Closed: true}
	value := &PeerAuthentication{Spec: &security.PeerAuthentication{}}
	found := peerFaultsIn(UnknownFields(parts, value.Spec.ProtoReflect().Descriptor()))
	_, nothing := parts[""]
	found.whole = found.whole || nothing
	if !readPart(parts, "selector", value.Spec) || nothing {
		found.scope = true
	} else if labels, readable := selectorLabels(value.Spec.GetSelector(), &out); !readable {
		found.scope = true
	} else if len(labels) > 0 {
		value.Selector = labels
	}
	found.mtls = !readPart(parts, "mtls", value.Spec) || found.mtls
	entries, ok := parts["portLevelMtls"].(map[string]any)
	if _, set := parts["portLevelMtls"]; set && !ok {
		found.whole = true
	}
	for text, entry := range entries {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 || port > math.MaxUint16 {
			found.whole = true
			continue
		}
		one := Parts{"portLevelMtls": map[string]any{text: entry}}
		if !readPart(one, "portLevelMtls", value.Spec) {
			found.ports = append(found.ports, uint32(port))
		}
	}
	if !found.any() {
		found.whole = true
	}
	return closePeer(out, value, found)
}

// UnknownFields returns the paths of the fields of a spec, a plain value, that its message does not have.
func UnknownFields(spec map[string]any, message protoreflect.MessageDescriptor) []string {
	var paths []string
	unknownFieldsOf(spec, message, "spec", func(path string) { paths = append(paths, path) })
	slices.Sort(paths)
	return paths
}

func unknownFieldsOf(value map[string]any, message protoreflect.MessageDescriptor, path string, report func(string)) {
	for name, v := range value {
		at := path + "." + name
		field := message.Fields().ByJSONName(name)
		if field == nil {
			field = message.Fields().ByTextName(name)
		}
		switch {
		case field == nil:
			report(at)
		case field.IsMap():
			entries, _ := v.(map[string]any)
			for key, entry := range entries {
				unknownIn(entry, field.MapValue().Message(), at+"."+key, report)
			}
		case field.IsList():
			items, _ := v.([]any)
			for i, item := range items {
				unknownIn(item, field.Message(), fmt.Sprintf("%s[%d]", at, i), report)
			}
		default:
			unknownIn(v, field.Message(), at, report)
		}
	}
}

// unknownIn looks into a value of a message; not into scalars and messages with a form of their own.
func unknownIn(value any, message protoreflect.MessageDescriptor, path string, report func(string)) {
	if fields, ok := value.(map[string]any); ok && message != nil && message.FullName().Parent() != "google.protobuf" {
		unknownFieldsOf(fields, message, path, report)
	}
}

// EmptyFields returns the paths of the fields of rules that are written without a value: null or an empty list. A message
// does not tell them from fields that are not written, and a rule without conditions is for everybody.
func EmptyFields(spec map[string]any) []string {
	var paths []string
	rules, _ := spec["rules"].([]any)
	for i, rule := range rules {
		emptyFieldsOf(rule, fmt.Sprintf("spec.rules[%d]", i), func(path string) { paths = append(paths, path) })
	}
	slices.Sort(paths)
	return paths
}

func emptyFieldsOf(value any, path string, report func(string)) {
	switch value := value.(type) {
	case nil:
		report(path)
	case []any:
		if len(value) == 0 {
			report(path)
		}
		for i, item := range value {
			emptyFieldsOf(item, fmt.Sprintf("%s[%d]", path, i), report)
		}
	case map[string]any:
		for name, field := range value {
			emptyFieldsOf(field, path+"."+name, report)
		}
	}
}

// FillItems gives the items of lists that could not be read, in the spec of an object, a value of their type. The indexes of
// other items stay the same, and messages have no form for a missing item.
func FillItems(plain any, spec protoreflect.MessageDescriptor) {
	if fields, ok := plain.(map[string]any); ok {
		fillFields(fields["spec"], spec)
	}
}

func fillFields(plain any, message protoreflect.MessageDescriptor) {
	fields, ok := plain.(map[string]any)
	if !ok || message == nil {
		return
	}
	for name, value := range fields {
		field := message.Fields().ByJSONName(name)
		if field == nil || field.IsMap() {
			continue
		}
		items, isList := value.([]any)
		if !isList {
			fillFields(value, field.Message())
			continue
		}
		for i, item := range items {
			switch {
			case item != nil:
				fillFields(item, field.Message())
			case field.Message() != nil:
				items[i] = map[string]any{}
			default:
				items[i] = ""
			}
		}
	}
}
