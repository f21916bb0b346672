package translate_test

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// A Service without rules has one RouteConfiguration and one Cluster for each port.
func ExampleHost() {
	facts := translate.Facts{Service: &mesh.Service{
		Ref:   mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"},
		Host:  "echo.demo.svc.cluster.local",
		Ports: []mesh.Port{{Name: "grpc", Number: 8080}},
	}}
	bundle := translate.Host(facts.Project(mesh.Client{Namespace: "demo"}))
	for _, r := range bundle.Routes {
		fmt.Println("route  ", r.Name)
	}
	for _, r := range bundle.Clusters {
		fmt.Println("cluster", r.Name)
	}
	// Output:
	// route   outbound|8080||echo.demo.svc.cluster.local
	// cluster outbound|8080||echo.demo.svc.cluster.local
}
