package routes

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestSkippedMatches has, for each reason, one skipped match between two matches with routes.
func TestSkippedMatches(t *testing.T) {
	for block, want := range map[string]string{
		"{}":                           "",
		"{sourceNamespace: shop}":      "",
		"{sourceNamespace: ops}":       "it is for clients in the namespace ops",
		"{sourceLabels: {b: c, a: b}}": "it is for clients with the labels a=b,b=c",
		"{gateways: [edge, far]}":      "it is for calls through edge, far, not for calls within the mesh",
		"{port: 81}":                   "it is for port 81",
		"{method: {exact: GET}}":       reasonNotPost,
		"{method: {regex: '('}}":       reasonNotPost,
		"{authority: {exact: other}}":  "its authority is not a name of echo.demo.svc.cluster.local",
		"{scheme: {exact: a}, queryParams: {q: {exact: a}}}": "gRPC does not show the scheme to routing",
		"{queryParams: {q: {exact: a}}}":                     "gRPC calls have no query parameters",
		"{uri: {exact: /a}}":                                 forms[mesh.FamilyGRPC].noSuchPath,
		"{headers: {trace-bin: {exact: a}}}":                 forms[mesh.FamilyGRPC].noSuchHeaders,
	} {
		t.Run(block, func(t *testing.T) {
			spec := translatetest.Parse(t, &networking.VirtualService{}, `hosts: [echo]
http:
- match: [{uri: {prefix: /a/}}]
  route: [{destination: {host: echo}}]
- name: middle
  match: [`+block+`, {uri: {prefix: /b/}}]
  route: [{destination: {host: echo}}]`)
			ref := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}
			all := Translate(new([]mesh.Problem), Input{Service: translatetest.Echo(80), VirtualServices: mesh.MakeVirtualServices(&mesh.VirtualService{Ref: ref, Spec: spec}), Namespace: "shop"})
			var skipped []resource.SkippedMatch
			if want != "" {
				part := report.Origin{Path: "virtual_hosts[0].routes[1]", Ref: ref, Field: "spec.http[1].match[0]"}
				skipped = []resource.SkippedMatch{{Before: 1, Rule: "middle", Reason: want, Origins: []report.Origin{part}}}
			}
			if diff := cmp.Diff(skipped, all[0].SkippedMatches); diff != "" {
				t.Errorf("skipped matches (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSkippedMatchesByPort checks that each port skips the match of the other port and the match with a subnet.
func TestSkippedMatchesByPort(t *testing.T) {
	spec := translatetest.Parse(t, &networking.VirtualService{}, `tcp:
- match: [{port: 80}, {port: 81}, {sourceSubnet: 10.0.0.0/8}]
  route: [{destination: {host: echo}}]`)
	all := Translate(new([]mesh.Problem), Input{Service: translatetest.Echo(80, 81), VirtualServices: mesh.MakeVirtualServices(&mesh.VirtualService{Spec: spec})})
	for i, want := range [][]string{
		{"it is for port 81 before 1", reasonOtherGateways([]string{noGateway}) + " before 1"},
		{"it is for port 80 before 0", reasonOtherGateways([]string{noGateway}) + " before 1"},
	} {
		var got []string
		for _, o := range all[i].SkippedMatches {
			got = append(got, o.Reason+" before "+strconv.Itoa(o.Before))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("port %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestSkippedMatchesOfDelegates checks the reasons and Origins of rules of a delegate that match no call.
func TestSkippedMatchesOfDelegates(t *testing.T) {
	root := translatetest.Parse(t, &networking.VirtualService{}, `hosts: [echo]
http:
- match: [{uri: {prefix: /a/}}]
  delegate: {name: leaf}`)
	leaf := translatetest.Parse(t, &networking.VirtualService{}, `http:
- name: other
  match: [{uri: {prefix: /b/}}]
  route: [{destination: {host: echo}}]
- name: callers
  match: [{uri: {prefix: /a/b}, sourceNamespace: ops}]
  route: [{destination: {host: echo}}]`)
	ref := func(name string) mesh.Ref { return mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: name} }
	all := Translate(new([]mesh.Problem), Input{Service: translatetest.Echo(80), VirtualServices: mesh.MakeVirtualServices(&mesh.VirtualService{Ref: ref("root"), Spec: root, Delegates: map[string]mesh.Delegate{
		"demo/leaf": {VirtualService: &mesh.VirtualService{Ref: ref("leaf"), Spec: leaf}, Visible: true},
	}})})
	var got []string
	for _, o := range all[0].SkippedMatches {
		line := o.Reason
		for _, p := range o.Origins {
			line += "; " + p.Ref.Name + " " + p.Field
		}
		got = append(got, line)
	}
	want := []string{
		reasonNotNarrower + "; leaf spec.http[0]",
		"it is for clients in the namespace ops; leaf spec.http[1].match[0]; root spec.http[0]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("skipped matches (-want +got):\n%s", diff)
	}
}
