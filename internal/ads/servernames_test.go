package ads

import (
	"fmt"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestServerNamesAreBounded: each port of a server has its own copy of the rules that apply to the process, so a process
// that subscribes to very many ports would take the memory of the control plane. It is refused, in both protocols.
func TestServerNamesAreBounded(t *testing.T) {
	forms := map[snapshot.Type]string{snapshot.RouteType: "inbound|%d||", snapshot.ListenerType: "grpc/server?xds.resource.listening_address=[::]:%d"}
	names := func(form string, first, n int) (all []string) {
		for port := first; port < first+n; port++ {
			all = append(all, fmt.Sprintf(form, port))
		}
		return all
	}
	for typeURL, form := range forms {
		t.Run(typeURL.ShortName(), func(t *testing.T) {
			r := start(t, 0)
			r.store.Publish(world(1))
			stream := r.open(t)
			send(t, stream, &discoveryv3.DiscoveryRequest{TypeUrl: string(typeURL), ResourceNames: names(form, 1, maxServerNames)})
			if got := len(receive(t, stream).GetResources()); got != maxServerNames {
				t.Errorf("got %d resources, want %d", got, maxServerNames)
			}
			send(t, stream, &discoveryv3.DiscoveryRequest{TypeUrl: string(typeURL), ResourceNames: names(form, 1, maxServerNames+1)})
			if _, err := stream.Recv(); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("got %v, want %v", err, codes.ResourceExhausted)
			}
		})
		t.Run(typeURL.ShortName()+", incremental", func(t *testing.T) {
			r := start(t, 0)
			r.store.Publish(world(1))
			stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn).DeltaAggregatedResources(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, first := range []int{1, 1 + maxServerNames} {
				if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(typeURL), ResourceNamesSubscribe: names(form, first, maxServerNames)}); err != nil {
					t.Fatal(err)
				}
				_, err = stream.Recv()
			}
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("got %v, want %v", err, codes.ResourceExhausted)
			}
		})
	}
}
