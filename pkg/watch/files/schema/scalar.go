package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalarSchema is the schema of a single value. The library that decodes objects would reject other values, too, but
// reports Go types and no position.
type scalarSchema struct {
	// what names the values, such as "a duration".
	what string
	// accepts reports whether a scalar that is not null is such a value.
	accepts func(v found) bool
	// meant returns the value that the author of another scalar probably meant; empty if that is not known.
	meant func(v found) string
	// sample is a value.
	sample string
}

func (scalarSchema) field(string) (Schema, bool) { return nil, true }
func (scalarSchema) Fields() []string            { return nil }
func (scalarSchema) element() Schema             { return nil }
func (s scalarSchema) example(int) string        { return s.sample }

func (s scalarSchema) violation(v found) string {
	if v.node.Kind == yaml.ScalarNode && s.accepts(v) {
		return ""
	}
	return s.what
}

func (s scalarSchema) proposal(v found) string {
	if v.node.Kind == yaml.ScalarNode {
		if s.accepts(v) {
			return flow(v.node)
		}
		return s.meant(v)
	}
	if inner, ok := v.only(); ok {
		return s.proposal(inner)
	}
	return ""
}

var stringSchema = scalarSchema{
	what: "a string", sample: `"text"`, accepts: found.isString,
	meant: func(v found) string { return strconv.Quote(v.node.Value) },
}

var boolSchema = scalarSchema{
	what: "true or false", sample: "true",
	accepts: func(v found) bool { _, ok := v.value.(bool); return ok },
	meant: func(v found) string {
		switch strings.ToLower(v.digits()) {
		case "true", "yes", "y", "on", "1", "enabled":
			return "true"
		case "false", "no", "n", "off", "0", "disabled":
			return "false"
		}
		return ""
	},
}

var numberSchema = scalarSchema{
	what: "a number", sample: "1.5",
	accepts: func(v found) bool { return v.number() != "" },
	meant: func(v found) string {
		if f, ok := leadingNumber(v); ok {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
		return ""
	},
}

// integer is the schema of integers of a number of bits.
func integer(bits int, signed bool) scalarSchema {
	low, high := 0.0, math.Ldexp(1, bits)-1
	s := scalarSchema{what: fmt.Sprintf("an integer from 0 to %.0f", high), sample: "1"}
	if signed {
		low, high = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)-1
		s.what = fmt.Sprintf("a %d-bit integer", bits)
	}
	s.accepts = func(v found) bool {
		var err error
		if signed {
			_, err = strconv.ParseInt(v.number(), 10, bits)
		} else {
			_, err = strconv.ParseUint(v.number(), 10, bits)
		}
		return err == nil
	}
	s.meant = func(v found) string {
		if f, ok := leadingNumber(v); ok {
			if f = math.Round(f); f < low || f >= high {
				return "" // It is not known which one was meant.
			}
			return strconv.FormatFloat(f, 'f', 0, 64)
		}
		return ""
	}
	return s
}

var durationSchema = scalarSchema{
	what: "a duration such as 1.5s", sample: "1.5s",
	accepts: func(v found) bool {
		_, err := time.ParseDuration(v.node.Value)
		return err == nil && v.isString()
	},
	meant: meantDuration,
}

// gatewayDuration is a string. Conversion reports one that is not a duration. It has whole numbers, unlike others.
var gatewayDuration = scalarSchema{
	what: "a duration such as 1500ms", sample: "1500ms", accepts: found.isString,
	meant: func(v found) string {
		d, err := time.ParseDuration(meantDuration(v))
		if err != nil || d < time.Millisecond || d%time.Millisecond != 0 {
			return ""
		}
		if d%time.Second == 0 && d < 100_000*time.Second {
			return strconv.FormatInt(int64(d/time.Second), 10) + "s"
		}
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	},
}

// durationWords matches a number and a unit that durations do not have in this form.
var durationWords = regexp.MustCompile(`(?i)^\s*([0-9]*\.?[0-9]+)\s*([a-zµ]*)\s*$`)

// durationUnits maps what authors write to a unit and a factor.
var durationUnits = map[string]struct {
	unit   string
	factor float64
}{
	"": {"s", 1}, "s": {"s", 1}, "sec": {"s", 1}, "secs": {"s", 1}, "second": {"s", 1}, "seconds": {"s", 1},
	"ms": {"ms", 1}, "msec": {"ms", 1}, "msecs": {"ms", 1}, "millis": {"ms", 1}, "millisecond": {"ms", 1}, "milliseconds": {"ms", 1},
	"m": {"m", 1}, "min": {"m", 1}, "mins": {"m", 1}, "minute": {"m", 1}, "minutes": {"m", 1},
	"h": {"h", 1}, "hr": {"h", 1}, "hour": {"h", 1}, "hours": {"h", 1},
	"d": {"h", 24}, "day": {"h", 24}, "days": {"h", 24}, "w": {"h", 168}, "week": {"h", 168}, "weeks": {"h", 168},
	"us": {"us", 1}, "µs": {"us", 1}, "ns": {"ns", 1},
}

func meantDuration(v found) string {
	parts := durationWords.FindStringSubmatch(v.digits())
	if parts == nil {
		return ""
	}
	unit, ok := durationUnits[strings.ToLower(parts[2])]
	number, err := strconv.ParseFloat(parts[1], 64)
	if !ok || err != nil {
		return ""
	}
	return strconv.FormatFloat(number*unit.factor, 'f', -1, 64) + unit.unit
}

// leadingNumber returns the number with which a value begins, such as 50 for "50%".
func leadingNumber(v found) (float64, bool) {
	text := numberAtStart.FindString(strings.TrimSpace(v.digits()))
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

var numberAtStart = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?`)

// enumSchema is the schema of the names of an enum.
func enumSchema(e protoreflect.EnumDescriptor) scalarSchema {
	names := make([]string, e.Values().Len())
	for i := range names {
		names[i] = string(e.Values().Get(i).Name())
	}
	return oneOf(names...)
}

// oneOf is the schema of a string that is one of some names.
func oneOf(names ...string) scalarSchema {
	return scalarSchema{
		what: "one of " + strings.Join(names, ", "), sample: names[len(names)-1],
		accepts: func(v found) bool { return v.isString() && slices.Contains(names, v.node.Value) },
		meant: func(v found) string {
			if v.nearest == nil {
				return ""
			}
			return v.nearest(v.node.Value, names)
		},
	}
}

// orEmpty is the schema that also accepts the empty string, which means the default.
func (s scalarSchema) orEmpty() scalarSchema {
	accepts := s.accepts
	s.accepts = func(v found) bool { return accepts(v) || v.isString() && v.node.Value == "" }
	return s
}

// orQuoted is the schema that also accepts numbers in quotes. The only such fields are observedGeneration in the status
// of Istio's objects, which istiod writes in quotes.
func (s scalarSchema) orQuoted() scalarSchema {
	accepts := s.accepts
	s.accepts = func(v found) bool {
		v.value = json.Number(v.digits())
		return accepts(v)
	}
	return s
}

// goScalars are the scalar types of Go that watched objects use.
var goScalars = map[reflect.Kind]scalarSchema{
	reflect.String: stringSchema, reflect.Bool: boolSchema,
	reflect.Int: integer(64, true), reflect.Int32: integer(32, true), reflect.Int64: integer(64, true), reflect.Uint16: integer(16, false),
}

// ownForms are types of Kubernetes whose values have a form of their own, by their names: types with a JSON form, and
// strings of which API servers accept only some.
var ownForms = map[string]scalarSchema{
	"k8s.io/api/core/v1.IPFamily":                     oneOf("IPv4", "IPv6"),
	"k8s.io/api/core/v1.IPFamilyPolicy":               oneOf("SingleStack", "PreferDualStack", "RequireDualStack"),
	"k8s.io/api/core/v1.Protocol":                     oneOf("UDP", "SCTP", "TCP").orEmpty(),
	"k8s.io/api/core/v1.ServiceAffinity":              oneOf("ClientIP", "None").orEmpty(),
	"k8s.io/api/core/v1.ServiceExternalTrafficPolicy": oneOf("Cluster", "Local").orEmpty(),
	"k8s.io/api/core/v1.ServiceInternalTrafficPolicy": oneOf("Cluster", "Local"),
	"k8s.io/api/core/v1.ServiceType":                  oneOf("NodePort", "LoadBalancer", "ExternalName", "ClusterIP").orEmpty(),
	"k8s.io/api/discovery/v1.AddressType":             oneOf("IPv6", "FQDN", "IPv4"),
	"sigs.k8s.io/gateway-api/apis/v1.Duration":        gatewayDuration,
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":       timeSchema, "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": timeSchema,
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString": {
		what: "a port's number or name", sample: "8080", meant: integer(32, true).meant,
		accepts: func(v found) bool { return v.isString() || integer(32, true).accepts(v) },
	},
	"k8s.io/apimachinery/pkg/api/resource.Quantity": {
		what: "a quantity", sample: "100Mi", meant: numberSchema.meant,
		accepts: func(v found) bool { return quantity.MatchString(v.digits()) },
	},
}

var quantity = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+|[KMGTPE]i|[numkMGTPE])?$`)

var timeSchema = scalarSchema{
	what: "a time", sample: `"2006-01-02T15:04:05Z"`,
	accepts: func(v found) bool { _, err := time.Parse(time.RFC3339, v.digits()); return err == nil && v.isString() },
	meant: func(v found) string {
		for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05"} {
			if t, err := time.Parse(layout, v.digits()); err == nil {
				return strconv.Quote(t.Format(time.RFC3339))
			}
		}
		return ""
	},
}

// usable is the schema of an integer of which only those from 1 to high are of use. API servers accept every one, and conversion reports those
// that are of no use, so that no proposal is one.
func usable(what string, high float64, sample string) scalarSchema {
	s := integer(32, false)
	s.what, s.sample = fmt.Sprintf("%s from 1 to %.0f", what, high), sample
	s.meant = func(v found) string {
		if f, ok := leadingNumber(v); ok && f >= 1 && f <= high {
			return strconv.FormatFloat(math.Round(f), 'f', 0, 64)
		}
		return ""
	}
	return s
}

// portFields are the fields of Kubernetes' types that are ports. API servers reject other numbers, and conversion reports them.
var portFields = []string{"port", "nodePort", "containerPort", "hostPort"}

var portSchema = func() scalarSchema {
	s := usable("a port", math.MaxUint16, "8080")
	s.accepts = integer(32, true).accepts
	return s
}()

// maxWeight is the largest weight of an endpoint that is not reduced, mesh.MaxEndpointWeight.
const maxWeight = 1000

// numberFields are fields of messages that are ports and weights of endpoints, by their full names.
var numberFields = map[protoreflect.FullName]scalarSchema{
	"istio.networking.v1alpha3.ServicePort.number":             usable("a port", math.MaxUint16, "8080"),
	"istio.networking.v1alpha3.ServicePort.target_port":        usable("a port", math.MaxUint16, "8080"),
	"istio.networking.v1alpha3.WorkloadEntry.PortsEntry.value": usable("a port", math.MaxUint16, "8080"),
	"istio.networking.v1alpha3.WorkloadEntry.weight":           usable("a weight", maxWeight, "1"),
	"istio.networking.v1alpha3.PortSelector.number":            usable("a port", math.MaxUint16, "8080"),
	"istio.networking.v1alpha3.HTTPMatchRequest.port":          usable("a port", math.MaxUint16, "8080"),
	"istio.networking.v1alpha3.L4MatchAttributes.port":         usable("a port", math.MaxUint16, "8080"),
}

// messageScalars are the scalar types of messages' fields.
var messageScalars = map[protoreflect.Kind]scalarSchema{
	protoreflect.StringKind: stringSchema, protoreflect.BoolKind: boolSchema, protoreflect.DoubleKind: numberSchema,
	protoreflect.Int32Kind: integer(32, true), protoreflect.Uint32Kind: integer(32, false),
	protoreflect.Int64Kind: integer(64, true).orQuoted(), protoreflect.Uint64Kind: integer(64, false),
	protoreflect.BytesKind: stringSchema, // in base64
}
