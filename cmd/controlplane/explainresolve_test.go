package main

import (
	"strings"
	"testing"
)

// TestExplainNamesOfEndpoints asks about a host whose names a control plane resolves. Files say nothing about their addresses, so
// that the call does not fail for that.
func TestExplainNamesOfEndpoints(t *testing.T) {
	const entry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger, namespace: demo}
spec:
  hosts: [ledger.example.com]
  resolution: DNS
  ports: [{number: 80, name: grpc, protocol: GRPC}]
  endpoints: [{address: a.example.com}, {address: b.example.com}]
`
	for name, test := range map[string]struct {
		text, outcome string
		code          int
	}{
		"names":     {entry, "the endpoints are not known here: a control plane resolves their names while it serves\n", exitOK},
		"addresses": {strings.NewReplacer("resolution: DNS", "resolution: STATIC", "a.example.com", "10.0.0.1", "b.example.com", "10.0.0.2").Replace(entry), "the call goes to one of 2 endpoints\n", exitOK},
		"none":      {strings.NewReplacer("resolution: DNS", "resolution: STATIC", "endpoints: [{address: a.example.com}, {address: b.example.com}]", "workloadSelector: {labels: {app: x}}").Replace(entry), "the call fails: the clusters of the matched route have no endpoints\n", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), test.text, "explain", "-f", "-", "--as", "demo", "--to", "ledger.example.com:80", "--call", "/a.B/C")
			if got.code != test.code || !strings.Contains(got.stdout, "outcome   "+test.outcome) {
				t.Errorf("got exit code %d and\n%s\nwant %d and %q", got.code, got.stdout, test.code, test.outcome)
			}
		})
	}
}
