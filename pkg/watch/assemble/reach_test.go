package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestReach checks rules that no client uses because of whom they, and the Services that they are for, are exported to; in
// every order of arrival.
func TestReach(t *testing.T) {
	service := func(exportTo string) string {
		return strings.ReplaceAll(watchtest.EchoService, "namespace: demo}", fmt.Sprintf("namespace: demo, annotations: {networking.istio.io/exportTo: %q}}", exportTo))
	}
	routes := func(name, exportTo string) string {
		return watchtest.VirtualService(name, "01", "hosts: [echo.demo], exportTo: ["+exportTo+"], http: [{route: [{destination: {host: echo.demo}}]}]")
	}
	policy := func(name, exportTo string) string {
		return watchtest.DestinationRule(name, "01", "host: echo.demo, exportTo: ["+exportTo+"]")
	}
	another := strings.ReplaceAll(watchtest.EchoService, "name: echo", "name: other")
	noRoutes, noPolicy := []string{"VirtualService shop/v spec.hosts[0]"}, []string{"DestinationRule shop/d spec.host"}
	tests := map[string]struct {
		text string
		want []string
	}{
		"routes, both for all":                    {service("*") + routes("shop/v", ""), nil},
		"routes for their namespace":              {service("*") + routes("shop/v", "."), nil},
		"routes for one namespace":                {service("*") + routes("shop/v", "web"), nil},
		"routes of another namespace":             {service(".") + routes("shop/v", ""), nil},
		"routes that the Service's clients see":   {service(".") + routes("shop/v", "demo"), nil},
		"routes that none of them sees":           {service(".") + routes("shop/v", "."), noRoutes},
		"routes and a Service for two namespaces": {service("web,till") + routes("shop/v", "front"), noRoutes},
		"routes and a Service for one namespace":  {service("web,till") + routes("shop/v", "front,till"), nil},
		"routes in the namespace of a Service":    {service(".") + routes("v", "shop"), []string{"VirtualService demo/v spec.hosts[0]"}},
		"a Service for nobody":                    {service("~") + routes("shop/v", ""), nil},
		"routes of a wildcard over two": {
			service(".") + another + watchtest.VirtualService("shop/v", "01", "hosts: ['*.demo.svc.cluster.local'], exportTo: ['.'], http: [{route: [{destination: {host: echo.demo}}]}]"), nil,
		},
		"routes of a wildcard over one": {
			service(".") + watchtest.VirtualService("shop/v", "01", "hosts: ['*.demo.svc.cluster.local'], exportTo: ['.'], http: [{route: [{destination: {host: echo.demo}}]}]"), noRoutes,
		},
		"routes for a gateway, too": {
			service(".") + watchtest.VirtualService("shop/v", "01", "hosts: [echo.demo], gateways: [g, mesh], exportTo: ['.'], http: [{route: [{destination: {host: echo.demo}}]}]"), nil,
		},
		"a policy for all":                             {service("*") + policy("shop/d", ""), nil},
		"a policy for its namespace":                   {service("*") + policy("shop/d", "."), nil},
		"a policy for another namespace":               {service("*") + policy("shop/d", "web"), []string{"DestinationRule shop/d spec.exportTo"}},
		"a policy for the Service's namespace":         {service("*") + policy("shop/d", "demo"), []string{"DestinationRule shop/d spec.exportTo"}},
		"a policy for both":                            {service("*") + policy("shop/d", "., demo"), nil},
		"a policy in the Service's namespace":          {service("*") + policy("d", "web"), nil},
		"a policy in the root namespace":               {service("*") + policy("istio-system/d", "web"), nil},
		"a policy of clients that do not see it":       {service(".") + policy("shop/d", ""), noPolicy},
		"a policy of clients that see it":              {service("shop") + policy("shop/d", ""), nil},
		"a policy beside it for clients that do not":   {service(".") + policy("d", "shop"), []string{"DestinationRule demo/d spec.host"}},
		"a policy of the root for clients that do not": {service(".") + policy("istio-system/d", "shop"), []string{"DestinationRule istio-system/d spec.host"}},
		"a policy for a Service of nobody":             {service("~") + policy("shop/d", ""), nil},
		"a policy that selects clients":                {service("*") + watchtest.DestinationRule("shop/d", "01", "host: echo.demo, workloadSelector: {matchLabels: {a: b}}"), nil},
		"a policy that selects clients, not seeing it": {service(".") + watchtest.DestinationRule("shop/d", "01", "host: echo.demo, workloadSelector: {matchLabels: {a: b}}"), noPolicy},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			documents := strings.Split(strings.TrimPrefix(test.text, "---\n"), "---\n")
			for range documents {
				documents = append(documents[1:], documents[0])
				a := newTestAssembler()
				apply(t, a, strings.Replace(watchtest.EchoService, "grpc", "other", 1)) // of another shape, replaced
				var w *mesh.World
				for _, document := range documents {
					w = apply(t, a, document)
				}
				var got []string
				for _, p := range w.Problems {
					if p.Code == mesh.CodeUnreachable {
						got = append(got, fmt.Sprintf("%s %s %s", p.Object.Kind, p.Object.Key(), p.Field))
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Fatalf("Problems (-want +got):\n%s", diff)
				}
			}
		})
	}
}
