package object

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// validator reports what the API's schema and Istio's validation refuse, as far as nothing else reports it. An object
// that was stored without them is used as far as it can be.
type validator struct{ out *Object }

func (v validator) refuse(field, format string, args ...any) {
	v.out.Report(mesh.CodeInvalidValue, mesh.Error, field, fmt.Sprintf(format, args...))
}

// remark reports what is refused, too, but does what its author wants.
func (v validator) remark(field, format string, args ...any) {
	v.out.Report(mesh.CodeInvalidValue, mesh.Info, field, fmt.Sprintf(format, args...))
}

// translatedDurations are the durations that the translation reports if they are below 1ms, with what happens then.
var translatedDurations = []protoreflect.FullName{
	"istio.networking.v1alpha3.HTTPRoute.timeout",
	"istio.networking.v1alpha3.HTTPRetry.backoff",
	"istio.networking.v1alpha3.HTTPFaultInjection.Delay.fixed_delay",
	"istio.networking.v1alpha3.OutlierDetection.interval",
	"istio.networking.v1alpha3.OutlierDetection.base_ejection_time",
}

// anyDurations are the durations that may be of any length. 0 turns off the idle timeout, and makes a cookie last for a session.
var anyDurations = []protoreflect.FullName{
	"istio.networking.v1alpha3.ConnectionPoolSettings.TCPSettings.idle_timeout",
	"istio.networking.v1alpha3.LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl",
	"istio.networking.v1alpha3.TrafficPolicy.RetryBudget.budget_interval",
}

// durations reports durations below 1ms, wherever they are in a message.
func (v validator) durations(path string, m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		where := path + "." + field.JSONName()
		switch {
		case field.Message() == nil || field.IsMap() && field.MapValue().Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				v.durations(where+"["+strconv.Itoa(i)+"]", value.List().Get(i).Message())
			}
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				v.durations(where+"["+key.String()+"]", value.Message())
				return true
			})
		default:
			d, ok := value.Message().Interface().(*durationpb.Duration)
			if !ok {
				v.durations(where, value.Message())
			} else if d.AsDuration() < time.Millisecond && !slices.Contains(translatedDurations, field.FullName()) && !slices.Contains(anyDurations, field.FullName()) {
				v.refuse(where, "The value is a duration below 1ms, which API servers refuse. It has no effect. Set a longer duration, or remove the field.")
			}
		}
		return true
	})
}

// labels reports labels that no pod can have. effect is what happens.
func (v validator) labels(field string, labels map[string]string, effect string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		at := field + "[" + key + "]"
		switch {
		case len(validation.IsQualifiedName(key)) > 0:
			v.refuse(at, "%q cannot be the name of a label. %s. Write the exact name of a label.", key, effect)
		case len(validation.IsValidLabelValue(labels[key])) > 0:
			v.refuse(at, "%q cannot be the value of a label. %s. Write an exact value: patterns are not supported.", labels[key], effect)
		}
	}
}

func (v validator) virtualService(spec *networking.VirtualService) {
	v.durations("spec", spec.ProtoReflect())
	v.gateways("spec.gateways", spec.GetGateways())
	for _, m := range gatewayMatches(spec) {
		v.gateways(m.field, m.gateways)
	}
	for i, host := range spec.GetHosts() {
		if slices.Contains(spec.GetHosts()[:i], host) {
			v.remark(fmt.Sprintf("spec.hosts[%d]", i), "%q is in the list twice. The second has no effect. Remove it.", host)
		}
	}
	for i, rule := range spec.GetHttp() {
		v.httpRule(fmt.Sprintf("spec.http[%d]", i), rule)
	}
	for i, rule := range spec.GetTcp() {
		at := fmt.Sprintf("spec.tcp[%d]", i)
		for j, m := range rule.GetMatch() {
			v.source(fmt.Sprintf("%s.match[%d]", at, j), m)
		}
		validateRoutes(v, at, rule.GetRoute())
	}
}

func (v validator) httpRule(at string, rule *networking.HTTPRoute) {
	for i, m := range rule.GetMatch() {
		where := fmt.Sprintf("%s.match[%d]", at, i)
		v.source(where, m)
		v.text(where+".method", m.GetMethod())
		v.text(where+".authority", m.GetAuthority())
		for _, name := range slices.Sorted(maps.Keys(m.GetHeaders())) {
			v.text(where+".headers["+name+"]", m.GetHeaders()[name])
		}
		for _, name := range slices.Sorted(maps.Keys(m.GetWithoutHeaders())) {
			v.text(where+".withoutHeaders["+name+"]", m.GetWithoutHeaders()[name])
		}
	}
	if fault := rule.GetFault(); fault != nil && fault.GetAbort() == nil && fault.GetDelay() == nil {
		v.refuse(at+".fault", "The fault has neither abort nor delay. It has no effect. Set one of them, or remove fault.")
	}
	if rewrite := rule.GetRewrite(); rewrite != nil && proto.Size(rewrite) == 0 {
		v.refuse(at+".rewrite", "The rewrite is empty. It has no effect. Remove rewrite.")
	}
	validateRoutes(v, at, rule.GetRoute())
}

// source reports conditions on clients that no client can meet.
func (v validator) source(at string, m mesh.SourceMatch) {
	if n := m.GetSourceNamespace(); n != "" && len(validation.IsDNS1123Label(n)) > 0 {
		v.refuse(at+".sourceNamespace", "%q is not a namespace. The match matches nothing. Write the exact name of a namespace: patterns are not supported.", n)
	}
	v.labels(at+".sourceLabels", m.GetSourceLabels(), "The match matches nothing")
}

// text reports an empty text to compare with.
func (v validator) text(at string, m *networking.StringMatch) {
	switch kind := m.GetMatchType().(type) {
	case *networking.StringMatch_Prefix:
		if kind.Prefix == "" {
			v.refuse(at+".prefix", "The prefix is empty, which Istio's validation refuses. Every value has it. Write a prefix, or leave out the condition.")
		}
	case *networking.StringMatch_Regex:
		if kind.Regex == "" {
			v.refuse(at+".regex", "The expression is empty, which Istio's validation refuses. Only the empty value matches it. Write an expression for the whole value.")
		}
	}
}

// routeDestination is a route of a http or tcp rule.
type routeDestination interface {
	GetDestination() *networking.Destination
}

// validateRoutes reports ports of destinations without a number.
func validateRoutes[R routeDestination](v validator, at string, routes []R) {
	for i, route := range routes {
		if port := route.GetDestination().GetPort(); port != nil && port.GetNumber() == 0 {
			v.refuse(fmt.Sprintf("%s.route[%d].destination.port.number", at, i),
				"0 is not a port. Calls go to the only port of the Service, or to the port that was called. Write one of its ports, or remove port.")
		}
	}
}

// gateways reports names that no gateway can have.
func (v validator) gateways(field string, names []string) {
	for i, name := range names {
		parts := strings.Split(strings.TrimPrefix(name, "./"), "/")
		if len(parts) > 2 || slices.ContainsFunc(parts, func(part string) bool { return len(validation.IsDNS1123Subdomain(strings.ToLower(part))) > 0 }) {
			v.refuse(fmt.Sprintf("%s[%d]", field, i), "%q cannot be the name of a gateway. It has no effect. Write mesh, or NAMESPACE/NAME.", name)
		}
	}
}

func (v validator) destinationRule(spec *networking.DestinationRule) {
	v.durations("spec", spec.ProtoReflect())
	v.labels("spec.workloadSelector.matchLabels", spec.GetWorkloadSelector().GetMatchLabels(), "The object applies to no client")
	v.policy("spec.trafficPolicy", spec.GetTrafficPolicy())
	for i, s := range spec.GetSubsets() {
		at := fmt.Sprintf("spec.subsets[%d]", i)
		if s.GetName() != "" && len(validation.IsDNS1123Label(strings.ToLower(s.GetName()))) > 0 {
			v.refuse(at+".name", "%q cannot be the name of a subset, and Istio's validation refuses it. Use letters, digits and hyphens.", s.GetName())
		}
		v.labels(at+".labels", s.GetLabels(), "The subset selects no endpoint")
		v.policy(at+".trafficPolicy", s.GetTrafficPolicy())
	}
}

// policy reports policies that set nothing.
func (v validator) policy(at string, p *networking.TrafficPolicy) {
	if p == nil {
		return
	}
	if proto.Size(p) == 0 {
		v.refuse(at, "The policy is empty. It has no effect. Set one of its fields, or remove it.")
	}
	for i, level := range p.GetPortLevelSettings() {
		if level.GetLoadBalancer() == nil && level.GetConnectionPool() == nil && level.GetOutlierDetection() == nil && level.GetTls() == nil {
			v.refuse(fmt.Sprintf("%s.portLevelSettings[%d]", at, i), "The entry sets nothing for the port, and Istio's validation refuses it. Set one of its fields, or remove the entry.")
		}
	}
}
