package translatetest

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Dice makes choices from bytes, so that a fuzzer that changes a byte changes a choice. After the last byte, every
// choice is the first.
type Dice struct{ Data []byte }

// Roll returns a number from 0 to sides-1.
func (d *Dice) Roll(sides int) int {
	if len(d.Data) == 0 {
		return 0
	}
	n := int(d.Data[0]) % sides
	d.Data = d.Data[1:]
	return n
}

// Pick returns one of several values.
func Pick[T any](d *Dice, from ...T) T { return from[d.Roll(len(from))] }

// Words are values for text fields. Some are valid, and some are mistakes that authors make.
var Words = []string{
	"", "a", "echo", "other", "v1", "v2", "*", "mesh", "POST", "/a.B/C", "/a.B/", "X-User", "x-bin", "grpc-timeout", ":method", "(", "[a-z]+", "a)(b",
	"@request.auth.claims.sub", "unavailable,5xx", "cancelled", "UNAVAILABLE", "a|b", "ü", "demo", "echo.demo.svc.cluster.local", ".*", "\x00",
}

// numbers are values for number fields.
var numbers = []int64{0, 1, 80, 81, 100, 503, -1, 65536, 1 << 30, 1<<31 - 1}

// maxDepth limits the depth of nested messages.
const maxDepth = 8

// fill sets random fields of a message.
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

// value makes a value for a field. empty makes an empty message for a message field.
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
	default: // A string: Istio's messages have no fields of other kinds.
		return protoreflect.ValueOfString(Pick(d, Words...))
	}
}

// Objects are the random objects of one host, and a client of it.
type Objects struct {
	Service        *mesh.Service
	Rule           *mesh.MergedDestinationRule
	VirtualService *mesh.VirtualService
	Endpoints      *mesh.EndpointSet
	Namespace      string
	Labels         mesh.Labels
	// Accounts is nil if clients have no certificates.
	Accounts *mesh.ServiceAccounts
	// Client subscribes to the endpoints.
	Client mesh.Client
}

// RandomObjects makes the objects of a host. data are the random choices. Hosts of one World must have different
// names.
func RandomObjects(data []byte, name string) Objects {
	d := &Dice{data}
	s := Service(name, 80)
	if d.Roll(2) == 1 {
		s.Ports = append(s.Ports, mesh.Port{Name: "p81", Number: 81})
	}
	o := Objects{Service: s, Rule: d.destinationRule(s)}
	o.Namespace, o.Labels = Pick(d, "", "demo", "other"), mesh.MakeLabels(map[string]string{Pick(d, Words...): "a"})
	if d.Roll(4) > 0 {
		o.VirtualService = d.virtualService(s, o.Rule)
	}
	if d.Roll(2) == 1 {
		o.Accounts = &mesh.ServiceAccounts{Names: Pick(d, "", "a", "a,b"), Unknown: d.Roll(4) == 1}
	}
	s.TrafficDistribution, s.InternalTrafficPolicyLocal = mesh.TrafficDistribution(d.Roll(4)), d.Roll(8) == 1
	if d.Roll(3) == 0 {
		d.external(s)
	}
	o.Endpoints = d.endpoints(s.Host)
	o.Client = mesh.Client{
		Locality: mesh.Locality{Region: Pick(d, "", "eu", "us"), Zone: Pick(d, "", "a", "b", "c")}, Node: Pick(d, "", "n1", "n2"),
		Labels: mesh.MakeLabels(map[string]string{Pick(d, Words...): Pick(d, Words...)}),
	}
	return o
}

// external makes the Service one of a ServiceEntry.
func (d *Dice) external(s *mesh.Service) {
	s.Ref.Kind, s.Resolve, s.External = "ServiceEntry", mesh.Resolution(d.Roll(3)), d.Roll(2) == 1
	s.SubjectAltNames = Pick(d, nil, []string{"example.com"}, []string{"spiffe://cluster.local/ns/demo/sa/a", "*.example.com"})
	s.ServerName = Pick(d, "", "Example.com")
	if s.ResolvedByClients() {
		s.DNSName = "example.com"
	}
}

func (d *Dice) virtualService(s *mesh.Service, rule *mesh.MergedDestinationRule) *mesh.VirtualService {
	spec := &networking.VirtualService{}
	d.fill(spec.ProtoReflect(), 0)
	for range d.Roll(5) {
		spec.Http = append(spec.Http, d.plainRule())
	}
	rules := &mesh.DestinationRuleSet{ServiceNamespace: "demo"}
	if rule != nil {
		rules.Candidates = []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: rule}}
	}
	vs := &mesh.VirtualService{
		Ref: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: s.Ref.Name}, Spec: spec,
		Destinations: map[string]mesh.Destination{
			"echo":  {Host: s.Host, Service: s, DestinationRules: rules},
			"other": {Host: "other.demo.svc.cluster.local"},
			"a":     {Host: "a.demo.svc.cluster.local", Service: Service("a", 80, 81, 82)},
		},
	}
	switch d.Roll(6) {
	case 1, 4:
		d.delegate(vs)
	case 2:
		d.compile(vs)
	}
	return vs
}

// delegate adds a delegate to a VirtualService, and a rule that delegates to it.
func (d *Dice) delegate(vs *mesh.VirtualService) {
	vs.Spec.Hosts = []string{"echo"}
	rule := d.plainRule()
	rule.Route, rule.Delegate = nil, &networking.Delegate{Name: "d"}
	vs.Spec.Http = append([]*networking.HTTPRoute{rule}, vs.Spec.GetHttp()...)
	spec := &networking.VirtualService{}
	for range d.Roll(4) {
		spec.Http = append(spec.Http, d.plainRule())
	}
	ref := mesh.DelegateRef(rule.GetDelegate(), vs.Ref.Namespace)
	vs.Delegates = map[string]mesh.Delegate{
		ref.Key(): {VirtualService: &mesh.VirtualService{Ref: ref, Spec: spec, Destinations: vs.Destinations}, Visible: d.Roll(4) > 0},
	}
}

// plainRule makes a rule without the fields that make all calls fail, so that calls to some hosts succeed.
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

func (d *Dice) destinationRule(s *mesh.Service) *mesh.MergedDestinationRule {
	if d.Roll(4) == 0 {
		return nil
	}
	spec := &networking.DestinationRule{}
	d.fill(spec.ProtoReflect(), 0)
	ref := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: s.Ref.Name}
	rule := &mesh.MergedDestinationRule{
		Host: s.Host, Refs: []mesh.Ref{ref}, Specs: []*networking.DestinationRule{spec},
		TrafficPolicy: spec.GetTrafficPolicy(), TrafficPolicyRef: ref,
	}
	seen := map[string]bool{}
	for i, subset := range spec.GetSubsets() {
		if !seen[subset.GetName()] { // Package watch keeps the first subset of a name.
			seen[subset.GetName()] = true
			rule.Subsets = append(rule.Subsets, mesh.Subset{
				Name: subset.GetName(), Labels: subset.GetLabels(), TrafficPolicy: subset.GetTrafficPolicy(), Ref: ref, Field: fmt.Sprintf("spec.subsets[%d]", i),
			})
		}
	}
	return rule
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
				Pick(d, nil, []string{"a"}, []string{"a", "b"})...).In(Pick(d, "", "b"), Pick(d, "", "far")),
			Weight: Pick[uint32](d, 0, 1, mesh.MaxEndpointWeight), ServiceAccount: Pick(d, "", "a"),
		})
	}
	return set
}

// RandomBytes returns the random choices for one host.
func RandomBytes(seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, 4000)
	_, _ = source.Read(data) // It never fails.
	return data
}
