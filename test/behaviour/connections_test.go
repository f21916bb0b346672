package behaviour

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// connections is a VirtualService of echo with these tcp routes, each a YAML flow mapping, and one http route, if it
// is not empty.
func connections(http string, tcp ...string) string {
	text := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\nspec:\n  hosts: [echo]\n"
	if http != "" {
		text += "  http: [" + http + "]\n"
	}
	text += "  tcp:\n"
	for _, rule := range tcp {
		text += "  - " + rule + "\n"
	}
	return text
}

// TestConnectionRules: tcp routes decide where calls go.
func TestConnectionRules(t *testing.T) {
	to := func(version string) string { return "route: [{destination: {host: echo, subset: " + version + "}}]" }
	const port = "ports: [{name: main, port: 80}]"
	tests := map[string]struct {
		port string
		http string
		tcp  []string
		want string
	}{
		"nothing else is written":        {port, "", []string{"{" + to("v2") + "}"}, "v2"},
		"beside rules for calls":         {port, "{" + to("v1") + "}", []string{"{" + to("v2") + "}"}, "v1"},
		"the port is for TCP":            {"ports: [{name: tcp-grpc, port: 80}]", "{" + to("v1") + "}", []string{"{" + to("v2") + "}"}, "v2"},
		"the port is for TCP, otherwise": {"ports: [{name: grpc, port: 80, appProtocol: tcp}]", "{" + to("v1") + "}", []string{"{" + to("v2") + "}"}, "v2"},
		"another port":                   {port, "", []string{"{match: [{port: 81}], " + to("v1") + "}", "{" + to("v2") + "}"}, "v2"},
		"this caller":                    {port, "", []string{"{match: [{sourceLabels: {app: front}, sourceNamespace: shop}], " + to("v2") + "}", "{" + to("v1") + "}"}, "v2"},
		"another caller":                 {port, "", []string{"{match: [{sourceNamespace: demo}], " + to("v1") + "}", "{" + to("v2") + "}"}, "v2"},
		"for a gateway":                  {port, "", []string{"{match: [{gateways: [edge]}], " + to("v1") + "}", "{" + to("v2") + "}"}, "v2"},
		"by address, which nobody can":   {port, "", []string{"{match: [{destinationSubnets: [0.0.0.0/0]}], " + to("v1") + "}", "{" + to("v2") + "}"}, "v2"},
		"by weight": {port, "", []string{
			"{route: [{destination: {host: echo, subset: v1}, weight: 0}, {destination: {host: echo, subset: v2}, weight: 5}]}",
		}, "v2"},
	}
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			declared := fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {%s}\n---\n", test.port)
			for _, b := range []*backend{v1, v2} {
				declared += slicePorts(b) + fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: demo, labels: {version: %s}}\n---\n", b.name, b.version)
			}
			p := newPlane(t, declared, subsets("echo", "v1", "v2"), connections(test.http, test.tcp...))
			client := p.dialAs("echo.demo:80", bootstrap.Options{Namespace: "shop", Labels: map[string]string{"app": "front"}})
			for range 20 {
				wantVersion(t, client, test.want)
			}
		})
	}
}

// slicePorts is a slice of a backend, whose port has all of the names that it may have.
func slicePorts(b *backend) string {
	return fmt.Sprintf(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: %[2]d}, {name: main, port: %[2]d}, {name: tcp-grpc, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: %[1]s, namespace: demo}}]
`, b.name, b.port)
}
