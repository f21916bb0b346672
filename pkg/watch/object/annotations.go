package object

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Defaults of success rate ejection, as in gRPC and Envoy.
const (
	defaultStdevFactor   = 1900
	defaultMinimumHosts  = 5
	defaultRequestVolume = 100
)

// CheckKeys returns Problems of annotations and labels that are, or nearly are, Mizzen's and are not read on an object.
func CheckKeys(key Key, meta *metav1.ObjectMeta) []mesh.Problem {
	o := Object{Key: key}
	for _, name := range slices.Sorted(maps.Keys(meta.Annotations)) {
		text := ignoredKey("annotation", name, string(key.Kind), mesh.AnnotatedKinds(name))
		if text != "" && slices.Contains(mesh.LabeledKinds(name), string(key.Kind)) {
			text = "The annotation has no effect. Write it under metadata.labels."
		}
		if text != "" {
			o.Report(mesh.CodeUnknownField, mesh.Warning, AnnotationField(name), text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(meta.Labels)) {
		text := ignoredKey("label", name, string(key.Kind), mesh.LabeledKinds(name))
		if text != "" && slices.Contains(mesh.AnnotatedKinds(name), string(key.Kind)) {
			text = "The label has no effect. Write it under metadata.annotations."
		}
		if text != "" {
			o.Report(mesh.CodeUnknownField, mesh.Warning, "metadata.labels["+name+"]", text)
		}
	}
	return o.Problems
}

// ignoredKey returns why an annotation or label of an object is ignored, of which the kinds that read it are known; empty
// if it is read, or if it is of others.
func ignoredKey(what, name, kind string, kinds []string) string {
	meant, ours := mesh.MeantAnnotation(name)
	switch {
	case !ours || slices.Contains(kinds, kind):
		return ""
	case kind == string(KindHTTPRoute) && slices.Contains(routeAnnotations, name):
		return "It is ignored on an HTTPRoute, which has fields for it. Set timeouts and retry in the rules."
	case name == mesh.AnnotationRollout && (kind == string(KindGRPCRoute) || kind == string(KindHTTPRoute)):
		return "It has no effect on a Route, whose changes reach all clients at once. Write the rules as a VirtualService to roll out their changes."
	case name == mesh.AnnotationPin && kind == string(KindServiceEntry):
		return "It has no effect on a ServiceEntry: rules are held only for the host of a Service. Use \"controlplane rollback\" to go back to earlier rules."
	case len(kinds) > 0:
		return fmt.Sprintf("It is ignored on %s. Set it on %s.", withArticle(kind), withArticle(either(kinds)))
	case meant != "" && meant != name:
		return fmt.Sprintf("Unknown %s is ignored. Did you mean %q?", what, meant)
	}
	return fmt.Sprintf("Unknown %s is ignored. Remove it.", what)
}

// either joins names by commas and an "or".
func either(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// AnnotationField returns the field path of an annotation.
func AnnotationField(name string) string { return mesh.AnnotationField(name) }

// reportInvalid reports an annotation whose value is ignored.
func (o *Object) reportInvalid(annotation, format string, args ...any) {
	o.Report(mesh.CodeInvalidValue, mesh.Warning, AnnotationField(annotation), clipped(format, args))
}

// reportHolding reports an annotation whose value cannot be read, and because of which clients do not follow edits.
func (o *Object) reportHolding(annotation, format string, args ...any) {
	o.Report(mesh.CodeInvalidValue, mesh.Error, AnnotationField(annotation), clipped(format, args))
}

// maxQuoted bounds each text of an author that a Problem repeats, in bytes.
const maxQuoted = 200

// clipped is fmt.Sprintf with long texts cut off.
func clipped(format string, args []any) string {
	for i, arg := range args {
		if text, ok := arg.(string); ok && len(text) > maxQuoted {
			args[i] = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
		}
	}
	return fmt.Sprintf(format, args...)
}

// withArticle returns the name of a kind with its article, as it is spoken.
func withArticle(kind string) string {
	if strings.ContainsAny(kind[:min(1, len(kind))], "AEIOU") || strings.HasPrefix(kind, "HTTP") {
		return "an " + kind
	}
	return "a " + kind
}

// annotationSettings reads the settings by annotation, which the Istio API does not have.
func annotationSettings(meta *metav1.ObjectMeta, out *Object) mesh.AnnotationSettings {
	var e mesh.AnnotationSettings
	if text, ok := meta.Annotations[mesh.AnnotationBalancer]; ok {
		if b := balancer(text, out); b != "" {
			e.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: b, Ref: out.Key.Ref()}
		}
	}
	if text, ok := meta.Annotations[mesh.AnnotationSubsetSize]; ok {
		if n, err := strconv.ParseUint(text, 10, 32); err != nil || n == 0 {
			out.reportInvalid(mesh.AnnotationSubsetSize, "%q is not a number of endpoints. Clients call all endpoints. Use a whole number of at least 1.", text)
		} else {
			e.SubsetSize = mesh.AnnotationValue[uint32]{Value: uint32(n), Ref: out.Key.Ref()}
		}
	}
	if text, ok := meta.Annotations[mesh.AnnotationSuccessRate]; ok {
		if rate := successRate(text, out); rate != (mesh.SuccessRate{}) {
			e.SuccessRate = mesh.AnnotationValue[mesh.SuccessRate]{Value: rate, Ref: out.Key.Ref()}
		}
	}
	e.LoadReports = loadReports(meta, out)
	if names := reportedMetrics(meta, out); names != "" {
		e.ReportedMetrics = mesh.AnnotationValue[string]{Value: names, Ref: out.Key.Ref()}
	}
	return e
}

// maxReportedMetrics bounds the metrics of one host: each is a time series of every edge to it.
const maxReportedMetrics = 10

// metricName are the names of metrics of servers that clients report (gRFC A85). There is no wildcard: a server could fill
// the memory with names.
var metricName = regexp.MustCompile(`^(cpu_utilization|mem_utilization|application_utilization|named_metrics\.[A-Za-z0-9_.:/-]{1,100})$`)

// reportedMetrics reads the names of metrics, which it returns sorted and joined by commas.
func reportedMetrics(meta *metav1.ObjectMeta, out *Object) string {
	text, ok := meta.Annotations[mesh.AnnotationReportedMetrics]
	if !ok {
		return ""
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); !metricName.MatchString(name) {
			out.reportInvalid(mesh.AnnotationReportedMetrics,
				"%q is not the name of a metric. It is not reported. Use cpu_utilization, mem_utilization, application_utilization or named_metrics.NAME.", name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxReportedMetrics {
		out.reportInvalid(mesh.AnnotationReportedMetrics, "There are more than %d names. %s is not reported. Remove some names.", maxReportedMetrics, strings.Join(names[maxReportedMetrics:], ", "))
		names = names[:maxReportedMetrics]
	}
	return strings.Join(names, ",")
}

// loadReports reads whether clients report their load.
func loadReports(meta *metav1.ObjectMeta, out *Object) mesh.AnnotationValue[mesh.Switch] {
	text, ok := meta.Annotations[mesh.AnnotationLoadReports]
	if !ok {
		return mesh.AnnotationValue[mesh.Switch]{}
	}
	if s := mesh.Switch(text); s == mesh.On || s == mesh.Off {
		return mesh.AnnotationValue[mesh.Switch]{Value: s, Ref: out.Key.Ref()}
	}
	out.reportInvalid(mesh.AnnotationLoadReports, "%q is neither true nor false. The annotation is ignored. Use \"true\" to have clients report their load, or \"false\".", text)
	return mesh.AnnotationValue[mesh.Switch]{}
}

func balancer(text string, out *Object) mesh.Balancer {
	names := make([]string, 0, len(mesh.Balancers()))
	for _, b := range mesh.Balancers() {
		if string(b) == text {
			return b
		}
		names = append(names, string(b))
	}
	out.reportInvalid(mesh.AnnotationBalancer, "%q is not a known balancer. The annotation is ignored. Use one of %s.", text, strings.Join(names, ", "))
	return ""
}

// successRate reads "on", or a list such as stdev-factor=1900,minimum-hosts=5,request-volume=100 without the entries
// that have their default. If a part is not valid, the whole is ignored: ejecting endpoints by a rule that was not
// written does harm.
func successRate(text string, out *Object) mesh.SuccessRate {
	rate := mesh.SuccessRate{StdevFactor: defaultStdevFactor, MinimumHosts: defaultMinimumHosts, RequestVolume: defaultRequestVolume}
	if text == "on" {
		return rate
	}
	fields := map[string]*uint32{"stdev-factor": &rate.StdevFactor, "minimum-hosts": &rate.MinimumHosts, "request-volume": &rate.RequestVolume}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.ParseUint(value, 10, 31) // gRPC Java accepts no more
		field := fields[key]
		if field == nil || err != nil || n == 0 {
			out.reportInvalid(mesh.AnnotationSuccessRate,
				"%q is not valid. No endpoint is ejected by success rate. Use on, or a list such as stdev-factor=%d,minimum-hosts=%d,request-volume=%d with whole numbers of at least 1.",
				part, defaultStdevFactor, defaultMinimumHosts, defaultRequestVolume)
			return mesh.SuccessRate{}
		}
		*field = uint32(n)
	}
	return rate
}

// weight reads the weight of endpoints relative to others; 0 if it is unset.
func weight(meta *metav1.ObjectMeta, out *Object) uint32 {
	text, ok := meta.Annotations[mesh.AnnotationWeight]
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 || n > mesh.MaxEndpointWeight {
		out.reportInvalid(mesh.AnnotationWeight, "%q is not a weight. The weight is 1. Use a whole number from 1 to %d.", text, mesh.MaxEndpointWeight)
		return 0
	}
	return uint32(n)
}
