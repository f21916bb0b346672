package behaviour

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/test/authority"
)

// entry makes a ServiceEntry.
func entry(namespace, name, spec string) string {
	return "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {" + spec + "}\n"
}

// endpoint is an endpoint of a ServiceEntry, or the spec of a WorkloadEntry, for the port grpc.
func (b *backend) endpoint(more string) string {
	return fmt.Sprintf("{address: 127.0.0.1, ports: {grpc: %d}%s}", b.port, more)
}

func (b *backend) workload(name, more string) string {
	return "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: " + name + ", namespace: demo}\nspec: " + b.endpoint(more) + "\n"
}

const grpcPort = "ports: [{number: 80, name: grpc, protocol: GRPC}]"

// TestServiceEntry calls a host outside of Kubernetes: by its name and port, with rules, and on another port of the servers.
func TestServiceEntry(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+
			", endpoints: ["+v1.endpoint(", labels: {version: v1}")+", "+v2.endpoint(", labels: {version: v2}")+"]"),
		entry("demo", "target", fmt.Sprintf("hosts: [target.example.com], resolution: STATIC, ports: [{number: 80, name: grpc, protocol: GRPC, targetPort: %d}], endpoints: [{address: 127.0.0.1}]", v1.port)),
		subsets("ledger.example.com", "v1", "v2"),
		routes("ledger.example.com", "{match: [{headers: {x-v: {exact: two}}}], route: [{destination: {host: ledger.example.com, subset: v2}}]}", "route: [{destination: {host: ledger.example.com, subset: v1}}]"),
	)
	client := p.dial("ledger.example.com:80")
	for header, want := range map[string]string{"two": "b", "one": "a"} {
		if resp, err := call(t, client, "x-v", header); err != nil || resp.GetHostname() != want {
			t.Errorf("header %s: got %v, %v, want an answer of %s", header, resp, err, want)
		}
	}
	if resp, err := call(t, p.dial("target.example.com")); err != nil || resp.GetHostname() != "a" {
		t.Errorf("got %v, %v, want an answer of a by the target port", resp, err)
	}
	if _, err := call(t, p.dial("other.example.com:80")); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want that another host is not known", err)
	}
	p.write("objects.yaml", entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", endpoints: ["+v2.endpoint("")+"]"))
	until(t, p.dial("ledger.example.com:80"), "the endpoints follow the object", func(r *testgrpc.SimpleResponse, err error) bool { return err == nil && r.GetHostname() == "b" })
}

// TestServiceEntryAddress dials a host by its address.
func TestServiceEntryAddress(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t, entry("demo", "ledger", "hosts: [ledger.example.com], addresses: [192.0.2.10], resolution: STATIC, "+grpcPort+", endpoints: ["+b.endpoint("")+"]"))
	if resp, err := call(t, p.dial("192.0.2.10:80")); err != nil || resp.GetHostname() != "a" {
		t.Errorf("got %v, %v, want an answer of a", resp, err)
	}
}

// TestServiceEntryNames lets clients resolve names, which DNS does for localhost everywhere: one for the host, and the
// host itself. All names below a wildcard may share servers.
func TestServiceEntryNames(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t,
		entry("demo", "name", "hosts: [ledger.example.com], resolution: DNS, "+grpcPort+fmt.Sprintf(", endpoints: [{address: localhost, ports: {grpc: %d}}]", b.port)),
		entry("demo", "own", fmt.Sprintf("hosts: [localhost], resolution: DNS_ROUND_ROBIN, ports: [{number: %d, name: grpc, protocol: GRPC}]", b.port)),
		entry("demo", "shared", "hosts: ['*.example.org'], resolution: STATIC, "+grpcPort+", endpoints: ["+b.endpoint("")+"]"),
		routes("two.example.org", "route: [{destination: {host: three.example.org}}]"),
	)
	for _, target := range []string{"ledger.example.com:80", fmt.Sprintf("localhost:%d", b.port), "any.example.org:80", "two.example.org:80"} {
		if resp, err := call(t, p.dial(target)); err != nil || resp.GetHostname() != "a" {
			t.Errorf("%s: got %v, %v, want an answer of a", target, resp, err)
		}
	}
}

// TestServiceEntryExport gives each namespace its own servers of one host.
func TestServiceEntryExport(t *testing.T) {
	own, others := newBackend(t, "own", "v1"), newBackend(t, "others", "v1")
	host := "hosts: [ledger.example.com], resolution: STATIC, " + grpcPort
	p := newPlane(t,
		entry("demo", "a", host+", endpoints: ["+own.endpoint("")+"], exportTo: ['.']"),
		entry("other", "b", host+", endpoints: ["+others.endpoint("")+"], exportTo: ['.', third]"),
	)
	for namespace, want := range map[string]string{"demo": "own", "other": "others", "third": "others"} {
		if resp, err := call(t, p.dialAs("ledger.example.com:80", bootstrap.Options{Namespace: namespace, NodeID: namespace})); err != nil || resp.GetHostname() != want {
			t.Errorf("namespace %s: got %v, %v, want an answer of %s", namespace, resp, err, want)
		}
	}
	if _, err := call(t, p.dialAs("ledger.example.com:80", bootstrap.Options{Namespace: "fourth", NodeID: "fourth"})); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want that a namespace which sees neither does not know the host", err)
	}
}

// TestServiceEntryOutsideOfTheMesh: servers outside of the mesh have no certificate of the mesh, so that calls that must be
// encrypted with one fail.
func TestServiceEntryOutsideOfTheMesh(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], location: MESH_EXTERNAL, resolution: STATIC, "+grpcPort+", endpoints: ["+b.endpoint("")+"]"),
		policy("ledger.example.com", "{tls: {mode: ISTIO_MUTUAL}}"),
	)
	if _, err := call(t, p.dial("ledger.example.com:80")); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if attempts, _ := b.seen(); len(attempts) != 0 {
		t.Errorf("the server saw %d calls in plain text", len(attempts))
	}
	p.wantProblem(mesh.Error, ".tls.mode")
}

// TestServiceEntryNamesOfServers: the names that certificates must have are those of the ServiceEntry, and of the accounts of its
// endpoints.
func TestServiceEntryNamesOfServers(t *testing.T) {
	mesh := authority.New(t)
	server := mesh.Server("safe", "books.example.org")
	server.ClientAuth = tls.NoClientCert
	mine := clientFiles(mesh)
	providers := map[string]bootstrap.Certificates{"default": mine, "shop": {Roots: mine.Roots}}
	const refused = "do not match any of the accepted SANs"
	for name, test := range map[string]struct{ entry, account, rule, failure string }{
		"its name":                   {", subjectAltNames: [books.example.org]", "", "mode: SIMPLE, credentialName: shop", ""},
		"one of two names":           {", subjectAltNames: [other.example.org, books.example.org]", "", "mode: SIMPLE, credentialName: shop", ""},
		"another name":               {", subjectAltNames: [other.example.org]", "", "mode: SIMPLE, credentialName: shop", refused},
		"no name, and another host":  {"", "", "mode: SIMPLE, credentialName: shop", refused},
		"a name of the rule":         {", subjectAltNames: [other.example.org]", "", "mode: SIMPLE, credentialName: shop, subjectAltNames: [books.example.org]", ""},
		"its account":                {"", ", serviceAccount: safe", "mode: ISTIO_MUTUAL", ""},
		"another account":            {"", ", serviceAccount: other", "mode: ISTIO_MUTUAL", refused},
		"another account, its name":  {", subjectAltNames: [books.example.org]", ", serviceAccount: other", "mode: ISTIO_MUTUAL", ""},
		"its account, another names": {", subjectAltNames: [other.example.org]", ", serviceAccount: safe", "mode: ISTIO_MUTUAL", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at := (&backend{port: newSecureServer(t, server).port}).endpoint(test.account)
			p := newPlane(t,
				entry("demo", "ledger", "hosts: [ledger.example.com], location: MESH_INTERNAL, resolution: STATIC, "+grpcPort+test.entry+", endpoints: ["+at+"]"),
				policy("ledger.example.com", "{tls: {"+test.rule+"}}"),
			)
			_, err := call(t, p.dialSafeTo("ledger.example.com:80", providers))
			if failure := status.Convert(err).Message(); (err != nil) != (test.failure != "") || !strings.Contains(failure, test.failure) {
				t.Errorf("got the failure %q, want %q", failure, test.failure)
			}
		})
	}
}

// TestServiceEntryProtocol: rules for calls apply to ports of gRPC, and rules for connections to those of TCP.
func TestServiceEntryProtocol(t *testing.T) {
	calls, connections := newBackend(t, "calls", "v1"), newBackend(t, "connections", "v2")
	at := func(b *backend) string {
		return fmt.Sprintf("{address: 127.0.0.1, ports: {a: %[1]d, b: %[1]d}, labels: {version: %s}}", b.port, b.version)
	}
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, ports: [{number: 80, name: a, protocol: GRPC}, {number: 81, name: b, protocol: TCP}], endpoints: ["+at(calls)+", "+at(connections)+"]"),
		subsets("ledger.example.com", "v1", "v2"),
		routes("ledger.example.com", "route: [{destination: {host: ledger.example.com, subset: v1}}]")+"  tcp: [{route: [{destination: {host: ledger.example.com, subset: v2}}]}]\n",
	)
	for port, want := range map[int]string{80: "calls", 81: "connections"} {
		client := p.dial(fmt.Sprintf("ledger.example.com:%d", port))
		for range 20 {
			if resp, err := call(t, client); err != nil || resp.GetHostname() != want {
				t.Fatalf("port %d: got %v, %v, want an answer by the rule for %s", port, resp, err, want)
			}
		}
	}
}

// TestServiceEntryShortNames: a client means by a name of two labels a Service, so that it is below no wildcard of a ServiceEntry, and a
// ServiceEntry must list it.
func TestServiceEntryShortNames(t *testing.T) {
	b := newBackend(t, "a", "v1")
	static := ", resolution: STATIC, " + grpcPort + ", endpoints: [" + b.endpoint("") + "]"
	p := newPlane(t, entry("demo", "inner", "hosts: ['*.internal']"+static))
	if resp, err := call(t, p.dial("eu.db.internal:80")); err != nil || resp.GetHostname() != "a" {
		t.Errorf("three labels: got %v, %v, want an answer of a", resp, err)
	}
	short := p.dial("db.internal:80")
	if _, err := call(t, short); status.Code(err) != codes.Unavailable {
		t.Errorf("two labels: got %v, want that the name is not known", err)
	}
	p.wantProblem(mesh.Warning, "spec.hosts[0]")
	p.write("objects.yaml", entry("demo", "inner", "hosts: ['*.internal', db.internal]"+static))
	until(t, short, "the name that is listed is called", func(r *testgrpc.SimpleResponse, err error) bool { return err == nil && r.GetHostname() == "a" })
	p.write("objects.yaml", entry("demo", "inner", "hosts: ['*.internal', db.internal]"+static), strings.ReplaceAll(service("db", newBackend(t, "b", "v1")), "namespace: demo", "namespace: internal"))
	until(t, short, "a Service takes precedence", func(r *testgrpc.SimpleResponse, err error) bool { return err == nil && r.GetHostname() == "b" })
}

// TestWorkloadEntryNetwork: an endpoint of another network gets no calls.
func TestWorkloadEntryNetwork(t *testing.T) {
	near, unsaid, far := newBackend(t, "near", "near"), newBackend(t, "unsaid", "unsaid"), newBackend(t, "far", "far")
	p := newPlaneOf(t, watch.Options{Network: "east"},
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", workloadSelector: {labels: {app: ledger}}"),
		near.workload("near", ", labels: {app: ledger}, network: east"), unsaid.workload("unsaid", ", labels: {app: ledger}"), far.workload("far", ", labels: {app: ledger}, network: west"),
	)
	client := p.dial("ledger.example.com:80")
	until(t, client, "both are called", spread(t, client))
	if got := answers(t, client, 100); got["far"] != 0 || len(got) != 2 {
		t.Errorf("got answers of %v, want of the other two alone", got)
	}
	p.wantProblem(mesh.Warning, "spec.network")
}

// TestWorkloadEntryLocality: clients call a machine in their zone, and another one if that is away.
func TestWorkloadEntryLocality(t *testing.T) {
	a, b := newBackend(t, "a", "zone-a"), newBackend(t, "b", "zone-b")
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", workloadSelector: {labels: {app: ledger}}"),
		a.workload("a", ", labels: {app: ledger}, locality: eu/zone-a/rack"), b.workload("b", ", labels: {app: ledger, istio-locality: eu.zone-b}"),
		policy("ledger.example.com", "{loadBalancer: {localityLbSetting: {enabled: true}}}"),
	)
	inA, inB := p.dialAs("ledger.example.com:80", at("zone-a", "")), p.dialAs("ledger.example.com:80", at("zone-b", ""))
	wantOnly(t, inA, "zone-a")
	wantOnly(t, inB, "zone-b")
	a.server.Stop()
	until(t, inA, "the other zone answers when the client's is away", answeredBy(b))
}

// TestWorkloadEntryWeight: calls follow the weights of machines.
func TestWorkloadEntryWeight(t *testing.T) {
	heavy, light := newBackend(t, "heavy", "heavy"), newBackend(t, "light", "light")
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", workloadSelector: {labels: {app: ledger}}"),
		heavy.workload("heavy", ", labels: {app: ledger}, weight: 8"), light.workload("light", ", labels: {app: ledger}, weight: 2"),
	)
	client := p.dial("ledger.example.com:80")
	until(t, client, "both are connected", spread(t, client))
	const calls = 2000
	got := answers(t, client, calls)
	// Pearson's chi-squared test with one degree of freedom. A correct client exceeds 23.9 once in a million times.
	off := float64(got["heavy"]) - 0.8*calls
	if chi := off*off/(0.8*calls) + off*off/(0.2*calls); chi > 23.9 {
		t.Errorf("%v of %d calls do not follow 8 to 2: chi-square %.1f", got, calls, chi)
	}
}

// TestWorkloadEntries calls machines that a ServiceEntry and a Service select, beside pods, and not those that are unhealthy or
// not selected.
func TestWorkloadEntries(t *testing.T) {
	a, b, c, sick := newBackend(t, "a", "v1"), newBackend(t, "b", "v1"), newBackend(t, "c", "v1"), newBackend(t, "sick", "v1")
	p := newPlane(t,
		entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", workloadSelector: {labels: {app: ledger}}"),
		a.workload("vm-a", ", labels: {app: ledger}"), b.workload("vm-b", ", labels: {app: ledger}"), c.workload("vm-c", ", labels: {app: other}"),
		sick.workload("vm-sick", ", labels: {app: ledger}")+"status: {conditions: [{type: Healthy, status: 'False'}]}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: ledger, namespace: demo}\nspec: {selector: {app: ledger}, ports: [{name: grpc, port: 80}]}\n",
	)
	for _, target := range []string{"ledger.example.com:80", "ledger:80"} {
		client := p.dial(target)
		seen := map[string]bool{}
		until(t, client, target+" reaches both machines", func(r *testgrpc.SimpleResponse, err error) bool {
			if err != nil {
				t.Fatal(err)
			}
			seen[r.GetHostname()] = true
			return seen["a"] && seen["b"]
		})
		for range 20 {
			if resp, err := call(t, client); err != nil || resp.GetHostname() == "c" || resp.GetHostname() == "sick" {
				t.Errorf("%s: got %v, %v, want an answer of a or b", target, resp, err)
			}
		}
	}
}
