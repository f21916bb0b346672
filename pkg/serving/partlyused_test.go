package serving_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestPartlyUsed has an Envoy refuse responses that have some routes, with a text that names none of them. It is sent them again in
// smaller responses, until those alone are left that it cannot use.
func TestPartlyUsed(t *testing.T) {
	var services, names []string
	for i := range 7 {
		services = append(services, aService(fmt.Sprintf("s%d", i)))
		names = append(names, fmt.Sprintf("outbound|8080||s%d.demo.svc.cluster.local", i))
	}
	for text, test := range map[string]struct {
		bad  []int
		want string
	}{
		"in the middle": {[]int{3}, "7! 3 4! 2! 1! 1 2"},
		"two":           {[]int{0, 6}, "7! 3! 1! 1 2 3! 1 2! 1 1!"},
		"the last":      {[]int{6}, "7! 3 4! 2 2! 1 1!"},
	} {
		t.Run(text, func(t *testing.T) {
			store := serving.NewStore(serving.Options{})
			store.Publish(snapshottest.Load(t, services))
			session := store.Open(serving.ClientInfoOf(&corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo")}, "", ""), nil)
			defer session.Close()
			session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.RouteType), ResourceNamesSubscribe: names})
			var sizes []string
			used := map[string]bool{}
			for r := session.Next(); r != nil && len(sizes) < 100; r = session.Next() {
				answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce}
				size := fmt.Sprint(len(r.Resources))
				for _, v := range r.Resources {
					if slices.Contains(test.bad, slices.Index(names, v.Name)) {
						answer.ErrorDetail = &statuspb.Status{Message: "invalid escape sequence"}
						size = strings.TrimSuffix(size, "!") + "!"
					}
				}
				if sizes = append(sizes, size); answer.ErrorDetail == nil {
					for _, v := range r.Resources {
						used[v.Name] = true
					}
				}
				session.DeltaRequest(answer)
			}
			if got := strings.Join(sizes, " "); got != test.want || len(used) != len(names)-len(test.bad) {
				t.Errorf("got responses of %s resources, and %d used, want %s", got, len(used), test.want)
			}
		})
	}
}
