package routes

import (
	"fmt"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestBodySizes: clients of Envoy's API take bodies of at most 4096 bytes, unless the RouteConfiguration says otherwise.
func TestBodySizes(t *testing.T) {
	for size, want := range map[int]struct {
		limit    uint32
		problems int
	}{4096: {}, 4097: {limit: 4097}, 1 << 20: {limit: 1 << 20}, 1<<20 + 1: {problems: 1}} {
		for _, kind := range []string{"string", "bytes"} {
			t.Run(fmt.Sprint(size, kind), func(t *testing.T) {
				var problems translatetest.Ledger
				body := &networking.HTTPBody{Specifier: &networking.HTTPBody_String_{String_: strings.Repeat("a", size)}}
				if kind == "bytes" {
					body.Specifier = &networking.HTTPBody_Bytes{Bytes: make([]byte, size)}
				}
				rule := &networking.HTTPRoute{DirectResponse: &networking.HTTPDirectResponse{Status: 200, Body: body}}
				out := httpAction(destinationResolver{family: mesh.FamilyHTTP, form: forms[mesh.FamilyHTTP]}, problems.Field(), rule, 80)
				config := routeConfiguration("a", []*routev3.Route{out.route})
				if got := config.GetMaxDirectResponseBodySizeBytes().GetValue(); got != want.limit {
					t.Errorf("got the limit %d, want %d", got, want.limit)
				}
				if len(problems) != want.problems || want.problems > 0 && out.route.GetRoute().GetCluster() != resource.RefusedCluster {
					t.Errorf("got %v and %v, want %d problems", out.route, problems, want.problems)
				}
			})
		}
	}
}

func TestRedirectPort(t *testing.T) {
	for name, test := range map[string]struct {
		redirect     string
		listenerPort uint32
		want         uint32
	}{
		"of the request":                     {"{authority: new.example, derivePort: FROM_REQUEST_PORT}", 8080, 8080},
		"of the request, the default":        {"{authority: new.example, derivePort: FROM_REQUEST_PORT}", 80, 0},
		"of the request, for another scheme": {"{scheme: https, derivePort: FROM_REQUEST_PORT}", 80, 80},
		"of the request, https":              {"{scheme: https, derivePort: FROM_REQUEST_PORT}", 443, 0},
		"of the protocol":                    {"{uri: /a, derivePort: FROM_PROTOCOL_DEFAULT}", 8080, 80},
		"of the protocol, https":             {"{scheme: https, derivePort: FROM_PROTOCOL_DEFAULT}", 8080, 443},
		"of the protocol, elsewhere":         {"{authority: new.example, derivePort: FROM_PROTOCOL_DEFAULT}", 8080, 0},
		"as written":                         {"{port: 81}", 80, 81},
		"of the authority":                   {"{authority: 'a:81'}", 80, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			got, ok := redirect(problems.Field(), translatetest.Parse(t, &networking.HTTPRedirect{}, test.redirect), test.listenerPort)
			if !ok || len(problems) > 0 || got.GetPortRedirect() != test.want {
				t.Errorf("got %v, %v, want the port %d", got, problems, test.want)
			}
		})
	}
}
