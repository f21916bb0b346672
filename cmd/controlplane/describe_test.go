package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDescribePages(t *testing.T) {
	lists := map[string][]string{"/api/deliveries": {`[{"object":{"kind":"Service","namespace":"demo","name":"echo"},"clients":2,"pending":1,"refusals":["gRPC Go refused it"]}]`}}
	for path, text := range answers {
		lists[path] = []string{text}
	}
	lists["/api/problems"] = []string{strings.Replace(answers["/api/problems"], "VirtualService", "DestinationRule", 1)}
	lists["/api/clients"] = []string{strings.Replace(answers["/api/clients"], `"names":["x","y"]`, `"names":["x","outbound|7070||echo"]`, 1)}
	a, down := adminAt(t, lists), adminAt(t, nil)
	const objects = `Objects:
  DestinationRule demo/echo: no clients
  Service demo/echo: 2 clients, 1 pending, 1 rejections
    rejected: gRPC Go refused it
Problems:
  error InvalidRegex DestinationRule demo/echo spec.http[0].match[0].uri.regex: it does not compile
`
	const host = `Host:       echo
Resources:
  Cluster outbound|7070||echo: version abc, 2 subscribers
Clients:
  pod/demo/a, namespace demo, gRPC Go 1.85.0, dials echo
` + objects
	for name, test := range map[string]struct {
		args string
		code int
		out  string
		says string
	}{
		"a host":                  {"host echo", exitOK, host, ""},
		"kubectl's spelling":      {"host/echo", exitOK, host, ""},
		"a target":                {"host xds:///echo", exitOK, host, ""},
		"a client":                {"client a", exitOK, objects, ""},
		"a pod":                   {"pod demo/a", exitOK, "Client:     a\nIdentity:   pod/demo/a\n", ""},
		"a pod in its namespace":  {"pod a -n demo", exitOK, "Kind:       gRPC Go 1.85.0\n", ""},
		"no such client":          {"client z", exitFailure, "", `there is no connected client with the name "z"`},
		"no such pod":             {"pod demo/z", exitFailure, "", "there is no pod demo/z with a client"},
		"no such host":            {"host nobody.z", exitFailure, "", `there is no host "nobody.z"`},
		"no name":                 {"host", exitUsage, "", "write what to describe"},
		"no such kind":            {"service x", exitUsage, "", "write what to describe"},
		"a pod without namespace": {"pod a", exitUsage, "", "a pod is NAMESPACE/NAME"},
		"a namespace of a client": {"client a -n b", exitUsage, "", "-n is for pods and hosts"},
		"a namespace in capitals": {"host a -n B", exitUsage, "", "-n \"B\" is not a namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"describe", "--address", a}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.stdout, test.out) || !strings.Contains(got.err, test.says) {
				t.Errorf("got exit code %d, %q and\n%s\nwant %d, %q and\n%s", got.code, got.err, got.stdout, test.code, test.says, test.out)
			}
		})
	}
	got := command(t.Context(), "", "describe", "host", "echo", "--address", a+","+down)
	if got.code != exitFailure || strings.Count(got.err, "replica "+down) != 1 || got.stdout != host {
		t.Errorf("with a replica down: got exit code %d, %q and\n%s", got.code, got.err, got.stdout)
	}
}

// TestPodsWithoutClients: describe and explain say why no client is connected from a pod, and what to do.
func TestPodsWithoutClients(t *testing.T) {
	dir := t.TempDir()
	const injected = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: api-0, namespace: demo, uid: v, annotations: {mizzen.dev/injected: \"true\"}}\nstatus: {podIP: 10.0.0.3}\n"
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(meshOfPods+injected), 0o600); err != nil {
		t.Fatal(err)
	}
	s, empty := startServe(t, "--files", dir), startServe(t, "--files", t.TempDir())
	for name, test := range map[string]struct{ pod, at, says string }{
		"without the bootstrap": {"demo/web-0", s.admin, "It came without the bootstrap, so neither gRPC clients in it nor the Java agent find the control plane. Label namespace demo with mizzen.dev/inject: enabled"},
		"with the bootstrap":    {"demo/api-0", s.admin, "Its application dials no xds:/// target and has no Java agent, or does not reach the control plane"},
		"of a similar name":     {"demo/web-1", s.admin, "pod demo/web-1 is not known: no client is connected from it, and no such pod was read: did you mean demo/web-0?"},
		"of another namespace":  {"shop/web-0", s.admin, "did you mean demo/web-0?"},
		"of no namespace":       {"shop/nothing-like-it", s.admin, `"kubectl get pods -n shop" lists the pods`},
		"where no pods are":     {"demo/web-0", empty.admin, "pod demo/web-0 is not known: no client is connected from it, and no pods were read"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", "describe", "pod", test.pod, "--address", test.at)
			if got.code != exitFailure || !strings.Contains(got.err, test.says) {
				t.Errorf("describe: got exit code %d and %q, want 1 and %q", got.code, got.err, test.says)
			}
			got = command(t.Context(), "", "explain", "--pod", test.pod, "--to", "echo", "--call", "/a.B/C", "--address", test.at)
			if !strings.Contains(got.stdout+got.err, test.says) {
				t.Errorf("explain: got exit code %d, %q and %q, want in it %q", got.code, got.stdout, got.err, test.says)
			}
			got = command(t.Context(), "", "inspect", "clients", "pod/"+test.pod, "--address", test.at)
			if got.code != exitFailure || !strings.Contains(got.err, test.says) {
				t.Errorf("inspect: got exit code %d and %q, want 1 and %q", got.code, got.err, test.says)
			}
		})
	}
}

// TestDescribeHosts: a host may be written in its namespace, and with the name of its port.
func TestDescribeHosts(t *testing.T) {
	s := startServe(t, "--files", demoDir)
	for args, want := range map[string]string{
		"host greeter -n demo":      "Host:       greeter.demo\n",
		"host greeter:grpc -n demo": "Cluster outbound|50051|v1|greeter.demo",
		"host greeter.demo:grpc":    "Listener greeter.demo.svc.cluster.local:50051",
		"host greeter.demo:50051":   "Listener greeter.demo.svc.cluster.local:50051",
		"host greter.demo":          "there is no host \"greter.demo\"; did you mean greeter.demo?",
		"host greeter -n shop":      "there is no host \"greeter.shop\"; Service demo/greeter has the name: dial greeter.demo",
		"host greeter.demo:http":    "there is no host \"greeter.demo:http\"; Service demo/greeter has port 50051 (grpc): dial greeter.demo:50051",
	} {
		got := command(t.Context(), "", append([]string{"describe", "--address", s.admin}, strings.Fields(args)...)...)
		if fails := strings.Contains(want, "there is no"); !strings.Contains(got.stdout+got.err, want) || fails != (got.code == exitFailure) {
			t.Errorf("%s: got exit code %d, %q and\n%s\nwant %q", args, got.code, got.err, got.stdout, want)
		}
	}
	got := command(t.Context(), "", "inspect", "resources", "--host", "greeter.demo:grpc", "--type", "lds", "-o", "name", "--address", s.admin)
	if want := "listener/greeter.demo.svc.cluster.local:50051\n"; got.stdout != want {
		t.Errorf("inspect --host: got %q and %q, want %q", got.stdout, got.err, want)
	}
}
