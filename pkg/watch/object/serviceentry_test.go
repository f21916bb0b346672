package object

import (
	"fmt"
	"strings"
	"testing"

	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestHostsOfOthers: a ServiceEntry cannot take the names of Services in other namespaces, whether they exist or not.
func TestHostsOfOthers(t *testing.T) {
	for host, taken := range map[string]bool{
		"db.example.com":                 true,
		"ghost.shop.svc.cluster.local":   true,
		"ghost.SHOP.svc.cluster.local":   true,
		"ghost.bank.svc.cluster.local":   false,
		"a.ghost.bank.svc.cluster.local": false,
		"*.bank.svc.cluster.local":       false,
	} {
		t.Run(host, func(t *testing.T) {
			out := convertServiceEntry(&istiov1.ServiceEntry{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "e"},
				Spec: networking.ServiceEntry{
					Hosts: []string{host}, Resolution: networking.ServiceEntry_STATIC, Ports: []*networking.ServicePort{{Number: 80, Name: "grpc"}},
					Endpoints: []*networking.WorkloadEntry{{Address: "10.0.0.1"}},
				},
			}, "cluster.local")
			if got := out.Value != nil; got != taken || len(out.Problems) > 0 == taken {
				t.Errorf("got a value: %t, want %t; Problems %v", got, taken, out.Problems)
			}
		})
	}
}

// TestAddressesOfWorkloads: an address that means another server on each machine is left out.
func TestAddressesOfWorkloads(t *testing.T) {
	for address, used := range map[string]bool{
		"10.0.0.1": true, "fd00::1": true, "127.0.0.1": true, // loopback is for servers on one machine
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false, "ff02::1": false,
	} {
		out := convertWorkloadEntry(&istiov1.WorkloadEntry{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "w"}, Spec: networking.WorkloadEntry{Address: address},
		}, "cluster.local")
		if got := out.Value != nil; got != used || strings.Contains(fmt.Sprint(out.Problems), "another server") == used {
			t.Errorf("%s: got a value: %t, want %t; Problems %v", address, got, used, out.Problems)
		}
	}
}
