package assemble

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// annotated returns one of the test objects with an annotation.
func annotated(kind, name, annotation, rest string) string {
	version := map[string]string{"EndpointSlice": "discovery.k8s.io/v1", "DestinationRule": "networking.istio.io/v1"}[kind]
	if version == "" {
		version = "v1"
	}
	return "---\napiVersion: " + version + "\nkind: " + kind + "\nmetadata:\n  namespace: demo\n  name: " + name +
		"\n  labels: {kubernetes.io/service-name: echo}\n  annotations: {" + annotation + "}\n" + rest + "\n"
}

const (
	portsOfEcho = "spec: {ports: [{name: grpc, port: 80}]}"
	twoOfEcho   = "addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}, {addresses: [10.0.0.2]}]"
)

// TestWeightsOfEndpoints reads the weight from the pod, or else from the slice.
func TestWeightsOfEndpoints(t *testing.T) {
	tests := map[string]struct {
		pod, slice string
		want       [2]uint32
	}{
		"nothing said":    {"", "", [2]uint32{0, 0}},
		"pod":             {"mizzen.dev/weight: '3'", "", [2]uint32{3, 0}},
		"slice":           {"", "mizzen.dev/weight: '7'", [2]uint32{7, 7}},
		"pod and a slice": {"mizzen.dev/weight: '3'", "mizzen.dev/weight: '7'", [2]uint32{3, 7}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newTestAssembler()
			apply(t, a, watchtest.EchoService+annotated("Pod", "p", "", "")+annotated("EndpointSlice", "s", "", twoOfEcho))
			w := apply(t, a, annotated("Pod", "p", test.pod, "")+annotated("EndpointSlice", "s", test.slice, twoOfEcho))
			endpoints := watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints
			if got := [2]uint32{endpoints[0].Weight, endpoints[1].Weight}; got != test.want {
				t.Errorf("got weights %v, want %v", got, test.want)
			}
		})
	}
}

// TestAnnotationsChange makes a World in which only an annotation is new.
func TestAnnotationsChange(t *testing.T) {
	a := newTestAssembler()
	first := apply(t, a, annotated("Service", "echo", "", portsOfEcho)+annotated("DestinationRule", "echo", "", "spec: {host: echo}"))
	second := apply(t, a, annotated("Service", "echo", "mizzen.dev/subset-size: '2'", portsOfEcho))
	if got := watchtest.Get(second.Services, watchtest.EchoHost).Annotations.SubsetSize.Value; got != 2 || second == first {
		t.Errorf("Service: got a subset of %d, want 2", got)
	}
	third := apply(t, a, annotated("DestinationRule", "echo", "mizzen.dev/subset-size: '3'", "spec: {host: echo}"))
	if got := watchtest.Get(third.DestinationRules, watchtest.EchoHost).For("demo", "", 0).Annotations.SubsetSize.Value; got != 3 || third == second {
		t.Errorf("DestinationRule: got a subset of %d, want 3", got)
	}
	if fourth := apply(t, a, annotated("DestinationRule", "echo", "mizzen.dev/subset-size: '3'", "spec: {host: echo}")); fourth != third {
		t.Error("got another World from the same objects")
	}
}

// TestAnnotationsMerge takes each setting from the oldest rule that has it, and reports the rules whose setting is
// ignored.
func TestAnnotationsMerge(t *testing.T) {
	w := apply(t, newTestAssembler(), watchtest.EchoService+
		annotated("DestinationRule", "a", "mizzen.dev/subset-size: '3'", "spec: {host: echo}")+
		annotated("DestinationRule", "b", "mizzen.dev/subset-size: '4', mizzen.dev/lb-policy: pick_first", "spec: {host: echo}")+
		annotated("DestinationRule", "c", "mizzen.dev/lb-policy: pick_first, mizzen.dev/outlier-success-rate: on", "spec: {host: echo}"))
	e := watchtest.Get(w.DestinationRules, watchtest.EchoHost).For("demo", "", 0).Annotations
	if e.SubsetSize.Ref.Name != "a" || e.Balancer.Ref.Name != "b" || e.SuccessRate.Ref.Name != "c" {
		t.Errorf("got %+v, want the settings of a, b and c", e)
	}
	var got []string
	for _, p := range w.Problems {
		got = append(got, p.String())
	}
	want := []string{"warning Conflict DestinationRule demo/b metadata.annotations[mizzen.dev/subset-size]: " +
		"An older DestinationRule for echo.demo.svc.cluster.local sets another value. This annotation is ignored. Keep one of the two."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
