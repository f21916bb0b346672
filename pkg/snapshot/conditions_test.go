package snapshot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// canaryObjects are a rule for calls to echo, and a second Service, to which only calls that meet a condition go. The ports
// state no protocol, so that clients of all families call them.
var canaryObjects = strings.ReplaceAll(snapshottest.EchoObjects, "name: grpc", "name: any") + `---
apiVersion: v1
kind: Service
metadata: {name: canary, namespace: demo}
spec: {ports: [{name: any, port: 8080}]}
`

// TestConditionsByClient checks in which form each condition of a match goes out to each kind of client. A condition of a
// form that the client does not know is as bad as none: some clients take it to be always true, and all calls go to
// the canary.
func TestConditionsByClient(t *testing.T) {
	// A row has the form for clients that read string_match, for older ones, and for HTTP clients.
	tests := map[string]struct{ match, current, old, http string }{
		"exact header":            {"{headers: {x: {exact: a}}}", "string_match", "exact_match", "string_match"},
		"prefix of a header":      {"{headers: {x: {prefix: a}}}", "string_match", "safe_regex_match", "string_match"},
		"regex of a header":       {"{headers: {x: {regex: a.*}}}", "string_match", "safe_regex_match", "string_match"},
		"a header":                {"{headers: {x: {}}}", "present_match", "present_match", "present_match"},
		"without an exact header": {"{withoutHeaders: {x: {exact: a}}}", "not present_match / not string_match", "not exact_match / not present_match", "not string_match (missing as empty)"},
		"without a header":        {"{withoutHeaders: {x: {}}}", "not present_match", "not present_match", "not present_match"},
		"exact path":              {"{uri: {exact: /a.B/C}}", "path", "path", "path"},
		"prefix of the path":      {"{uri: {prefix: /a.B/}}", "prefix", "prefix", "prefix"},
		"regex of the path":       {"{uri: {regex: /a.B/.*}}", "safe_regex", "safe_regex", "safe_regex"},
		"the method":              {"{method: {exact: GET}}", "", "", "string_match"},
		"the scheme":              {"{scheme: {exact: https}}", "", "", "string_match"},
		"query parameters":        {"{queryParams: {q: {exact: a}}}", "", "", "query string_match"},
		"the namespace":           {"{sourceNamespace: other}", "", "", ""},
	}
	clients := map[string][]mesh.Client{}
	for kind, missing := range mesh.MissingFeatureSets() {
		form := "current"
		switch {
		case kind.Family() != mesh.FamilyGRPC:
			form = "http"
		case kind != mesh.UnknownClient && missing.Has(mesh.FeatureStringMatch):
			form = "old"
		}
		clients[form] = append(clients[form], mesh.Client{Namespace: "demo", Kind: kind, Missing: missing})
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rule := fmt.Sprintf("{hosts: [echo], http: [{match: [%s], route: [{destination: {host: canary}}]}, {route: [{destination: {host: echo}}]}]}", test.match)
			s := snapshot.New(snapshottest.Load(t, []string{fmt.Sprintf(canaryObjects, "VirtualService", rule)}))
			for form, want := range map[string]string{"current": test.current, "old": test.old, "http": test.http} {
				if len(clients[form]) == 0 {
					t.Errorf("no client takes the form %q", form)
				}
				for _, client := range clients[form] {
					if got := canaryConditions(t, s, client); got != want {
						t.Errorf("%s without %b: got %q, want %q", client.Kind, client.Missing, got, want)
					}
				}
			}
		})
	}
}

// canaryConditions returns the forms of the conditions on which calls go to the canary: one for each route, sorted.
func canaryConditions(t *testing.T, s *snapshot.Snapshot, client mesh.Client) string {
	t.Helper()
	config := &routev3.RouteConfiguration{}
	const name = "outbound|8080||echo.demo.svc.cluster.local"
	if err := s.Resource(snapshot.RouteType, name, client).Any().UnmarshalTo(config); err != nil {
		t.Fatal(err)
	}
	var forms []string
	for _, route := range config.GetVirtualHosts()[0].GetRoutes() {
		if strings.Contains(route.GetRoute().GetCluster(), "canary") {
			forms = append(forms, formOf(route.GetMatch()))
		}
	}
	slices.Sort(forms)
	return strings.Join(forms, " / ")
}

// formOf names the fields that a match compares.
func formOf(m *routev3.RouteMatch) string {
	var all []string
	if fieldOf(m, "path_specifier") != "prefix" || m.GetPrefix() != "" && m.GetPrefix() != "/" {
		all = append(all, fieldOf(m, "path_specifier"))
	}
	for _, h := range m.GetHeaders() {
		form := fieldOf(h, "header_match_specifier")
		if h.GetInvertMatch() {
			form = "not " + form
		}
		if h.GetTreatMissingHeaderAsEmpty() {
			form += " (missing as empty)"
		}
		all = append(all, form)
	}
	for _, q := range m.GetQueryParameters() {
		all = append(all, "query "+fieldOf(q, "query_parameter_match_specifier"))
	}
	if all == nil {
		return "every call"
	}
	return strings.Join(all, ", ")
}

// fieldOf names the field that is set of a oneof.
func fieldOf(m proto.Message, oneof protoreflect.Name) string {
	r := m.ProtoReflect()
	return string(r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof)).Name())
}
