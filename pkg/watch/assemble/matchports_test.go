package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestMatchPorts checks which matches by port are reported. The Service echo has port 80, and other has port 9090.
func TestMatchPorts(t *testing.T) {
	rules := func(name, declared, match string) string {
		return watchtest.VirtualService(name, "01", declared+"http: [{match: ["+match+"], route: [{destination: {host: echo}}]}]")
	}
	other := strings.NewReplacer("echo", "other", "port: 80", "port: 9090").Replace(watchtest.EchoService)
	tests := map[string]struct {
		text string
		want []string
	}{
		"its port":                    {rules("v", "hosts: [echo], ", "{port: 80}"), nil},
		"no port of it":               {rules("v", "hosts: [echo], ", "{port: 80}, {port: 9090}"), []string{"demo/v spec.http[0].match[1].port"}},
		"a port of the other host":    {rules("v", "hosts: [echo, other], ", "{port: 9090}"), nil},
		"of neither":                  {rules("v", "hosts: [echo, other], ", "{port: 1}"), []string{"demo/v spec.http[0].match[0].port"}},
		"of a wildcard":               {rules("v", "hosts: ['*.demo.svc.cluster.local'], ", "{port: 9090}, {port: 1}"), []string{"demo/v spec.http[0].match[1].port"}},
		"of a host without a Service": {rules("v", "hosts: [echo, api.example.com], ", "{port: 1}"), nil},
		"of a wildcard of any hosts":  {rules("v", "hosts: [echo, '*.com'], ", "{port: 1}"), nil},
		"for a gateway, too":          {rules("v", "hosts: [echo], gateways: [mesh, g], ", "{port: 1}, {port: 2, gateways: [mesh]}"), []string{"demo/v spec.http[0].match[1].port"}},
		"for TCP": {
			watchtest.VirtualService("v", "01", "hosts: [echo], tcp: [{match: [{port: 1}], route: [{destination: {host: echo}}]}]"),
			[]string{"demo/v spec.tcp[0].match[0].port"},
		},
		"of a delegate": {
			rules("d", "", "{port: 80}, {port: 1}") + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{delegate: {name: d}}]"),
			[]string{"demo/d spec.http[0].match[1].port"},
		},
		"of a delegate of two": {
			rules("d", "", "{port: 9090}, {port: 1}") + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{delegate: {name: d}}]") +
				watchtest.VirtualService("w", "01", "hosts: [other], http: [{delegate: {name: d}}]"),
			[]string{"demo/d spec.http[0].match[1].port"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			services := watchtest.EchoService + other
			for _, steps := range [][]string{{services, test.text}, {test.text, services}} {
				a := newTestAssembler()
				var got []string
				for _, step := range steps {
					got = nil
					for _, line := range watchtest.ProblemLines(apply(t, a, step)) {
						if field, ok := strings.CutPrefix(line, "warning NoSuchPort VirtualService "); ok {
							got = append(got, strings.SplitN(field, ":", 2)[0])
						}
					}
				}
				slices.Sort(got)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestMatchPortsFollowServices: the Problem goes when the Service gets the port.
func TestMatchPortsFollowServices(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+watchtest.VirtualService("v", "01", "hosts: [echo], http: [{match: [{port: 9090}], route: [{destination: {host: echo}}]}]"))
	if got := watchtest.ProblemLines(apply(t, a, strings.ReplaceAll(watchtest.EchoService, "port: 80", "port: 9090"))); got != nil {
		t.Errorf("got %q, want no Problems", got)
	}
}
