package main

import (
	"strings"
	"testing"
)

const (
	ringObjects = plainService + `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: demo}
spec: {host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: user}}}}
`
	subsetObjects = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo, annotations: {mizzen.dev/subset-size: '1'}}
spec: {ports: [{name: grpc, port: 7070}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}]
`
)

func TestClientKind(t *testing.T) {
	tests := map[string]struct {
		agent string
		want  int // the number of clusters with a ring hash in the enum
	}{
		"none":           {"", 0},
		"a current one":  {"gRPC Go 1.85.0", 0},
		"an old one":     {"gRPC Go 1.50", 1},
		"in small print": {"grpc java 1.46.0", 1},
		"one of no kind": {"unknown 1.50", 0},
		"of HTTP":        {"mizzen-java-agent", 0},
		"of HTTP 0.0.1":  {"mizzen-java-agent 0.0.1", 0},
		"of HTTP dev":    {"HTTP client dev", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			args := []string{"render", "-f", "-", "--type", "cds"}
			if test.agent != "" {
				args = append(args, "--client", test.agent)
			}
			got := command(t.Context(), ringObjects, args...)
			if n := strings.Count(got.stdout, "lb_policy: RING_HASH"); got.code != exitOK || n != test.want {
				t.Errorf("got exit code %d and %d clusters with a ring hash in the enum, want 0 and %d:\n%s%s", got.code, n, test.want, got.stdout, got.err)
			}
		})
	}
	for _, agent := range []string{"gRPC Go", "1.50", "", "gRPC Cobol 1.50", "gRPC Go next"} {
		got := command(t.Context(), ringObjects, "render", "-f", "-", "--client", agent)
		if got.code != exitUsage || !strings.Contains(got.err, "KIND is one of unknown, gRPC Go, gRPC Java") ||
			!strings.Contains(got.err, "mizzen-java-agent, HTTP client, mizzen-go-http need no VERSION") {
			t.Errorf("%q: got exit code %d and %q, want %d and all kinds", agent, got.code, got.err, exitUsage)
		}
	}
}

// TestAgentIsClient uses --agent, the older name of --client: it has the same meaning, and excludes the new name.
func TestAgentIsClient(t *testing.T) {
	render := func(args ...string) outcome {
		return command(t.Context(), ringObjects, append([]string{"render", "-f", "-", "--type", "cds"}, args...)...)
	}
	if got, want := render("--agent", "gRPC Go 1.50"), render("--client", "gRPC Go 1.50"); got != want || got.code != exitOK {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got := render("--agent", "gRPC Go 1.50", "--client", "gRPC Go 1.50")
	if got.code != exitUsage || !strings.Contains(got.err, "set only --client") {
		t.Errorf("got exit code %d and %q, want %d and which flag to set", got.code, got.err, exitUsage)
	}
}

// TestCheckOfOneClient: what an older version ignores is among the Problems of that version, and what concerns other kinds is
// not.
func TestCheckOfOneClient(t *testing.T) {
	check := func(args ...string) string {
		got := command(t.Context(), ringObjects, append([]string{"check", "-f", "-", "--exclude", "NoEndpoints"}, args...)...)
		if got.code != exitOK {
			t.Errorf("%s: got exit code %d, want 0", args, got.code)
		}
		return got.stdout + got.err
	}
	const problem = "info Ignored DestinationRule demo/echo spec.trafficPolicy.loadBalancer.consistentHash (stdin:9): Ignored by "
	for agent, want := range map[string]string{
		"gRPC Node 1.8":     problem + "gRPC Node 1.8. Their calls do not stay together. Use another client if they must.\n0 errors, 0 warnings, 1 info\n",
		"gRPC Node 1.14":    "0 errors, 0 warnings, 0 info\n",
		"gRPC Go 1.85":      "0 errors, 0 warnings, 0 info\n",
		"mizzen-java-agent": "0 errors, 0 warnings, 0 info\n",
	} {
		if got := check("--client", agent); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", agent, got, want)
		}
	}
	if got := command(t.Context(), ringObjects, "check", "-f", "-", "--client", "gRPC Go 1.85", "--agent", "gRPC Go 1.85"); got.code != exitUsage || !strings.Contains(got.err, "set only --client") {
		t.Errorf("both names: got exit code %d and %q, want %d and which flag to set", got.code, got.err, exitUsage)
	}
	got := command(t.Context(), ringObjects, "check", "-f", "-", "-o", "json", "--client", "gRPC Node 1.8")
	if !strings.Contains(got.stdout, `"gRPC Node"`) || strings.Contains(got.stdout, `"gRPC Go"`) {
		t.Errorf("as JSON: got\n%s\nwant gRPC Node alone in it", got.stdout)
	}
}

// TestCheckOfAnnotatedService: an annotation that a client does not follow is a Problem if no rule is for the Service, too.
func TestCheckOfAnnotatedService(t *testing.T) {
	const balancer, rate, metrics = "lb-policy", "outlier-success-rate", "reported-metrics"
	for _, test := range []struct{ client, annotation, value, want string }{
		{"mizzen-go 0.1", balancer, "client_side_weighted_round_robin", "info Ignored"},
		{"mizzen-go 0.1", balancer, "pick_first", ""},
		{"mizzen-go 0.1", balancer, "round_robin", ""},
		{"mizzen-go 0.1", rate, "on", ""},
		{"mizzen-java-rpc 0.1", balancer, "pick_first", "info Ignored"},
		{"mizzen-java-rpc 0.1", balancer, "least_request", ""},
		{"gRPC Rust 0.1", balancer, "pick_first", "info Ignored"},
		{"gRPC Rust 0.1", rate, "on", "info Ignored"},
		{"gRPC Go 1.50", balancer, "pick_first", "info Ignored"},
		{"gRPC Go 1.50", balancer, "least_request", "info Ignored"},
		{"gRPC Go 1.85", balancer, "least_request", ""},
		{"gRPC Go 1.85", rate, "on", ""},
		{"gRPC Go 1.85", metrics, "cpu_utilization", ""},
		{"gRPC Node 1.14", balancer, "pick_first", "info Ignored"},
		{"", balancer, "pick_first", "info Ignored"},
		{"Envoy", balancer, "pick_first", "warning Unsupported"},
		{"Envoy", balancer, "least_request", ""},
		{"Envoy", rate, "on", "warning Unsupported"},
		{"mizzen-java-agent", balancer, "pick_first", "warning Unsupported"},
	} {
		t.Run(strings.Join([]string{test.client, test.annotation, test.value}, "/"), func(t *testing.T) {
			text := strings.Replace(plainService, "namespace: demo}", "namespace: demo, annotations: {mizzen.dev/"+test.annotation+": '"+test.value+"'}}", 1)
			args := []string{"check", "-f", "-", "--exclude", "NoEndpoints"}
			if test.client != "" {
				args = append(args, "--client", test.client)
			}
			got := command(t.Context(), text, args...)
			if want := test.want + " Service demo/echo metadata.annotations[mizzen.dev/" + test.annotation + "] (stdin:"; test.want != "" && !strings.HasPrefix(got.stdout, want) {
				t.Errorf("got\n%s%s\nwant %s", got.stdout, got.err, want)
			}
			if lines := strings.Count(got.stdout, "\n"); lines > 1 || lines > 0 && test.want == "" {
				t.Errorf("got %d Problems:\n%s", lines, got.stdout)
			}
		})
	}
}

// TestCheckOfFieldsNotFollowed: a client that does not follow a field is not told how it follows it, nor to do what does not help it.
func TestCheckOfFieldsNotFollowed(t *testing.T) {
	const (
		rule    = plainService + "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec: {host: echo, trafficPolicy: {"
		mutual  = rule + "tls: {mode: ISTIO_MUTUAL, subjectAltNames: [a]}}}\n"
		system  = rule + "tls: {mode: SIMPLE, subjectAltNames: [a]}}}\n"
		outlier = rule + "outlierDetection: {}}}\n"
		pick    = "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo, annotations: {mizzen.dev/lb-policy: pick_first}}\nspec: {ports: [{name: grpc, port: 7070}]}\n"
		servers = plainService + "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n" +
			"addressType: IPv4\nports: [{name: grpc, port: 50051}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: echo-1, namespace: demo}}]\n" +
			"---\napiVersion: v1\nkind: Pod\nmetadata: {name: echo-1, namespace: demo, labels: {mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}\n" +
			"spec: {serviceAccountName: echo, containers: [{name: app}]}\nstatus: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}]}\n" +
			"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: demo}\nspec: {mtls: {mode: STRICT}}\n"
		elsewise = " does not support TLS settings. Its calls fail. Call the Service through Envoy, or use a gRPC client in Go, Java, C++, Python or Node.\n"
		update   = " does not support TLS settings. Its calls fail. Update the client: docs/FIELDS.md lists the versions for gRFC A29.\n"
		tls      = "error NoCertificate DestinationRule demo/echo spec.trafficPolicy.tls.mode (stdin:9): "
		ignored  = "info Ignored DestinationRule demo/echo spec.trafficPolicy.outlierDetection (stdin:9): Ignored by "
		balanced = "info Ignored Service demo/echo metadata.annotations[mizzen.dev/lb-policy] (stdin:3): Ignored by "
	)
	tests := []struct{ client, text, want string }{
		{"mizzen-go 0.1", mutual, tls + "mizzen-go 0.1" + elsewise},
		{"mizzen-go 0.1", system, tls + "mizzen-go 0.1" + elsewise},
		{"gRPC Rust 0.1", mutual, tls + "gRPC Rust 0.1" + elsewise},
		{"Kitex 0.14", mutual, tls + "Kitex 0.14" + elsewise},
		{"gRPC Go 1.41", mutual, tls + "gRPC Go 1.41" + update},
		{"gRPC Go 1.85", mutual, "info Approximated DestinationRule demo/echo spec.trafficPolicy.tls.mode (stdin:9): This applies to clients that declare "},
		{"gRPC Rust 0.1", outlier, ignored + "gRPC Rust 0.1. They do not eject endpoints. Use a readiness probe.\n"},
		{"mizzen-java-rpc 0.1", mutual, tls + "mizzen-java-rpc 0.1" + elsewise},
		{"mizzen-java-rpc 0.1", outlier, ignored + "mizzen-java-rpc 0.1. They eject an endpoint after five failed calls in a row, whatever the rule says. Keep the setting if that is good enough for them.\n"},
		{"mizzen-go 0.1", outlier, "info Approximated DestinationRule demo/echo spec.trafficPolicy.outlierDetection (stdin:9): gRPC does not count "},
		{"mizzen-go 0.1", servers, "error NoCertificate Service demo/echo (stdin:1): All endpoints of port 7070 take only mTLS. mizzen-go 0.1" + elsewise},
		{"gRPC Go 1.85", outlier, "info Approximated DestinationRule demo/echo spec.trafficPolicy.outlierDetection (stdin:9): gRPC does not count "},
		{"gRPC Rust 0.1", pick, balanced + "gRPC Rust 0.1. Their calls are balanced round robin. Keep the setting if that is good enough for them.\n"},
		{"gRPC Node 1.14", pick, balanced + "gRPC Node 1.14. Their calls are balanced round robin. For Node clients, set GRPC_EXPERIMENTAL_PICKFIRST_LB_CONFIG=true.\n"},
	}
	for _, test := range tests {
		t.Run(test.client, func(t *testing.T) {
			got := command(t.Context(), test.text, "check", "-f", "-", "--exclude", "NoEndpoints", "--client", test.client)
			if !strings.HasPrefix(got.stdout, test.want) || strings.Count(got.stdout, "\n") != 1 {
				t.Errorf("got\n%s%s\nwant %s", got.stdout, got.err, test.want)
			}
		})
	}
}

// TestNodeID: a client gets a stable subset of the endpoints.
func TestNodeID(t *testing.T) {
	endpoints := func(args ...string) (string, int) {
		got := command(t.Context(), subsetObjects, append([]string{"render", "-f", "-", "--type", "eds"}, args...)...)
		return got.stdout, strings.Count(got.stdout, "address: 10.0.0.")
	}
	if _, n := endpoints(); n != 3 {
		t.Errorf("got %d endpoints without a node ID, want 3", n)
	}
	first, n := endpoints("--node-id", "client-1")
	if n != 1 {
		t.Errorf("got %d endpoints for a client, want 1:\n%s", n, first)
	}
	if again, _ := endpoints("--node-id", "client-1"); again != first {
		t.Errorf("got another subset for the same client:\n%s", again)
	}
}
