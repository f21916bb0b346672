package translate

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestOmissions has a match left out between two that are not, for each reason that there is.
func TestOmissions(t *testing.T) {
	for block, want := range map[string]string{
		"{}":                           "",
		"{sourceNamespace: shop}":      "",
		"{sourceNamespace: ops}":       "it is for clients in the namespace ops",
		"{sourceLabels: {b: c, a: b}}": "it is for clients with the labels a=b,b=c",
		"{gateways: [edge, far]}":      "it is for calls through edge, far, not for calls within the mesh",
		"{port: 81}":                   "it is for port 81",
		"{method: {exact: GET}}":       whyNotPost,
		"{method: {regex: '('}}":       whyNotPost,
		"{authority: {exact: other}}":  "its authority is not a name of echo.demo.svc.cluster.local",
		"{scheme: {exact: a}, queryParams: {q: {exact: a}}}": "gRPC does not show the scheme to routing",
		"{queryParams: {q: {exact: a}}}":                     "gRPC calls have no query parameters",
		"{uri: {exact: /a}}":                                 whyNoSuchPath,
		"{headers: {trace-bin: {exact: a}}}":                 whyNoSuchHeaders,
	} {
		t.Run(block, func(t *testing.T) {
			spec := parse(t, &networking.VirtualService{}, `hosts: [echo]
http:
- match: [{uri: {prefix: /a/}}]
  route: [{destination: {host: echo}}]
- name: middle
  match: [`+block+`, {uri: {prefix: /b/}}]
  route: [{destination: {host: echo}}]`)
			ref := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}
			b := Host(HostInput{service: echo(80), routes: &mesh.Routes{Ref: ref, Spec: spec}, namespace: "shop"})
			var all []Omission
			if want != "" {
				part := Part{Path: "virtual_hosts[0].routes[1]", Ref: ref, Field: "spec.http[1].match[0]"}
				all = []Omission{{Before: 1, Rule: "middle", Why: want, Parts: []Part{part}}}
			}
			if diff := cmp.Diff(all, b.Routes[0].Omissions); diff != "" {
				t.Errorf("omissions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOmissionsByPort leaves out for each port what is for the other, and what is for connections from somewhere.
func TestOmissionsByPort(t *testing.T) {
	spec := parse(t, &networking.VirtualService{}, `tcp:
- match: [{port: 80}, {port: 81}, {sourceSubnet: 10.0.0.0/8}]
  route: [{destination: {host: echo}}]`)
	b := Host(HostInput{service: echo(80, 81), routes: &mesh.Routes{Spec: spec}})
	for i, want := range [][]string{
		{"it is for port 81 before 1", noteNoSubnets + " before 1"},
		{"it is for port 80 before 0", noteNoSubnets + " before 1"},
	} {
		var got []string
		for _, o := range b.Routes[i].Omissions {
			got = append(got, o.Why+" before "+strconv.Itoa(o.Before))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("port %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestOmissionsOfDelegates names both rules of which no match is left.
func TestOmissionsOfDelegates(t *testing.T) {
	root := parse(t, &networking.VirtualService{}, `hosts: [echo]
http:
- match: [{uri: {prefix: /a/}}]
  delegate: {name: leaf}`)
	leaf := parse(t, &networking.VirtualService{}, `http:
- name: other
  match: [{uri: {prefix: /b/}}]
  route: [{destination: {host: echo}}]
- name: callers
  match: [{uri: {prefix: /a/b}, sourceNamespace: ops}]
  route: [{destination: {host: echo}}]`)
	ref := func(name string) mesh.Ref { return mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: name} }
	b := Host(HostInput{service: echo(80), routes: &mesh.Routes{Ref: ref("root"), Spec: root, Delegates: map[string]mesh.Delegate{
		"demo/leaf": {Routes: &mesh.Routes{Ref: ref("leaf"), Spec: leaf}, Visible: true},
	}}})
	var got []string
	for _, o := range b.Routes[0].Omissions {
		line := o.Why
		for _, p := range o.Parts {
			line += "; " + p.Ref.Name + " " + p.Field
		}
		got = append(got, line)
	}
	want := []string{
		whyNotNarrower + "; leaf spec.http[0]",
		"it is for clients in the namespace ops; leaf spec.http[1].match[0]; root spec.http[0]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("omissions (-want +got):\n%s", diff)
	}
}
