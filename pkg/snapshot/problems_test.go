package snapshot_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestOneProblemOfAField: what has one cause is reported once.
func TestOneProblemOfAField(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{name: grpc, port: 80}]}\n"
	policy := func(p string) string {
		return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: shop}\nspec: {host: cart, trafficPolicy: {connectionPool: " + p + "}}\n"
	}
	rules := func(http string) string {
		return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: cart, namespace: shop}\nspec: {hosts: [cart], http: " + http + "}\n"
	}
	const to, pool = ", route: [{destination: {host: cart}}]}", "spec.trafficPolicy.connectionPool."
	tests := map[string]struct {
		object string
		want   []string
	}{
		"a duration that is refused": {policy("{http: {idleTimeout: 0s}, tcp: {connectTimeout: 0s}}"), []string{
			"error InvalidValue " + pool + "http.idleTimeout", "error InvalidValue " + pool + "tcp.connectTimeout",
		}},
		"a duration that clients ignore": {policy("{http: {idleTimeout: 5s}, tcp: {idleTimeout: 0s}}"), []string{
			"warning Unsupported " + pool + "http.idleTimeout", "warning Unsupported " + pool + "tcp.idleTimeout",
		}},
		"a path of no method that an earlier match covers": {
			rules("[{match: [{uri: {prefix: /a.B/}}, {uri: {exact: /a.B/C/d}}, {uri: {prefix: /a.B/C/}}]" + to + ", {match: [{uri: {exact: /a.B/}}]" + to + "]"),
			[]string{"warning Unreachable spec.http[0].match[1].uri.exact", "warning Unreachable spec.http[0].match[2].uri.prefix", "warning Unreachable spec.http[1].match[0].uri.exact"},
		},
		"paths of methods that an earlier match covers": {
			rules("[{match: [{uri: {prefix: /a.B/}}, {uri: {exact: /a.B/C}}]" + to + ", {match: [{uri: {exact: /a.B/D}}]" + to + "]"),
			[]string{"warning Unreachable spec.http[0].match[1]", "warning Unreachable spec.http[1]"},
		},
		"a rule of which one path has no method": {
			rules("[{match: [{uri: {prefix: /a.B/}}]" + to + ", {match: [{uri: {exact: /a.B/D}}, {uri: {exact: /a.B/}}]" + to + "]"),
			[]string{"warning Unreachable spec.http[1]", "warning Unreachable spec.http[1].match[1].uri.exact"},
		},
		"a path of no method after a rule for all calls": {
			rules("[{timeout: 1s" + to + ", {match: [{uri: {exact: /x/y/z}}]" + to + "]"), []string{"warning Unreachable spec.http[1]"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range snapshot.New(snapshottest.Load(t, []string{service, test.object})).Problems() {
				got = append(got, string(p.Severity)+" "+string(p.Code)+" "+p.Field)
			}
			slices.Sort(got)
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("Problems (-got +want):\n%s", diff)
			}
		})
	}
}
