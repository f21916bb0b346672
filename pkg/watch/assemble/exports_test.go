package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestExportedNamespaces checks names of namespaces in exportTo, while the other objects come and go.
func TestExportedNamespaces(t *testing.T) {
	service := func(namespace string) string {
		return strings.ReplaceAll(watchtest.EchoService, "namespace: demo", "namespace: "+namespace)
	}
	routes := func(exportTo string) string {
		return watchtest.VirtualService("v", "01", "hosts: [echo], exportTo: ["+exportTo+"], http: [{route: [{destination: {host: echo}}]}]")
	}
	exported := strings.Replace(watchtest.EchoService, "namespace: demo}", "namespace: demo, annotations: {networking.istio.io/exportTo: 'demo,shpo'}}", 1)
	info, warning := []string{"info VirtualService spec.exportTo"}, []string{"warning VirtualService spec.exportTo"}
	tests := map[string]struct {
		others, text string
		want         []string
		// stays is set if the Problem does not depend on the others.
		stays bool
	}{
		"a namespace that is there":       {service("shop"), routes("shop"), nil, false},
		"a namespace with clients only":   {"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shpo}\n" + service("shop"), routes("shpo"), nil, false},
		"letters swapped":                 {service("shop"), routes("shpo"), info, false},
		"a letter less":                   {service("payments"), routes("., paymens"), info, false},
		"beside the right one":            {service("shop"), routes("shpo, shop"), nil, false},
		"another namespace":               {service("shop"), routes("front"), nil, false},
		"another number":                  {service("team-1"), routes("team-2"), nil, false},
		"another stage":                   {service("shop-prod"), routes("shop-dev"), nil, false},
		"a word":                          {service("shop"), routes("all"), warning, true},
		"a word that teams use":           {service("shop"), routes("public"), info, true},
		"namespaces of a family":          {service("shop-eu"), routes("'.', shop-us, shop-ap"), nil, false},
		"beside its own by a sign":        {service("shop"), routes("'.', demmo"), nil, false},
		"its own misspelled":              {service("shop"), routes("demmo"), info, true},
		"a word that is a namespace":      {service("all"), routes("all"), nil, true},
		"a DestinationRule":               {service("shop"), watchtest.DestinationRule("d", "01", "host: echo, exportTo: [shpo]"), []string{"info DestinationRule spec.exportTo"}, false},
		"a Service":                       {service("shop"), exported, []string{"info Service metadata.annotations[networking.istio.io/exportTo]"}, false},
		"its own namespace by a sign":     {service("shop"), routes("'.'"), nil, false},
		"every namespace":                 {service("shop"), routes("'*'"), nil, false},
		"a namespace with the same start": {service("shop"), routes("shopping"), nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := func(w *mesh.World) []string {
				var got []string
				for _, p := range w.Problems {
					if p.Code == mesh.CodeInvalidValue {
						got = append(got, fmt.Sprintf("%s %s %s", p.Severity, p.Object.Kind, p.Field))
					}
				}
				return got
			}
			for _, steps := range [][]string{{watchtest.EchoService, test.others, test.text}, {watchtest.EchoService, test.text, test.others}} {
				a := newTestAssembler()
				var w *mesh.World
				for _, step := range steps {
					w = apply(t, a, step)
				}
				if diff := cmp.Diff(test.want, found(w)); diff != "" {
					t.Fatalf("Problems (-want +got):\n%s", diff)
				}
				for _, o := range watchtest.Objects(t, test.others) {
					a.remove(o.Key)
				}
				if got := found(a.World()); len(got) > 0 && !test.stays {
					t.Errorf("got %q after the other namespace is gone", got)
				}
			}
		})
	}
}
