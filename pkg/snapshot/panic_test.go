package snapshot

import (
	"slices"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestPanicIsReported makes the translation of each resource type panic once, after the Problems were first computed.
// The client is answered as if the name did not exist, and the object gets an Internal Problem.
func TestPanicIsReported(t *testing.T) {
	const host, pod = "echo.demo.svc.cluster.local", "web-0.echo.demo.svc.cluster.local"
	service := &mesh.Service{Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}, Host: host, Ports: []mesh.Port{{Number: 80}}}
	world := servicelessWorld("api.example.com")
	world.Services = world.Services.With(map[string]*mesh.Service{host: service}, nil)
	world.Endpoints = world.Endpoints.With(map[string]*mesh.EndpointSet{
		host: {Host: host, Endpoints: []mesh.Endpoint{{Address: "10.0.0.1", Hostname: "web-0"}}},
	}, nil)
	serviceless := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "api.example.com"}
	tests := map[string]struct {
		t    Type
		name string
		want mesh.Ref
	}{
		"listener":                    {ListenerType, host + ":80", service.Ref},
		"routes":                      {RouteType, "outbound|80||" + host, service.Ref},
		"cluster":                     {ClusterType, "outbound|80||" + host, service.Ref},
		"endpoints":                   {EndpointType, "outbound|80||" + host, service.Ref},
		"a pod's listener":            {ListenerType, pod + ":80", service.Ref},
		"a pod's endpoints":           {EndpointType, "outbound|80||" + pod, service.Ref},
		"a serviceless host's":        {ListenerType, "api.example.com:80", serviceless},
		"a serviceless host's routes": {RouteType, "outbound|80||api.example.com", serviceless},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fail := false
			s := Empty(nil, func(Type) {
				if fail {
					fail = false
					panic("bug")
				}
			}).Derive(world, world.ChangedSince(nil))
			internal := func() []mesh.Problem {
				return slices.DeleteFunc(slices.Clone(s.Problems()), func(p mesh.Problem) bool { return p.Code != mesh.CodeInternal })
			}
			if before := internal(); len(before) != 0 {
				t.Fatalf("got %v before the panic", before)
			}
			fail = true
			if v := s.Resource(test.t, test.name, mesh.Client{Namespace: "demo"}); !v.NotFound {
				t.Errorf("got version %s of a resource whose translation panicked", v.Version)
			}
			if got := internal(); len(got) != 1 || got[0].Object != test.want {
				t.Errorf("got %v, want one Internal Problem of %v", got, test.want)
			}
		})
	}
}
