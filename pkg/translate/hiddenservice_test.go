// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// TestHiddenServices checks destinations whose Service is not exported to clients that may take the rule.
func TestHiddenServices(t *testing.T) {
	service := func(name, exportTo string) string {
		host, namespace, _ := strings.Cut(name, ".")
		annotations := ""
		if exportTo != "" {
			annotations = fmt.Sprintf(", annotations: {networking.istio.io/exportTo: %q}", exportTo)
		}
		return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s%s}\nspec: {ports: [{name: grpc, port: 80}]}\n", host, namespace, annotations)
	}
	rules := func(name, spec string) string {
		short, namespace, _ := strings.Cut(name, ".")
		return fmt.Sprintf("---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", short, namespace, spec)
	}
	const toCart = "http: [{route: [{destination: {host: cart.shop}}]}]"
	all := service("web.web", "")
	hidden := service("cart.shop", ".")
	alias := "---\napiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: shop}\nspec: {type: ExternalName, externalName: cart.shop.svc.cluster.local}\n"
	// delegated has rules of the namespace platform that delegate to rules of the namespace shop.
	delegated := func(exportTo, root, delegate string) string {
		return service("cart.shop", exportTo) + rules("v.platform", "hosts: [api.example.com], "+root+"http: [{delegate: {name: d, namespace: shop}}]") + rules("d.shop", delegate)
	}
	const host = "spec.http[0].route[0].destination.host"
	tests := map[string]struct {
		text string
		want []string
	}{
		"a public Service":                             {all + service("cart.shop", "") + rules("v.web", "hosts: [web], "+toCart), nil},
		"a public Service by name":                     {all + service("cart.shop", "*") + rules("v.web", "hosts: [web], "+toCart), nil},
		"a Service of its own namespace":               {all + hidden + rules("v.web", "hosts: [web], "+toCart), []string{"warning v " + host}},
		"a Service of its own, and a serviceless host": {hidden + rules("v.web", "hosts: [api.example.com], "+toCart), []string{"warning v " + host}},
		"a Service of nobody, public rules":            {all + service("cart.shop", "~") + rules("v.web", "hosts: [web], "+toCart), []string{"error v " + host}},
		"rules for their namespace by name":            {all + hidden + rules("v.web", "hosts: [web], exportTo: [web], "+toCart), []string{"error v " + host}},
		"a match for clients that do not, or any":      {all + hidden + rules("v.web", "hosts: [web], http: [{match: [{sourceNamespace: front}, {uri: {prefix: /a.B/}}], route: [{destination: {host: cart.shop}}]}]"), []string{"error v " + host}},
		"a Service of nobody":                          {all + service("cart.shop", "~") + rules("v.web", "hosts: [web], exportTo: ['.'], "+toCart), []string{"error v " + host}},
		"rules for their namespace":                    {all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], "+toCart), []string{"error v " + host}},
		"exported to the rules' namespace":             {all + service("cart.shop", "web") + rules("v.web", "hosts: [web], exportTo: ['.'], "+toCart), nil},
		"exported to the rules' namespace alone":       {all + service("cart.shop", "web") + rules("v.web", "hosts: [web], "+toCart), []string{"info v " + host}},
		"rules for one of two namespaces":              {all + service("cart.shop", "web") + rules("v.web", "hosts: [web], exportTo: [web, front], "+toCart), []string{"error v " + host}},
		"rules that only its clients see":              {all + hidden + rules("v.web", "hosts: [web], exportTo: [shop], "+toCart), nil},
		"rules for the hidden Service itself":          {hidden + rules("v.shop", "hosts: [cart], "+toCart), nil},
		"rules of others for the hidden Service":       {hidden + rules("v.web", "hosts: [cart.shop], "+toCart), nil},
		"a host that the destination's clients see":    {service("web.web", "shop") + hidden + rules("v.web", "hosts: [web], "+toCart), nil},
		"a match for clients that see it":              {all + hidden + rules("v.web", "hosts: [web], http: [{match: [{sourceNamespace: shop}], route: [{destination: {host: cart.shop}}]}]"), nil},
		"a match for clients that do not":              {all + hidden + rules("v.web", "hosts: [web], http: [{match: [{sourceNamespace: front}], route: [{destination: {host: cart.shop}}]}]"), []string{"error v " + host}},
		"a match by labels":                            {all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{match: [{sourceLabels: {app: x}}], route: [{destination: {host: cart.shop}}]}]"), []string{"error v " + host}},
		"a match for a gateway":                        {all + hidden + rules("v.web", "hosts: [web], gateways: [g, mesh], exportTo: ['.'], http: [{match: [{gateways: [g]}], route: [{destination: {host: cart.shop}}]}]"), nil},
		"a rule that no call reaches":                  {all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{route: [{destination: {host: web}}]}, {route: [{destination: {host: cart.shop}}]}]"), nil},
		"one of two destinations":                      {all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{route: [{destination: {host: web}, weight: 50}, {destination: {host: cart.shop}, weight: 50}]}]"), []string{"error v spec.http[0].route[1].destination.host"}},
		"a tcp rule":                                   {all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], tcp: [{route: [{destination: {host: cart.shop}}]}]"), nil}, // the port is for HTTP
		"another name for it":                          {all + hidden + alias + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{route: [{destination: {host: x.shop}}]}]"), []string{"error v " + host}},
		"a serviceless host":                           {hidden + rules("v.web", "hosts: [api.example.com], exportTo: ['.'], "+toCart), []string{"error v " + host}},
		"a serviceless host for its clients":           {hidden + rules("v.web", "hosts: [api.example.com], exportTo: [shop], "+toCart), nil},
		"a serviceless host, and a wildcard of another namespace": {
			service("cart.shop", "web") + rules("v.web", "hosts: [api.example.com], "+toCart) + rules("w.front", "hosts: ['*.example.com'], http: [{directResponse: {status: 503}}]"),
			[]string{"info v " + host},
		},
		"a delegate": {
			all + hidden + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{delegate: {name: d}}]") + rules("d.web", toCart), []string{"error d " + host},
		},
		"a delegate in another namespace": {
			all + service("cart.shop", "web") + rules("v.web", "hosts: [web], exportTo: ['.'], http: [{delegate: {name: d, namespace: team}}]") + rules("d.team", toCart), nil,
		},
		"a delegate of public rules":                {delegated("web,edge", "", "exportTo: [platform], "+toCart), []string{"info d " + host}},
		"a delegate of public rules, for itself":    {delegated(".", "", toCart), []string{"info d " + host}},
		"a delegate of rules for those that see it": {delegated("web,edge", "exportTo: [edge, web], ", "exportTo: [platform], "+toCart), nil},
		"a delegate of rules for one that does not": {delegated("web,edge", "exportTo: [web, front], ", "exportTo: [platform], "+toCart), []string{"error d " + host}},
		"a delegate that names its clients": {
			delegated("web", "", "http: [{match: [{sourceNamespace: web}], route: [{destination: {host: cart.shop}}]}]"), nil,
		},
		"a delegate that names other clients": {
			delegated("web", "", "http: [{match: [{sourceNamespace: front}], route: [{destination: {host: cart.shop}}]}]"), []string{"error d " + host},
		},
		"a delegate of a public Service": {delegated("", "", toCart), nil},
		"a delegate that nobody uses":    {service("cart.shop", "web") + rules("d.shop", "exportTo: [platform], "+toCart), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "objects.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			world, err := files.Load(watch.Options{}, path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range snapshot.New(world).Problems() {
				if p.Code == mesh.CodeNoSuchHost && p.Object.Kind == "VirtualService" {
					got = append(got, fmt.Sprintf("%s %s %s", p.Severity, p.Object.Name, p.Field))
					// exportTo of a delegate is not about clients.
					if p.Object.Name == "d" && strings.Contains(p.Message, "exportTo") && !strings.Contains(p.Message, "VirtualService") {
						t.Errorf("got %q, which does not name the rules that delegate", p.Message)
					}
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("Problems (-got +want):\n%s", diff)
			}
		})
	}
}
