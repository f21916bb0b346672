package translate

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestNothingIsDroppedInSilence sets every field of the API by itself and expects that each one that is not
// followed is reported, by the field check or by a leaf, and by one of them only.
func TestNothingIsDroppedInSilence(t *testing.T) {
	for _, root := range []proto.Message{&networking.VirtualService{}, &networking.DestinationRule{}} {
		for name, message := range singles(root.ProtoReflect().Type()) {
			row := rowOf[name]
			if row.InEffect() {
				continue
			}
			t.Run(name, func(t *testing.T) {
				byField := map[string][]mesh.Problem{}
				for _, p := range hostOf(t, message.Interface()).Problems {
					byField[p.Field] = append(byField[p.Field], p)
				}
				if len(byField) == 0 {
					t.Errorf("nobody reports %v", message)
				}
				for field, problems := range byField {
					if len(problems) > 1 {
						t.Errorf("%s is reported %d times: %v", field, len(problems), problems)
					}
				}
			})
		}
	}
}

// hostOf translates a Service with that spec.
func hostOf(t *testing.T, spec proto.Message) *Bundle {
	t.Helper()
	in := HostInput{service: translatetest.Echo(80)}
	switch spec := spec.(type) {
	case *networking.VirtualService:
		in.virtualService = translatetest.Bound(t, "{}")
		in.virtualService.Spec = spec
	case *networking.DestinationRule:
		in.destinationRule = translatetest.Merged(t, "{}")
		in.destinationRule.Specs[0] = spec
		in.destinationRule.TrafficPolicy = spec.GetTrafficPolicy()
	}
	return Host(in)
}

// singles makes, for each field below a message, a message in which that field is set and else only what holds it.
func singles(m protoreflect.MessageType) map[string]protoreflect.Message {
	all := map[string]protoreflect.Message{}
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		inner := map[string]protoreflect.Value{fields.NameOf(field): sample(m.New(), field)}
		if child := childType(m, field); child != nil {
			for name, message := range singles(child) {
				inner[name] = protoreflect.ValueOfMessage(message)
			}
		}
		for name, value := range inner {
			if _, known := all[name]; known {
				continue
			}
			message := m.New()
			put(message, field, value)
			all[name] = message
		}
	}
	return all
}

// childType is the type of Istio's messages in a field; nil when it holds none.
func childType(m protoreflect.MessageType, field protoreflect.FieldDescriptor) protoreflect.MessageType {
	switch {
	case field.IsMap():
		if fields.IsIstio(field.MapValue().Message()) {
			return m.New().NewField(field).Map().NewValue().Message().Type()
		}
	case !fields.IsIstio(field.Message()):
	case field.IsList():
		return m.New().NewField(field).List().NewElement().Message().Type()
	default:
		return m.New().NewField(field).Message().Type()
	}
	return nil
}

// put sets a field to a value, or to a list or map of it.
func put(m protoreflect.Message, field protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch {
	case field.IsList():
		m.Mutable(field).List().Append(value)
	case field.IsMap():
		m.Mutable(field).Map().Set(protoreflect.ValueOfString("k").MapKey(), value)
	default:
		m.Set(field, value)
	}
}

// sample is a value of a field, or of an element of it, that is not its zero.
func sample(m protoreflect.Message, field protoreflect.FieldDescriptor) protoreflect.Value {
	kind := field
	if field.IsMap() {
		kind = field.MapValue()
	}
	switch kind.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(1)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("a"))
	case protoreflect.MessageKind:
		switch {
		case field.IsList():
			return m.NewField(field).List().NewElement()
		case field.IsMap():
			return m.NewField(field).Map().NewValue()
		}
		return m.NewField(field)
	}
	return protoreflect.ValueOfString("a")
}
