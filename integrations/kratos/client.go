// Package mizzenkratos makes clients of Kratos' HTTP transport follow the mesh:
//
//	mesh, err := xds.NewClient(xds.Options{HTTP: true}) // from github.com/mizzen-mesh/mizzen/integrations/go/xds
//	...
//	client, err := http.NewClient(ctx, mizzenkratos.WithMesh(mesh), http.WithEndpoint("orders.shop:8080"))
//
// The endpoint is a name of the mesh.
package mizzenkratos

import (
	"github.com/go-kratos/kratos/v2/transport/http"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshhttp"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// WithMesh has the calls of a client follow the mesh. The mesh chooses the endpoint of each attempt, below Kratos' middleware, so a
// discovery, a selector and node filters would choose before the rules are seen: do not set WithDiscovery. All clients of a process
// share one client of the mesh, which has Options.HTTP.
func WithMesh(mesh *xds.Client) http.ClientOption {
	return http.WithTransport(meshhttp.NewTransport(mesh, nil))
}
