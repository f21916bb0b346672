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

// TestNothingIsDroppedInSilence sets every field of the API alone. A field without effect must be reported, either
// by the field check or by a leaf.
func TestNothingIsDroppedInSilence(t *testing.T) {
	for family := range mesh.FamilyCount {
		t.Run(family.String(), func(t *testing.T) { nothingIsDroppedInSilence(t, family) })
	}
}

func nothingIsDroppedInSilence(t *testing.T, family mesh.Family) {
	for _, root := range []proto.Message{&networking.VirtualService{}, &networking.DestinationRule{}, &networking.Sidecar{}} {
		for name, message := range singles(root.ProtoReflect().Type()) {
			if row, _ := fields.RowFor(family, name); row.InEffect() {
				continue
			}
			t.Run(name, func(t *testing.T) {
				byField := map[string][]mesh.Problem{}
				for _, p := range hostOf(t, family, message.Interface()).Problems {
					byField[p.Field] = append(byField[p.Field], p)
				}
				if len(byField) == 0 {
					t.Errorf("%v is not reported", message)
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

// hostOf translates a Service with the spec of a VirtualService or DestinationRule, or checks that of a Sidecar.
func hostOf(t *testing.T, family mesh.Family, spec proto.Message) *Bundle {
	t.Helper()
	in := HostInput{family: family, service: translatetest.Echo(80)}
	switch spec := spec.(type) {
	case *networking.VirtualService:
		vs := translatetest.Bound(t, "{}")
		vs.Spec = spec
		in.virtualServices = mesh.MakeVirtualServices(vs)
	case *networking.DestinationRule:
		in.destinationRule = translatetest.Merged(t, "{}")
		in.destinationRule.Specs[0] = spec
		in.destinationRule.TrafficPolicy = spec.GetTrafficPolicy()
	case *networking.Sidecar:
		return &Bundle{Problems: SidecarProblems(family, &mesh.Sidecar{Spec: spec})}
	}
	return Host(in)
}

// singles makes, for each field in a message type and in the messages inside, a message in which only this field
// and the fields around it are set.
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

// childType returns the type of the messages in a field. It is nil if they are not Istio's.
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

// put sets a field to a value, or to a list or map with the value.
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

// sample returns a value other than zero for a field or, for a list or map, for an element.
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
