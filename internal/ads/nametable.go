package ads

import (
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// nameTableType is Istio's table of the addresses of hosts. The xDS module of Kitex asks for it before anything else, and its process
// waits for the answer without a limit of time.
const nameTableType = "type.googleapis.com/istio.networking.nds.v1.NameTable"

// answerNameTable sends an empty table to a client that waits for one. Nothing else is sent on the stream before that.
func answerNameTable(v *clientStream, stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer, first *discoveryv3.DiscoveryRequest) error {
	if !v.kind.AwaitsNameTable() || first.GetTypeUrl() != nameTableType {
		return nil
	}
	return stream.Send(&discoveryv3.DiscoveryResponse{
		TypeUrl: nameTableType, VersionInfo: "1", Nonce: "1", Resources: []*anypb.Any{{TypeUrl: nameTableType}},
	})
}
