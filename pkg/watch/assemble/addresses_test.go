package assemble

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestAddressesOfOthers: the addresses of a ServiceEntry take nothing from Services, and nothing from the pods of other namespaces,
// whichever came first. The author is told.
func TestAddressesOfOthers(t *testing.T) {
	const ip = "10.0.0.9"
	claims := func(namespace string) string {
		return entry(namespace+"/e", "01", "hosts: ["+namespace+".example.com], addresses: ["+ip+"], ports: [{name: grpc, number: 80, protocol: GRPC}], resolution: STATIC, endpoints: [{address: 192.0.2.1}]")
	}
	pod := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: till-0, namespace: bank}\nspec: {nodeName: n}\nstatus: {phase: Running, podIP: " + ip + "}\n"
	service := "---\napiVersion: v1\nkind: Service\nmetadata: {name: till, namespace: bank}\nspec: {clusterIP: " + ip + ", ports: [{port: 81}]}\n"
	tests := map[string]struct {
		texts []string
		owner string
		want  []string
	}{
		"nobody else":              {[]string{claims("shop")}, "ServiceEntry shop/e", nil},
		"nobody else, two hosts":   {[]string{strings.Replace(claims("shop"), "hosts: [", "hosts: [b.example.com, ", 1)}, "ServiceEntry shop/e", nil},
		"a pod of its own":         {[]string{claims("bank"), pod}, "ServiceEntry bank/e", nil},
		"a pod of another":         {[]string{claims("shop"), pod}, "", []string{"error Conflict ServiceEntry shop/e spec.addresses: Pod bank/till-0 of another namespace has the address 10.0.0.9. The address has no effect here, because calls to that pod would go elsewhere. Remove it; clients can dial the hosts."}},
		"a pod of one of two":      {[]string{claims("shop"), claims("bank"), pod}, "ServiceEntry bank/e", []string{"error Conflict ServiceEntry shop/e spec.addresses: Pod bank/till-0 of another namespace has the address 10.0.0.9. The address has no effect here, because calls to that pod would go elsewhere. Remove it; clients can dial the hosts."}},
		"a Service of another":     {[]string{claims("shop"), service}, "Service bank/till", []string{"warning Conflict ServiceEntry shop/e spec.addresses: Service bank/till has the address 10.0.0.9, and calls to it go there. The address has no effect here. Remove it; clients can dial the hosts."}},
		"a Service of its own":     {[]string{claims("bank"), service}, "Service bank/till", []string{"warning Conflict ServiceEntry bank/e spec.addresses: Service bank/till has the address 10.0.0.9, and calls to it go there. The address has no effect here. Remove it; clients can dial the hosts."}},
		"an entry of another":      {[]string{claims("shop"), claims("bank")}, "", []string{"error Conflict ServiceEntry bank/e spec.addresses: ServiceEntry shop/e of another namespace has the address 10.0.0.9, too. Calls to the address fail. Remove it from one of the two; clients can dial the hosts.", "error Conflict ServiceEntry shop/e spec.addresses: ServiceEntry bank/e of another namespace has the address 10.0.0.9, too. Calls to the address fail. Remove it from one of the two; clients can dial the hosts."}},
		"all of them, and Service": {[]string{claims("shop"), claims("bank"), pod, service}, "Service bank/till", []string{"warning Conflict ServiceEntry bank/e spec.addresses: Service bank/till has the address 10.0.0.9, and calls to it go there. The address has no effect here. Remove it; clients can dial the hosts.", "warning Conflict ServiceEntry shop/e spec.addresses: Service bank/till has the address 10.0.0.9, and calls to it go there. The address has no effect here. Remove it; clients can dial the hosts."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for first := range test.texts {
				a := newTestAssembler()
				for i := range test.texts {
					apply(t, a, test.texts[(first+i)%len(test.texts)])
				}
				w := a.World()
				owner := ""
				if s := watchtest.Get(w.Addresses, ip); s != nil {
					owner = s.Ref.String()
				}
				if diff := cmp.Diff(test.want, watchtest.ProblemLines(w)); owner != test.owner || diff != "" {
					t.Errorf("from object %d on: the address belongs to %q, want %q; Problems (-want +got):\n%s", first, owner, test.owner, diff)
				}
				a.remove(object.Key{Kind: object.KindPod, Namespace: "bank", Name: "till-0"})
				a.remove(object.Key{Kind: object.KindService, Namespace: "bank", Name: "till"})
				if w := a.World(); len(test.texts) == 2 && test.want != nil && len(a.external.entries) == 1 {
					if s := watchtest.Get(w.Addresses, ip); s == nil || len(w.Problems) > 0 {
						t.Errorf("once the other is gone the address belongs to %v, with %v", s, w.Problems)
					}
				}
			}
		})
	}
}
