// Program kratos is a client whose channels Kratos makes, with its middleware, as docs/clients/kratos.md says.
package main

import (
	"context"
	"time"

	"github.com/go-kratos/kratos/v2/middleware/circuitbreaker"
	"github.com/go-kratos/kratos/v2/middleware/recovery"
	kgrpc "github.com/go-kratos/kratos/v2/transport/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/xds" // the resolver for xds targets

	"github.com/mizzen-mesh/mizzen/test/interop/clients/frameworks/play"
)

func main() { play.Main(dial) }

func dial(target string, creds credentials.TransportCredentials) (grpc.ClientConnInterface, error) {
	return kgrpc.DialInsecure(context.Background(),
		kgrpc.WithEndpoint(target),
		kgrpc.WithTimeout(time.Minute),
		kgrpc.WithMiddleware(recovery.Recovery(), circuitbreaker.Client()),
		kgrpc.WithOptions(grpc.WithTransportCredentials(creds)),
	)
}
