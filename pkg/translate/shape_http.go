package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// unknownListener says in its metadata that the mesh does not know the name. A client that has a registry of its own asks
// the registry then. To another client it is what gRPC clients get: calls fail.
func unknownListener(name string, missing mesh.Features) resource.Resource {
	r := listenerWithoutRoutes(name, missing)
	r.Message.(*listenerv3.Listener).Metadata = resource.Metadata(map[string]*structpb.Value{"unknown": structpb.NewBoolValue(true)})
	return r
}
