package view_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/view"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// BenchmarkLists asks for a page of each list while clients come and go, so that nothing is kept from the request before
// for longer than a second: 500 hosts, and 10,000 clients of 10 names.
func BenchmarkLists(b *testing.B) {
	f := start(b)
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "apiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: shop}\nspec: {ports: [{name: grpc, port: 80}]}\n---\n", i)
	}
	publish(b, f.store, text.String(), 1)
	for i := range 10_000 {
		c := f.connect(fmt.Sprint("client-", i), "shop")
		defer c.Close()
		var names []string
		for j := range 10 {
			names = append(names, fmt.Sprintf("outbound|80||s%d.shop.svc.cluster.local", (i+j)%500))
		}
		c.subscribe(snapshot.ClusterType, "", names...)
	}
	for _, path := range []string{"/api/hosts", "/api/streams?q=client-77", "/api/hosts/s1.shop.svc.cluster.local"} {
		for _, churn := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/churn=%t", strings.ReplaceAll(path, "/", "_"), churn), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if churn {
						f.connect("x", "shop").Close()
						view.Forget(f.views)
					}
					f.get(b, path, http.StatusOK, nil)
				}
			})
		}
	}
}
