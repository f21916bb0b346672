package behaviour

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault string
		want  codes.Code
		least time.Duration // the shortest duration of the call
	}{
		"a delay":               {"delay: {fixedDelay: 0.2s, percentage: {value: 100}}", codes.OK, 200 * time.Millisecond},
		"a delay, by old field": {"delay: {fixedDelay: 0.2s, percent: 100}", codes.OK, 200 * time.Millisecond},
		"a status of gRPC":      {"abort: {grpcStatus: ABORTED, percentage: {value: 100}}", codes.Aborted, 0},
		"a status of HTTP":      {"abort: {httpStatus: 403, percentage: {value: 100}}", codes.PermissionDenied, 0},
		"no share":              {"abort: {grpcStatus: ABORTED}", codes.OK, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", newBackend(t, "a", "v1")), routes("echo", "{fault: {"+test.fault+"}, route: [{destination: {host: echo}}]}"))
			client := p.dial("echo")
			until(t, client, "the rule is known", func(_ *testgrpc.SimpleResponse, err error) bool { return status.Code(err) == test.want })
			start := time.Now()
			if _, err := call(t, client); status.Code(err) != test.want || time.Since(start) < test.least {
				t.Errorf("got %v after %s, want %s after %s or more", err, time.Since(start), test.want, test.least)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	b := newBackend(t, "a", "v1")
	client := newPlane(t, service("echo", b), routes("echo", "{retries: {attempts: 1, retryOn: unavailable, backoff: 0.5s}, route: [{destination: {host: echo}}]}")).dial("echo")
	wantVersion(t, client, "v1")
	b.failures.Store(1)
	start := time.Now()
	wantVersion(t, client, "v1")
	// Clients vary the backoff by a fifth.
	if took := time.Since(start); took < 390*time.Millisecond {
		t.Errorf("the second attempt succeeded after %s, want a pause of about 0.5s", took)
	}
}

// twoPorts is a Service whose backends can each be reached by two ports, 80 and 81.
func twoPorts(backends ...*backend) string {
	text := "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}, {name: other, port: 81}]}\n"
	for _, b := range backends {
		text += "---\n" + strings.Replace(b.slice("echo", "ready: true"), "ports: [", fmt.Sprintf("ports: [{name: other, port: %d}, ", b.port), 1)
		text += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: demo, labels: {version: %s}}\n", b.name, b.version)
	}
	return text
}

func TestRulesForPorts(t *testing.T) {
	own, other := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	aside := strings.ReplaceAll(service("aside", other), "port: 80", "port: 90")
	p := newPlane(t, twoPorts(own), aside, routes("echo",
		"{match: [{port: 81}], route: [{destination: {host: aside, port: {number: 90}}}]}", "{route: [{destination: {host: echo}}]}"))
	wantVersion(t, p.dial("echo:80"), "v1")
	wantVersion(t, p.dial("echo:81"), "v2")
}

// TestPoliciesForParts: settings for a port, and for a subset, replace the settings for the host.
func TestPoliciesForParts(t *testing.T) {
	a, b := newBackend(t, "a", "v1"), newBackend(t, "b", "v1")
	const sticky = "loadBalancer: {consistentHash: {httpHeaderName: x-user}}"
	p := newPlane(t, twoPorts(a, b),
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec:\n  host: echo\n"+
			"  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, portLevelSettings: [{port: {number: 81}, "+sticky+"}]}\n"+
			"  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {"+sticky+"}}]\n",
		routes("echo", "{match: [{headers: {x-subset: {exact: v1}}}], route: [{destination: {host: echo, subset: v1}}]}", "{route: [{destination: {host: echo}}]}"))
	tests := map[string]struct {
		target  string
		headers []string
		want    int // the number of backends that answer
	}{
		"the whole":  {"echo:80", []string{"x-user", "ann"}, 2},
		"the port":   {"echo:81", []string{"x-user", "ann"}, 1},
		"the subset": {"echo:80", []string{"x-user", "ann", "x-subset", "v1"}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, answered := p.dial(test.target), map[string]int{}
			for range 2000 {
				resp, err := call(t, client, test.headers...)
				if err != nil {
					t.Fatal(err)
				}
				if answered[resp.GetHostname()]++; len(answered) > 1 {
					break
				}
			}
			if len(answered) != test.want {
				t.Errorf("got answers from %v, want %d of the backends", answered, test.want)
			}
		})
	}
}

// TestRulesThatAreNotForTheClient: rules for gateways, and rules that are not exported to the client, are ignored.
func TestRulesThatAreNotForTheClient(t *testing.T) {
	rule := func(name, fields string) string {
		return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: demo}\n" +
			"spec: {hosts: [echo], " + fields + ", http: [{directResponse: {status: 403}}]}\n"
	}
	tests := map[string]struct {
		rule string
		want codes.Code
	}{
		"for a gateway":            {rule("echo", "gateways: [edge]"), codes.OK},
		"for a gateway and all":    {rule("echo", "gateways: [edge, mesh]"), codes.PermissionDenied},
		"for the namespace itself": {rule("echo", "exportTo: ['.']"), codes.OK},
		"for another namespace":    {rule("echo", "exportTo: [cart]"), codes.OK},
		"for the client's":         {rule("echo", "exportTo: [shop]"), codes.PermissionDenied},
		"a match for a gateway": {
			routes("echo", "{match: [{gateways: [edge]}], directResponse: {status: 403}}", "{route: [{destination: {host: echo}}]}"),
			codes.OK,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", newBackend(t, "a", "v1")), test.rule)
			if _, err := call(t, p.dialAs("echo.demo", bootstrap.Options{Namespace: "shop"})); status.Code(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestPreferences: only the endpoints that a rule prefers are called, as long as they respond.
func TestPreferences(t *testing.T) {
	tests := map[string]struct {
		setting string
		want    string // the zone; empty means both
	}{
		"labels":                 {"localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone=zone-b]}", "zone-b"},
		"the client's own":       {"localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}", "zone-a"},
		"nothing":                {"localityLbSetting: {enabled: false}", ""},
		"zones":                  {"zoneAwareLbSetting: {enabled: true, minClusterSize: 2}", "zone-a"},
		"zones of too few":       {"zoneAwareLbSetting: {enabled: true, minClusterSize: 3}", ""},
		"labels, and then zones": {"zoneAwareLbSetting: {minClusterSize: 1, failoverPriority: [kubernetes.io/hostname=zone-b]}", "zone-b"},
	}
	a, b := newBackend(t, "a", "zone-a"), newBackend(t, "b", "zone-b")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := newPlane(t, inZones("", a, b), balancing(test.setting)).dialAs("echo", at("zone-a", ""))
			if test.want == "" {
				until(t, client, "both zones answer", spread(t, client))
				return
			}
			wantOnly(t, client, test.want)
		})
	}
}

// TestRegionStandsBy: one region takes over for another, before all other regions.
func TestRegionStandsBy(t *testing.T) {
	b, c := newBackend(t, "b", "us"), newBackend(t, "c", "as")
	objects := "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n"
	for _, b := range []*backend{b, c} {
		objects += "---\n" + strings.Replace(b.slice("echo", "ready: true"), "addresses:", "zone: "+b.version+"-1, nodeName: "+b.version+", addresses:", 1) +
			"---\napiVersion: v1\nkind: Node\nmetadata: {name: " + b.version + ", labels: {topology.kubernetes.io/region: " + b.version + ", topology.kubernetes.io/zone: " + b.version + "-1}}\n"
	}
	for _, key := range []string{"localityLbSetting", "zoneAwareLbSetting"} {
		for _, to := range []string{"us", "as"} {
			t.Run(key+" to "+to, func(t *testing.T) {
				client := newPlane(t, objects, balancing(key+": {failover: [{from: eu, to: "+to+"}]}")).dialAs("echo", at("eu-1", ""))
				wantOnly(t, client, to)
			})
		}
	}
}
