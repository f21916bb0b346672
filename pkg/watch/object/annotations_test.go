package object

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestAnnotationSettings(t *testing.T) {
	ref := mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}
	rate := func(factor, hosts, volume uint32) mesh.AnnotationSettings {
		return mesh.AnnotationSettings{SuccessRate: mesh.AnnotationValue[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: factor, MinimumHosts: hosts, RequestVolume: volume}, Ref: ref}}
	}
	const unreadable = "is not valid. No endpoint is ejected by success rate. Use on, or a list such as stdev-factor=1900,minimum-hosts=5,request-volume=100 with whole numbers of at least 1."
	tests := map[string]struct {
		annotation, value string
		want              mesh.AnnotationSettings
		problem           string
	}{
		"of others":                  {"example.com/lb-policy", "x", mesh.AnnotationSettings{}, ""},
		"balancer":                   {"mizzen.dev/lb-policy", "pick_first", mesh.AnnotationSettings{Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst, Ref: ref}}, ""},
		"balancer that is not known": {"mizzen.dev/lb-policy", "random", mesh.AnnotationSettings{}, `"random" is not a known balancer. The annotation is ignored. Use one of round_robin, least_request, pick_first, client_side_weighted_round_robin.`},
		"subset":                     {"mizzen.dev/subset-size", "20", mesh.AnnotationSettings{SubsetSize: mesh.AnnotationValue[uint32]{Value: 20, Ref: ref}}, ""},
		"subset of none":             {"mizzen.dev/subset-size", "0", mesh.AnnotationSettings{}, `"0" is not a number of endpoints. Clients call all endpoints. Use a whole number of at least 1.`},
		"subset of a part":           {"mizzen.dev/subset-size", "20%", mesh.AnnotationSettings{}, `"20%" is not a number of endpoints. Clients call all endpoints. Use a whole number of at least 1.`},
		"success rate by default":    {"mizzen.dev/outlier-success-rate", "on", rate(1900, 5, 100), ""},
		"success rate in part":       {"mizzen.dev/outlier-success-rate", "request-volume=10, stdev-factor=1000", rate(1000, 5, 10), ""},
		"reported metrics":           {"mizzen.dev/reported-metrics", "named_metrics.b, cpu_utilization,named_metrics.b", mesh.AnnotationSettings{ReportedMetrics: mesh.AnnotationValue[string]{Value: "cpu_utilization,named_metrics.b", Ref: ref}}, ""},
		"reported metrics, any":      {"mizzen.dev/reported-metrics", "named_metrics.*", mesh.AnnotationSettings{}, `"named_metrics.*" is not the name of a metric. It is not reported. Use cpu_utilization, mem_utilization, application_utilization or named_metrics.NAME.`},
		"reported metrics, none":     {"mizzen.dev/reported-metrics", "", mesh.AnnotationSettings{}, `"" is not the name of a metric. It is not reported. Use cpu_utilization, mem_utilization, application_utilization or named_metrics.NAME.`},
		"reported metrics, too many": {"mizzen.dev/reported-metrics", "cpu_utilization,named_metrics.0,named_metrics.1,named_metrics.2,named_metrics.3,named_metrics.4,named_metrics.5,named_metrics.6,named_metrics.7,named_metrics.8,named_metrics.9", mesh.AnnotationSettings{ReportedMetrics: mesh.AnnotationValue[string]{Value: "cpu_utilization,named_metrics.0,named_metrics.1,named_metrics.2,named_metrics.3,named_metrics.4,named_metrics.5,named_metrics.6,named_metrics.7,named_metrics.8", Ref: ref}}, "There are more than 10 names. named_metrics.9 is not reported. Remove some names."},
		"success rate of nothing":    {"mizzen.dev/outlier-success-rate", "minimum-hosts=0", mesh.AnnotationSettings{}, `"minimum-hosts=0" ` + unreadable},
		"success rate beyond Java's": {"mizzen.dev/outlier-success-rate", "minimum-hosts=2147483648", mesh.AnnotationSettings{}, `"minimum-hosts=2147483648" ` + unreadable},
		"success rate misspelled":    {"mizzen.dev/outlier-success-rate", "minimum-hosts=3,volume=5", mesh.AnnotationSettings{}, `"volume=5" ` + unreadable},
		"success rate, empty":        {"mizzen.dev/outlier-success-rate", "", mesh.AnnotationSettings{}, `"" ` + unreadable},
		"misspelled":                 {"mizzen.dev/subset-sice", "5", mesh.AnnotationSettings{}, `Unknown annotation is ignored. Did you mean "mizzen.dev/subset-size"?`},
		"made up":                    {"mizzen.dev/telemetry-sampling", "5", mesh.AnnotationSettings{}, "Unknown annotation is ignored. Remove it."},
		"of other kinds":             {"mizzen.dev/weight", "5", mesh.AnnotationSettings{}, "It is ignored on a Service. Set it on a Pod, EndpointSlice or Endpoints."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := convertService(&corev1.Service{ObjectMeta: metav1.ObjectMeta{
				Namespace: "demo", Name: "echo", Annotations: map[string]string{test.annotation: test.value},
			}}, "cluster.test")
			if diff := cmp.Diff(test.want, out.Value.(*mesh.Service).Annotations); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			problem := ""
			for _, p := range out.Problems {
				problem += p.Message
				if want := "metadata.annotations[" + test.annotation + "]"; p.Field != want || p.Severity != mesh.Warning {
					t.Errorf("got a Problem %s at %s, want a warning at %s", p.Severity, p.Field, want)
				}
			}
			if problem != test.problem {
				t.Errorf("got the problem %q, want %q", problem, test.problem)
			}
		})
	}
}

func TestWeight(t *testing.T) {
	tests := map[string]struct {
		value    string
		want     uint32
		problems int
	}{
		"least":      {"1", 1, 0},
		"most":       {"1000", 1000, 0},
		"too much":   {"1001", 0, 1},
		"nothing":    {"0", 0, 1},
		"no number":  {"heavy", 0, 1},
		"less still": {"-1", 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := convertPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationWeight: test.value}}}, "")
			if got := out.Value.(*Pod).Weight; got != test.want || len(out.Problems) != test.problems {
				t.Errorf("got %d and problems %v, want %d and %d problems", got, out.Problems, test.want, test.problems)
			}
		})
	}
}

// TestKeysOfEachKind converts an object of each kind with keys that are not read on it, and with keys that are.
func TestKeysOfEachKind(t *testing.T) {
	for _, row := range Kinds {
		kind := string(row.Kind)
		problems := func(annotations, labels map[string]string) []string {
			typed := row.New()
			typed.SetName("a")
			typed.SetAnnotations(annotations)
			typed.SetLabels(labels)
			var all []string
			for _, p := range row.Convert(typed, "cluster.test").Problems {
				if p.Code == mesh.CodeUnknownField {
					all = append(all, p.Field+" "+p.Message)
				}
			}
			return all
		}
		got := problems(map[string]string{"mizen.dev/weight": "1", "mizzen.io/owner": "me", "example.com/a": "b"}, map[string]string{"mizzen.io/inject": "x", "app": "a"})
		want := []string{
			`metadata.annotations[mizen.dev/weight] Unknown annotation is ignored. Did you mean "mizzen.dev/weight"?`,
			`metadata.labels[mizzen.io/inject] Unknown label is ignored. Did you mean "mizzen.dev/inject"?`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		for _, name := range mesh.Annotations() {
			read := slices.Contains(mesh.AnnotatedKinds(name), kind)
			if got := problems(map[string]string{name: "x"}, nil); read != (len(got) == 0) {
				t.Errorf("%s %s: got %q, though it is read: %t", kind, name, got, read)
			}
			label := slices.Contains(mesh.LabeledKinds(name), kind)
			got := problems(nil, map[string]string{name: "x"})
			if label != (len(got) == 0) || read && !label && got[0] != "metadata.labels["+name+"] The label has no effect. Write it under metadata.annotations." {
				t.Errorf("%s, label %s: got %q", kind, name, got)
			}
		}
	}
}

// TestInjectionValues expects values of a pod's annotations that the injection policy does not know to be reported.
func TestInjectionValues(t *testing.T) {
	for value, want := range map[string]string{
		"inject=false": "", "inject=true": "", "inject=enabled": "", "xds=tls": "", "xds=plaintext": "",
		"inject=no":    `"no" does not stop injection. Write "false".`,
		"inject=False": `"False" does not stop injection. Write "false".`,
		"xds=TLS":      `"TLS" is not a transport. The default of the ConfigMap mizzen-injection is in effect. Use plaintext or tls.`,
		"xds=":         `"" is not a transport. The default of the ConfigMap mizzen-injection is in effect. Use plaintext or tls.`,
	} {
		name, value, _ := strings.Cut(value, "=")
		out := convertPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationPrefix + name: value}}}, "")
		got := ""
		for _, p := range out.Problems {
			got += p.Message
		}
		if got != want {
			t.Errorf("%s=%s: got %q, want %q", name, value, got, want)
		}
	}
}

// TestSliceOfNoService expects a slice without the label of its Service to be reported, as a warning if the label is
// misspelled.
func TestSliceOfNoService(t *testing.T) {
	for label, want := range map[string]string{
		"kubernetes.io/service-name":  "",
		"kubernetes.io/servicename":   `warning metadata.labels[kubernetes.io/servicename] Set it in place of "kubernetes.io/servicename".`,
		"kubernetes.io/service-names": `warning metadata.labels[kubernetes.io/service-names] Set it in place of "kubernetes.io/service-names".`,
		"service-name":                `warning metadata.labels[service-name] Set it in place of "service-name".`,
		"app.kubernetes.io/name":      "info metadata.labels Set it to the Service's name if there is one.",
		"app":                         "info metadata.labels Set it to the Service's name if there is one.",
	} {
		got := ""
		for _, p := range convertEndpointSlice(&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{label: "a"}}}, "").Problems {
			_, message, _ := strings.Cut(p.Message, "They have no effect. ")
			got += string(p.Severity) + " " + p.Field + " " + message
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
}
