package main

import (
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
		"no such client":          {"client z", exitFailure, "", "there is no client z"},
		"no such pod":             {"pod demo/z", exitFailure, "", "there is no pod demo/z"},
		"no such host":            {"host nobody.z", exitFailure, "", "there is no host nobody.z"},
		"no name":                 {"host", exitUsage, "", "write what to describe"},
		"no such kind":            {"service x", exitUsage, "", "write what to describe"},
		"a pod without namespace": {"pod a", exitUsage, "", "a pod is NAMESPACE/NAME"},
		"a namespace of a host":   {"host a -n b", exitUsage, "", "-n is for pods"},
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
