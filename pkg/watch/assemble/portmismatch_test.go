package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestPortNames compares every combination of named ports of a Service and of its endpoints, in both kinds of objects.
func TestPortNames(t *testing.T) {
	sets := []string{"", "grpc", "rpc", "grpc admin", "grpc rpc", "admin rpc"}
	for _, service := range sets {
		for _, endpoints := range sets {
			for _, kind := range []string{"EndpointSlice", "Endpoints"} {
				t.Run(service+"/"+endpoints+"/"+kind, func(t *testing.T) {
					text := "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [" + portList(service) + "]}\n"
					if kind == "Endpoints" {
						text += "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: echo, namespace: demo}\nsubsets: [{addresses: [{ip: 10.0.0.1}], ports: [" + portList(endpoints) + "]}]\n"
					} else {
						text += "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n" +
							"ports: [" + portList(endpoints) + "]\nendpoints: [{addresses: [10.0.0.1]}]\n"
					}
					checkPortNames(t, apply(t, newTestAssembler(), text).Problems, strings.Split(service, " "), strings.Split(endpoints, " "), kind)
				})
			}
		}
	}
}

func checkPortNames(t *testing.T, problems []mesh.Problem, service, endpoints []string, kind string) {
	t.Helper()
	without, strange := minus(service, endpoints), minus(endpoints, service)
	if len(without)+len(strange) == 0 {
		if len(problems) > 0 {
			t.Errorf("got %v, want no Problems", problems)
		}
		return
	}
	if len(problems) != 1 || problems[0].Code != mesh.CodeEndpointPortMismatch {
		t.Fatalf("got %v, want a Problem %s", problems, mesh.CodeEndpointPortMismatch)
	}
	if fails := problems[0].Severity == mesh.Warning; fails != (len(without) > 0) {
		t.Errorf("got %v; calls fail: %t", problems, !fails)
	}
	for _, name := range append(append(without, strange...), kind+" demo/echo") {
		want := name
		if name == "" {
			want = "a port without a name"
		}
		if !strings.Contains(problems[0].Message, want) {
			t.Errorf("got %q, want in it %q", problems[0].Message, want)
		}
	}
}

// minus returns the names of a that are not in b.
func minus(a, b []string) []string {
	var out []string
	for _, name := range a {
		if !strings.Contains(" "+strings.Join(b, " ")+" ", " "+name+" ") {
			out = append(out, name)
		}
	}
	return out
}

// portList is a list of ports with these names, separated by spaces.
func portList(names string) string {
	var list []string
	for i, name := range strings.Split(names, " ") {
		list = append(list, fmt.Sprintf("{name: %q, port: %d}", name, 7100+i))
	}
	return strings.Join(list, ", ")
}
