package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
)

const authzMesh = "testdata/authz/shop.yaml"

// TestAuthz compares what the subcommands print with golden files.
func TestAuthz(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		code int
	}{
		"matrix":          {"matrix -f " + authzMesh + " --account other/web", exitOK},
		"matrix-json":     {"matrix -f " + authzMesh + " -o json", exitOK},
		"coverage":        {"coverage -f " + authzMesh, exitOK},
		"coverage-json":   {"coverage -f " + authzMesh + " -o json", exitOK},
		"test":            {"test -f " + authzMesh + " testdata/authz/cases.yaml", exitOK},
		"test-json":       {"test -f " + authzMesh + " testdata/authz/cases.yaml -o json", exitOK},
		"test-failing":    {"test -f " + authzMesh + " testdata/authz/failing.yaml", exitFailure},
		"explain-allowed": {"explain -f " + authzMesh + " --from shop/web --to cart:grpc --method /shop.Cart/Get", exitOK},
		"explain-denied":  {"explain -f " + authzMesh + " --from shop/web --to cart:50051 --method /shop.Admin/Drop", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"authz"}, strings.Fields(test.args)...)...)
			if got.code != test.code || got.err != "" {
				t.Errorf("got exit code %d and %q on standard error, want %d and nothing", got.code, got.err, test.code)
			}
			golden(t, filepath.Join("authz", name+".txt"), got.stdout)
		})
	}
}

// TestAuthzVerdicts checks the JSON that scripts rely on.
func TestAuthzVerdicts(t *testing.T) {
	const web = "--from shop/web --to cart.shop:50051 --method "
	for name, test := range map[string]struct {
		args   string
		want   authz.Verdict
		reason string
	}{
		"allowed by rule 1":         {web + "/shop.Cart/Get", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/cart", Rule: 1}, ""},
		"denied by a policy":        {web + "/shop.Admin/Drop", authz.Verdict{Action: authz.Deny, Policy: "shop/no-admin"}, ""},
		"a header lifts a denial":   {web + "/shop.Admin/Drop --header X-Admin=yes-please", authz.Verdict{Action: authz.None}, "none matches"},
		"an identity":               {"--from other/web --to cart.shop:50051 --method /shop.Cart/Get", authz.Verdict{Action: authz.None}, "none matches the call: shop/cart."},
		"a target with a scheme":    {"--from shop/web --to xds:///cart.shop:50051 --method /shop.Cart/Get", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/cart", Rule: 1}, ""},
		"pods without xDS":          {"--from shop/web --to old.shop:50051 --method /a.B/C", authz.Verdict{Allowed: true, Action: authz.None}, "do not serve by xDS"},
		"pods that are not known":   {"--from shop/web --to unknown.shop:50051 --method /shop.Cart/Get", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/cart", Rule: 1}, "not known"},
		"plaintext":                 {"--from shop/web --to mixed.legacy:50051 --method /legacy.Cart/Get --to-labels version=v2", authz.Verdict{Action: authz.None}, "accepts plaintext"},
		"plaintext and a path":      {"--from shop/web --to mixed.legacy:50051 --method /legacy.Status/Get --to-labels version=v2", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "legacy/mixed", Rule: 1}, "accepts plaintext"},
		"pods that differ":          {"--from shop/web --to mixed.legacy:50051 --method /legacy.Cart/Get", authz.Verdict{Action: authz.None}, "Other pods of the Service allow"},
		"an address":                {"--from a/b --to mixed.legacy:50051 --method /legacy.Data/Get --to-labels version=v2 --source-ip 10.0.0.9", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "legacy/mixed", Rule: 2}, "Node denies"},
		"another address":           {"--from a/b --to mixed.legacy:50051 --method /legacy.Data/Get --to-labels version=v2 --source-ip 192.0.2.1", authz.Verdict{Action: authz.None}, ""},
		"an address is not known":   {"--from a/b --to mixed.legacy:50051 --method /legacy.Data/Get --to-labels version=v2", authz.Verdict{Action: authz.Allow, Policy: "legacy/mixed", Rule: 2}, "not given"},
		"labels of no known pod":    {"--from shop/web --to mixed.legacy:50051 --method /legacy.Cart/Get --to-labels version=v3", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "legacy/mixed"}, "not known"},
		"another trust domain":      {web + "/shop.Cart/List --trust-domain example.org --from shop/jobs", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/cart"}, ""},
		"without strict, still TLS": {"--from shop/jobs --to cart.shop:50051 --method /shop.Cart/List", authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/cart"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"authz", "explain", "-f", authzMesh, "-o", "json"}, strings.Fields(test.args)...)...)
			var verdict authz.Verdict
			if err := json.Unmarshal([]byte(got.stdout), &verdict); err != nil {
				t.Fatalf("%v: %q %q", err, got.stdout, got.err)
			}
			if want := map[bool]int{true: exitOK, false: exitFailure}[verdict.Allowed]; got.code != want {
				t.Errorf("got exit code %d, want %d", got.code, want)
			}
			if !strings.Contains(verdict.Reason, test.reason) {
				t.Errorf("got reason %q, want %q in it", verdict.Reason, test.reason)
			}
			if verdict.Reason = ""; verdict != test.want {
				t.Errorf("got %+v, want %+v", verdict, test.want)
			}
		})
	}
}

// TestAuthzUsage checks that mistakes are not taken for verdicts.
func TestAuthzUsage(t *testing.T) {
	const call = "explain -f " + authzMesh + " --from shop/web --to cart.shop:50051 --method /a.B/C "
	for args, want := range map[string]string{
		"":        "a subcommand is needed",
		"explain": "--from is needed: service account of the caller: NAMESPACE/ACCOUNT",
		"explian": "unknown command \"explian\" for \"controlplane authz\"\n\nDid you mean this?\n\texplain",
		"explain -f " + authzMesh + " --from shop/web --to cart.shop:50051": "--method is needed",
		"explain --from shop/web --to cart.shop:50051 --method /a.B/C":      "-f FILE|DIR is needed",
		call + "--from web":                       "NAMESPACE/ACCOUNT",
		call + "--from shop/Web":                  "NAMESPACE/ACCOUNT",
		call + "--from spiffe://a/ns/b/sa/c":      "NAMESPACE/ACCOUNT",
		call + "--to cart.shop":                   "HOST:PORT",
		call + "--to http://cart.shop:1":          "HOST:PORT",
		call + "--to cart.shop:1":                 "no port 1",
		call + "--to nope.shop:1":                 "no Service has the host",
		call + "--method a.B/C":                   "full name of a method",
		call + "--method /a.B/*":                  "full name of a method",
		call + "--source-ip 10.0.0":               "not an IP address",
		call + "--header x-a":                     "NAME=VALUE",
		call + "--header =a":                      "not the name of a header",
		call + "--header grpc-timeout=1":          "gRPC's own",
		call + "--to-labels app":                  "KEY=VALUE",
		call + "--to-labels app=a,app=b":          "twice",
		call + "-o yaml":                          "unknown output",
		call + "-f nowhere":                       "nowhere",
		"matrix -f " + authzMesh + " --account a": "NAMESPACE/ACCOUNT",
		"matrix -f " + authzMesh + " -o sarif":    "unknown output",
		"test -f " + authzMesh:                    "one file of cases",
		"test -f " + authzMesh + " nowhere.yaml":  "nowhere.yaml",
	} {
		t.Run(args, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"authz"}, strings.Fields(args)...)...)
			if got.code != exitUsage || !strings.Contains(got.err, want) || got.stdout != "" {
				t.Errorf("got %+v, want exit code 2 and %q", got, want)
			}
		})
	}
}

// TestAuthzCoverageSARIF: code scanning shows each workload that does not enforce policies, and no other.
func TestAuthzCoverageSARIF(t *testing.T) {
	list, found := command(t.Context(), "", "authz", "coverage", "-f", authzMesh, "-o", "json"), command(t.Context(), "", "authz", "coverage", "-f", authzMesh, "-o", "sarif")
	var workloads []struct {
		Enforceable bool
		Reason      string
	}
	var log struct {
		Runs []struct {
			Results []struct{ Message struct{ Text string } }
		}
	}
	if err := errors.Join(json.Unmarshal([]byte(list.stdout), &workloads), json.Unmarshal([]byte(found.stdout), &log)); err != nil {
		t.Fatal(err)
	}
	var results, reasons []string
	for _, r := range log.Runs[0].Results {
		_, reason, _ := strings.Cut(r.Message.Text, ": ")
		results = append(results, reason)
	}
	for _, w := range workloads {
		if !w.Enforceable {
			reasons = append(reasons, w.Reason)
		}
	}
	slices.Sort(results)
	slices.Sort(reasons)
	if len(reasons) == 0 || len(reasons) == len(workloads) || !slices.Equal(results, reasons) {
		t.Errorf("got %q, want %q", results, reasons)
	}
}

// TestAuthzCases checks that mistakes in a file of cases are found, with their line.
func TestAuthzCases(t *testing.T) {
	const good = "from: shop/web, to: 'cart.shop:50051', method: /a.B/C"
	for name, test := range map[string]struct{ text, want string }{
		"empty":               {"", "has no cases"},
		"an empty list":       {"[]", "not a list of cases"},
		"not a list":          {"name: a", "line 1: the file is not a list"},
		"two documents":       {"- {name: a, " + good + ", expect: allow}\n---\n[]", "several documents"},
		"not YAML":            {"- {", "line 1"},
		"not a case":          {"- a", "line 1: a case is a map"},
		"an unknown key":      {"\n- {name: a, " + good + ", expects: allow}", `line 2: a case has no key "expects"; did you mean "expect"?`},
		"no name":             {"- {" + good + ", expect: allow}", "has no name"},
		"one name twice":      {"- {name: a, " + good + ", expect: allow}\n- {name: a, " + good + ", expect: deny}", `line 2: the name "a" is also that of the case in line 1`},
		"no expectation":      {"- {name: a, " + good + "}", `expect is ""`},
		"another expectation": {"- {name: a, " + good + ", expect: allowed}", `expect is "allowed"`},
		"an account":          {"- {name: a, " + good + ", expect: deny, from: }", "already defined"},
		"a bad account":       {"- {name: a, from: web, to: 'a:1', method: /a.B/C, expect: deny}", "line 1: from"},
		"a bad target":        {"- {name: a, from: a/b, to: a, method: /a.B/C, expect: deny}", "HOST:PORT"},
		"an unknown target":   {"- {name: a, from: a/b, to: 'a:1', method: /a.B/C, expect: deny}", "line 1: to: no Service has the host"},
		"a bad method":        {"- {name: a, from: a/b, to: 'a:1', method: C, expect: deny}", "full name of a method"},
		"headers in a list":   {"- name: a\n  headers: [a]", "line 2"},
		"a bad header":        {"- {name: a, " + good + ", expect: deny, headers: {'x y': a}}", "not the name of a header"},
		"a bad address":       {"- {name: a, " + good + ", expect: deny, sourceIP: x}", "not an IP address"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cases.yaml")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := command(t.Context(), "", "authz", "test", "-f", authzMesh, file)
			if got.code != exitUsage || !strings.Contains(got.err, test.want) {
				t.Errorf("got %+v, want exit code 2 and %q", got, test.want)
			}
		})
	}
}

// TestAuthzHalfKnown has a Service with a pod that denies nothing, because it does not serve by xDS, and an endpoint whose pod is
// not in the files.
func TestAuthzHalfKnown(t *testing.T) {
	const objects = `
apiVersion: v1
kind: Service
metadata: {name: half, namespace: shop}
spec: {ports: [{name: grpc, port: 50051}], selector: {app: half}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: half, namespace: shop, labels: {kubernetes.io/service-name: half}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.0.1], targetRef: {kind: Pod, name: half-1, namespace: shop}}
- {addresses: [10.0.0.2], targetRef: {kind: Pod, name: half-2, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: half-1, namespace: shop, labels: {app: half}}
spec: {serviceAccountName: half, containers: [{name: a, image: a}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: shop}
spec: {}
`
	got := command(t.Context(), objects, "authz", "explain", "-f", "-", "--from", "shop/web", "--to", "half.shop:50051", "--method", "/a.B/C")
	for _, want := range []string{"denied", "not known", "Other pods of the Service allow the call"} {
		if got.code != exitFailure || !strings.Contains(got.stdout, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}
