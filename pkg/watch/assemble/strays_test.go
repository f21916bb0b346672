package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestStrays checks endpoints that belong to no Service, in every order of arrival.
func TestStrays(t *testing.T) {
	const address = "ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]\n"
	slice := func(name, labels, rest string) string {
		return fmt.Sprintf("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s, namespace: demo, labels: {%s}}\naddressType: IPv4\n%s", name, labels, rest)
	}
	service := func(name string) string {
		return strings.Replace(watchtest.EchoService, "name: echo", "name: "+name, 1)
	}
	endpoints := func(name string) string {
		return "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: " + name + ", namespace: demo}\nsubsets: [{ports: [{name: grpc, port: 1}], addresses: [{ip: 10.0.0.1}]}]\n"
	}
	const label = "kubernetes.io/service-name: "
	empty := "warning NoEndpoints Service demo/echo"
	toEcho := watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: echo}}]}]")
	tests := map[string]struct {
		text string
		want []string
	}{
		"its own":                            {service("echo") + slice("echo-a", label+"echo", address), nil},
		"no label":                           {service("echo") + slice("echo-a", "", address), []string{empty}},
		"no label, and the Service's name":   {service("echo") + slice("echo", "", address), []string{empty}},
		"no label, and another name":         {service("echo") + slice("cart-a", "", address), nil},
		"no label, and the Service has some": {service("echo") + slice("echo-a", "", address) + slice("echo-b", label+"echo", address), nil},
		"no label, and no addresses":         {service("echo") + slice("echo-a", "", ""), nil},
		"no label, and no Service":           {slice("echo-a", "", address), nil},
		"of several clusters":                {service("echo") + slice("echo-a", "multicluster.kubernetes.io/service-name: echo", address), nil},
		"a misspelled name":                  {service("echo") + slice("x", label+"ecoh", address), []string{"warning NoSuchHost EndpointSlice demo/x", empty}},
		"a longer name":                      {service("echo") + slice("echo-gateway-a", label+"echo-gateway", address), []string{"info NoSuchHost EndpointSlice demo/echo-gateway-a"}},
		"Endpoints of a longer name":         {service("echo") + endpoints("echo-leader"), []string{"info NoSuchHost Endpoints demo/echo-leader"}},
		"another name":                       {service("echo") + slice("x", label+"cart", address), []string{"info NoSuchHost EndpointSlice demo/x"}},
		"a misspelled name beside its own":   {service("echo") + slice("x", label+"ecoh", address) + slice("y", label+"echo", address), []string{"info NoSuchHost EndpointSlice demo/x"}},
		"a name, and no Service":             {slice("x", label+"cart", address), nil},
		"a name, and no addresses":           {service("echo") + slice("x", label+"ecoh", "ports: []\nendpoints: []\n"), nil},
		"another namespace":                  {service("echo") + strings.Replace(slice("x", label+"echo", address), "namespace: demo", "namespace: default", 1), []string{"warning NoSuchHost EndpointSlice default/x"}},
		"another namespace, and its own":     {service("echo") + slice("y", label+"echo", address) + strings.Replace(slice("x", label+"echo", address), "namespace: demo", "namespace: default", 1), nil},
		"numbered names":                     {service("echo-1") + slice("x", label+"echo-2", address), []string{"info NoSuchHost EndpointSlice demo/x"}},
		"Endpoints of another name":          {service("echo") + endpoints("ecoh"), []string{"warning NoSuchHost Endpoints demo/ecoh", empty}},
		"its own Endpoints":                  {service("echo") + endpoints("echo"), nil},
		"a Service that a rule names": {
			service("echo") + slice("echo-a", "", address) + toEcho,
			[]string{empty, "warning NoEndpoints VirtualService demo/v"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			documents := strings.Split(strings.TrimPrefix(test.text, "---\n"), "---\n")
			for range documents {
				documents = append(documents[1:], documents[0])
				a := newTestAssembler()
				var w *mesh.World
				for _, document := range documents {
					w = apply(t, a, document)
				}
				var got []string
				for _, p := range w.Problems {
					if p.Field == "metadata.labels" {
						continue // of an EndpointSlice without a label, by itself
					}
					got = append(got, fmt.Sprintf("%s %s %s %s", p.Severity, p.Code, p.Object.Kind, p.Object.Key()))
					if p.Object.Kind == "Service" && !strings.Contains(p.Message, "looks meant for it.") {
						t.Errorf("got %q, want in it what looks meant for the Service", p.Message)
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Fatalf("Problems (-want +got):\n%s", diff)
				}
			}
		})
	}
}
