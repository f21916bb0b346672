package behaviour

import (
	"strings"
	"testing"
)

// TestRouteIsForItsService: a Route applies to calls of its parent alone, by each name and by the cluster IP, and not to calls of
// the Services that are its backends. Rules may have names.
func TestRouteIsForItsService(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	own := strings.Replace(service("echo", v1), "spec: {", "spec: {clusterIP: 10.9.8.7, ", 1)
	for _, kind := range []string{"GRPCRoute", "HTTPRoute"} {
		t.Run(kind, func(t *testing.T) {
			p := newPlane(t, own, service("two", v2), route(kind, "echo", "name: echo",
				"{name: special, matches: [{headers: [{name: x-user, value: ann}]}], "+sendTo("two")+"}", "{name: others, "+sendTo("echo")+"}"))
			for _, dialed := range []string{"echo", "echo.demo", "echo.demo.svc.cluster.local:80", "10.9.8.7:80"} {
				wantEach(t, p.dial(dialed), map[string]string{"": "v1", "x-user ann": "v2"})
			}
			wantEach(t, p.dial("two"), map[string]string{"": "v2", "x-user ann": "v2"})
		})
	}
}
