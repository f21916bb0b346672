package translatetest

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Dice makes choices from bytes, so that a fuzzer that changes a byte changes a choice. When the bytes run out all
// choices are the first.
type Dice struct{ Data []byte }

// Roll is a number below sides.
func (d *Dice) Roll(sides int) int {
	if len(d.Data) == 0 {
		return 0
	}
	n := int(d.Data[0]) % sides
	d.Data = d.Data[1:]
	return n
}

// Pick is one of several.
func Pick[T any](d *Dice, from ...T) T { return from[d.Roll(len(from))] }

// Words are texts for any field: sound ones, and such as authors get wrong.
var Words = []string{
	"", "a", "echo", "other", "v1", "v2", "*", "mesh", "POST", "/a.B/C", "/a.B/", "X-User", "x-bin", "grpc-timeout", ":method", "(", "[a-z]+", "a)(b",
	"@request.auth.claims.sub", "unavailable,5xx", "cancelled", "UNAVAILABLE", "a|b", "ü", "demo", "echo.demo.svc.cluster.local", ".*", "\x00",
}

// numbers are for any field of a number.
var numbers = []int64{0, 1, 80, 81, 100, 503, -1, 65536, 1 << 30, 1<<31 - 1}

// maxDepth bounds the messages in messages.
const maxDepth = 8

// fill sets fields of a message at random.
func (d *Dice) fill(m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		if depth == maxDepth || d.Roll(3) != 1 {
			continue
		}
		switch {
		case field.IsMap():
			for range 1 + d.Roll(4) {
				m.Mutable(field).Map().Set(protoreflect.ValueOfString(Pick(d, Words...)).MapKey(), d.value(field.MapValue(), m.Mutable(field).Map().NewValue, depth))
			}
		case field.IsList():
			for range 1 + d.Roll(3) {
				m.Mutable(field).List().Append(d.value(field, m.Mutable(field).List().NewElement, depth))
			}
		default:
			m.Set(field, d.value(field, func() protoreflect.Value { return m.NewField(field) }, depth))
		}
	}
}

// value makes a value of a field's kind; empty makes an empty message for those that hold one.
func (d *Dice) value(field protoreflect.FieldDescriptor, empty func() protoreflect.Value, depth int) protoreflect.Value {
	number := func() int64 { return Pick(d, numbers...) }
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(d.Roll(2) == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(d.Roll(7)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(number()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(number())
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number()))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(number()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(number()) / 3)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(Pick(d, Words...)))
	case protoreflect.MessageKind:
		m := empty()
		d.fill(m.Message(), depth+1)
		return m
	default: // a text; no message of Istio's has a field of another kind
		return protoreflect.ValueOfString(Pick(d, Words...))
	}
}

// Objects are what a random World says about one host, and who asks for it.
type Objects struct {
	Service        *mesh.Service
	Rule           *mesh.MergedDestinationRule
	VirtualService *mesh.VirtualService
	Endpoints      *mesh.EndpointSet
	Namespace      string
	Labels         mesh.Labels
	// Accounts is nil where clients have no certificates.
	Accounts *mesh.ServiceAccounts
	// Client is where endpoints are asked for.
	Client mesh.Client
}

// RandomObjects makes those of a host called name; hosts of one World must not share it.
func RandomObjects(data []byte, name string) Objects {
	d := &Dice{data}
	s := Service(name, 80)
	if d.Roll(2) == 1 {
		s.Ports = append(s.Ports, mesh.Port{Name: "p81", Number: 81})
	}
	o := Objects{Service: s, Rule: d.policy(s)}
	o.Namespace, o.Labels = Pick(d, "", "demo", "other"), mesh.MakeLabels(map[string]string{Pick(d, Words...): "a"})
	if d.Roll(4) > 0 {
		o.VirtualService = d.routes(s, o.Rule)
	}
	if d.Roll(2) == 1 {
		o.Accounts = &mesh.ServiceAccounts{Names: Pick(d, "", "a", "a,b"), Unknown: d.Roll(4) == 1}
	}
	s.TrafficDistribution, s.InternalTrafficPolicyLocal = mesh.TrafficDistribution(d.Roll(4)), d.Roll(8) == 1
	o.Endpoints = d.endpoints(s.Host)
	o.Client = mesh.Client{
		Locality: mesh.Locality{Region: Pick(d, "", "eu", "us"), Zone: Pick(d, "", "a", "b", "c")}, Node: Pick(d, "", "n1", "n2"),
		Labels: mesh.MakeLabels(map[string]string{Pick(d, Words...): Pick(d, Words...)}),
	}
	return o
}

func (d *Dice) routes(s *mesh.Service, policy *mesh.MergedDestinationRule) *mesh.VirtualService {
	spec := &networking.VirtualService{}
	d.fill(spec.ProtoReflect(), 0)
	for range d.Roll(5) {
		spec.Http = append(spec.Http, d.plainRule())
	}
	table := &mesh.DestinationRuleSet{ServiceNamespace: "demo"}
	if policy != nil {
		table.Candidates = []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: policy}}
	}
	r := &mesh.VirtualService{
		Ref: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: s.Ref.Name}, Spec: spec,
		Destinations: map[string]mesh.Destination{
			"echo":  {Host: s.Host, Service: s, DestinationRules: table},
			"other": {Host: "other.demo.svc.cluster.local"},
			"a":     {Host: "a.demo.svc.cluster.local", Service: Service("a", 80, 81, 82)},
		},
	}
	if d.Roll(3) == 1 {
		d.delegate(r)
	}
	return r
}

// delegate adds a delegate to a VirtualService, and a rule that delegates to it.
func (d *Dice) delegate(r *mesh.VirtualService) {
	r.Spec.Hosts = []string{"echo"}
	rule := d.plainRule()
	rule.Route, rule.Delegate = nil, &networking.Delegate{Name: "d"}
	r.Spec.Http = append([]*networking.HTTPRoute{rule}, r.Spec.GetHttp()...)
	spec := &networking.VirtualService{}
	for range d.Roll(4) {
		spec.Http = append(spec.Http, d.plainRule())
	}
	ref := mesh.DelegateRef(rule.GetDelegate(), r.Ref.Namespace)
	r.Delegates = map[string]mesh.Delegate{
		ref.Key(): {VirtualService: &mesh.VirtualService{Ref: ref, Spec: spec, Destinations: r.Destinations}, Visible: d.Roll(4) > 0},
	}
}

// plainRule has no field that refuses all calls, so that not every host is one that refuses them.
func (d *Dice) plainRule() *networking.HTTPRoute {
	rule := &networking.HTTPRoute{}
	d.fill(rule.ProtoReflect(), 1)
	rule.Redirect, rule.Delegate, rule.Rewrite, rule.DirectResponse = nil, nil, nil, nil
	for range 1 + d.Roll(3) {
		rule.Route = append(rule.Route, &networking.HTTPRouteDestination{
			Destination: &networking.Destination{Host: Pick(d, "echo", "other", "a"), Subset: Pick(d, "", "v1")}, Weight: int32(Pick(d, numbers...)),
		})
	}
	if len(rule.GetMatch()) == 0 && d.Roll(4) > 0 {
		m := &networking.HTTPMatchRequest{}
		d.fill(m.ProtoReflect(), 2)
		rule.Match = append(rule.Match, m)
	}
	for _, m := range rule.GetMatch() {
		m.Scheme, m.QueryParams, m.Method, m.Authority = nil, nil, nil, nil
		if d.Roll(4) > 0 {
			m.SourceLabels, m.SourceNamespace = nil, ""
		}
		m.Uri = &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: Pick(d, "/a.B/", "/", "")}}
		if d.Roll(2) == 1 {
			m.Headers = nil
		}
	}
	return rule
}

func (d *Dice) policy(s *mesh.Service) *mesh.MergedDestinationRule {
	if d.Roll(4) == 0 {
		return nil
	}
	spec := &networking.DestinationRule{}
	d.fill(spec.ProtoReflect(), 0)
	ref := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: s.Ref.Name}
	p := &mesh.MergedDestinationRule{Host: s.Host, Refs: []mesh.Ref{ref}, Specs: []*networking.DestinationRule{spec}, TrafficPolicy: spec.GetTrafficPolicy(), TrafficPolicyRef: ref}
	seen := map[string]bool{}
	for i, subset := range spec.GetSubsets() {
		if !seen[subset.GetName()] { // Reading keeps the first of a name.
			seen[subset.GetName()] = true
			p.Subsets = append(p.Subsets, mesh.Subset{
				Name: subset.GetName(), Labels: subset.GetLabels(), TrafficPolicy: subset.GetTrafficPolicy(), Ref: ref, Field: fmt.Sprintf("spec.subsets[%d]", i),
			})
		}
	}
	return p
}

func (d *Dice) endpoints(host string) *mesh.EndpointSet {
	if d.Roll(5) == 0 {
		return nil
	}
	addresses := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2", "", "example.com", "::ffff:10.0.0.1", "fe80::1%eth0"}
	set := &mesh.EndpointSet{Host: host}
	for range d.Roll(8) {
		set.Endpoints = append(set.Endpoints, mesh.Endpoint{
			Address: Pick(d, addresses...), Additional: Pick(d, addresses...),
			Ports:  []mesh.Port{{Name: Pick(d, "p80", "p81"), Number: uint32(Pick(d, int64(8080), 1, 0, 65536))}},
			Health: mesh.Health(d.Roll(3)),
			Labels: mesh.MakeLabels(map[string]string{Pick(d, Words...): Pick(d, Words...)}),
			Topology: mesh.MakeTopology(Pick(d, "", "n1"), mesh.Locality{Region: Pick(d, "", "eu"), Zone: Pick(d, "", "a", "b")},
				Pick(d, nil, []string{"a"}, []string{"a", "b"})...),
		})
	}
	return set
}

// RandomBytes are the choices of one random host.
func RandomBytes(seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, 4000)
	_, _ = source.Read(data) // It never fails.
	return data
}
