package object

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestGatewaysOfMatches checks gateways of matches against those of the VirtualService, in each kind of rule.
func TestGatewaysOfMatches(t *testing.T) {
	tests := map[string]struct {
		gateways, match string
		want            []string
	}{
		"none":                           {"", "", nil},
		"mesh":                           {"", "mesh", nil},
		"mesh, which is named":           {"mesh", "mesh", nil},
		"one of both":                    {"edge, mesh", "edge", nil},
		"both":                           {"edge, mesh", "mesh, edge", nil},
		"with its namespace":             {"edge, mesh", "demo/edge", nil},
		"without its namespace":          {"demo/edge, mesh", "edge", nil},
		"in the same namespace":          {"./edge, mesh", "demo/edge", nil},
		"in its legacy form":             {"istio-system/edge, mesh", "edge.istio-system.svc.cluster.local", nil},
		"for a gateway alone":            {"edge", "edge", []string{"info NotForMesh spec.gateways"}},
		"no gateways are named":          {"", "edge", []string{"warning Unreachable M[0]"}},
		"no gateways are named, one is":  {"", "mesh, edge", []string{"warning Unreachable M[1]"}},
		"another gateway":                {"edge, mesh", "egde", []string{"warning Unreachable M[0]"}},
		"another namespace":              {"edge, mesh", "shop/edge", []string{"warning Unreachable M[0]"}},
		"the mesh is not named":          {"edge", "mesh", []string{"warning Unreachable M[0]", "info NotForMesh spec.gateways"}},
		"in another case":                {"", "Mesh", []string{"warning NotForMesh M[0]"}},
		"in another case in the list":    {"MESH", "", []string{"warning NotForMesh spec.gateways[0]", "info NotForMesh spec.gateways"}},
		"in another case beside another": {"mesh, Mesh", "mesh", []string{"warning NotForMesh spec.gateways[1]"}},
	}
	for name, test := range tests {
		list := func(text string) []string {
			if text == "" {
				return nil
			}
			return strings.Split(text, ", ")
		}
		match := list(test.match)
		rules := map[string]*networking.VirtualService{
			"http": {Http: []*networking.HTTPRoute{{Match: []*networking.HTTPMatchRequest{{Gateways: match}}}}},
			"tcp":  {Tcp: []*networking.TCPRoute{{Match: []*networking.L4MatchAttributes{{Gateways: match}}}}},
			"tls":  {Tls: []*networking.TLSRoute{{Match: []*networking.TLSMatchAttributes{{Gateways: match}}}}},
		}
		for section, spec := range rules {
			t.Run(name+" in "+section, func(t *testing.T) {
				spec.Hosts, spec.Gateways = []string{"echo"}, list(test.gateways)
				var got, want []string
				v := &istiov1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "v"}}
				spec.DeepCopyInto(&v.Spec)
				for _, p := range convertVirtualService(v, "cluster.local").Problems {
					got = append(got, fmt.Sprintf("%s %s %s", p.Severity, p.Code, p.Field))
				}
				for _, line := range test.want {
					want = append(want, strings.Replace(line, " M[", " spec."+section+"[0].match[0].gateways[", 1))
				}
				if diff := cmp.Diff(got, want); diff != "" {
					t.Errorf("Problems (-got +want):\n%s", diff)
				}
			})
		}
	}
}

// TestGatewaysOfDelegates: the VirtualServices that delegate have the gateways.
func TestGatewaysOfDelegates(t *testing.T) {
	v := &istiov1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "v"}}
	v.Spec.Http = []*networking.HTTPRoute{{Match: []*networking.HTTPMatchRequest{{Gateways: []string{"edge", "mEsh"}}}}}
	if got := convertVirtualService(v, "cluster.local").Problems; len(got) != 1 || got[0].Field != "spec.http[0].match[0].gateways[1]" {
		t.Errorf("got %v, want one about mEsh", got)
	}
}
