package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInspectServers merges what two replicas know. A pod is silent only if no replica knows a server in it.
func TestInspectServers(t *testing.T) {
	one := adminAt(t, map[string][]string{"/api/servers": {
		`[{"node":"n1","identity":"pod/shop/cart-0","account":"shop/cart","agent":"gRPC Go","version":"1.85.0","namespace":"shop","port":50051,` +
			`"listeners":["grpc/server?xds.resource.listening_address=[::]:50051"],"security":"mTLS","peer":{"kind":"PeerAuthentication","namespace":"shop","name":"strict"},` +
			`"policies":[{"kind":"AuthorizationPolicy","namespace":"shop","name":"cart"}],"dryRun":[{"kind":"AuthorizationPolicy","namespace":"shop","name":"next"}],"state":"in force"},` +
			`{"node":"n2","identity":"pod/shop/web-0","agent":"gRPC Go","namespace":"shop","port":0,"listeners":[],"security":"mTLS","policies":[],"dryRun":[],"state":"silent"}]`,
	}})
	two := adminAt(t, map[string][]string{"/api/servers": {
		`[{"node":"n1","identity":"pod/shop/cart-0","agent":"gRPC Go","namespace":"shop","port":0,"listeners":[],"security":"mTLS","policies":[],"dryRun":[],"state":"silent"},` +
			`{"node":"n2","identity":"pod/shop/web-0","agent":"gRPC Go","namespace":"shop","port":0,"listeners":[],"security":"mTLS","policies":[],"dryRun":[],"state":"silent"}]`,
	}})
	for name, test := range map[string]struct {
		args string
		want []string
	}{
		"one replica": {"-n shop --address " + one, []string{
			"SERVER           NAMESPACE  PORT   TAKES  POLICIES   STATE     LIBRARY",
			"pod/shop/cart-0  shop       50051  mTLS   shop/cart  in force  gRPC Go 1.85.0",
			"pod/shop/web-0   shop       -      -      -          silent    gRPC Go",
		}},
		"wide": {"cart-0 -o wide --address " + one, []string{
			"SERVER           NAMESPACE  PORT   TAKES  POLICIES   STATE     LIBRARY         ACCOUNT    LISTENER                                               MODE FROM    DRY RUN    REASON",
			"pod/shop/cart-0  shop       50051  mTLS   shop/cart  in force  gRPC Go 1.85.0  shop/cart  grpc/server?xds.resource.listening_address=[::]:50051  shop/strict  shop/next  -",
		}},
		"another namespace": {"-n other --address " + one, []string{"SERVER  NAMESPACE  PORT  TAKES  POLICIES  STATE  LIBRARY"}},
		"names":             {"-o name --address " + one, []string{"server/pod/shop/cart-0:50051", "server/pod/shop/web-0:0"}},
		"two replicas": {"--address " + one + "," + two, []string{
			"REPLICA          SERVER           NAMESPACE  PORT   TAKES  POLICIES   STATE     LIBRARY",
			one + "  pod/shop/cart-0  shop       50051  mTLS   shop/cart  in force  gRPC Go 1.85.0",
			one + "  pod/shop/web-0   shop       -      -      -          silent    gRPC Go",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"inspect", "servers"}, strings.Fields(test.args)...)...)
			if diff := cmp.Diff(test.want, strings.Split(strings.TrimSpace(got.stdout), "\n")); diff != "" || got.code != exitOK {
				t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
			}
		})
	}
}

// TestInspectPolicies adds the servers and callers of two replicas.
func TestInspectPolicies(t *testing.T) {
	const policy = `[{"object":{"kind":"AuthorizationPolicy","namespace":"shop","name":"cart"},"action":"ALLOW","dryRun":true,"servers":2,"inForce":1,"callers":[`
	one := adminAt(t, map[string][]string{"/api/policies": {policy + `{"to":"cart.shop:50051","accounts":["jobs/sync","web/front"],"refused":["jobs/sync"]}]}]`}})
	two := adminAt(t, map[string][]string{"/api/policies": {policy + `{"to":"cart.shop:50051","accounts":["jobs/sync","web/back"],"refused":["jobs/sync","web/back"]}]}]`}})
	both := one + "," + two
	for name, test := range map[string]struct {
		args string
		want []string
	}{
		"one replica": {"--address " + one, []string{
			"POLICY     ACTION           SERVERS  IN FORCE  REFUSES EVERY CALL OF",
			"shop/cart  ALLOW (dry run)  2        1         1 of 2 accounts to cart.shop:50051",
		}},
		"both, wide": {"AuthorizationPolicy shop/cart -o wide --address " + both, []string{
			"REPLICA                          POLICY     ACTION           SERVERS  IN FORCE  TO               REFUSES EVERY CALL OF  OTHER ACCOUNTS",
			both + "  shop/cart  ALLOW (dry run)  4        2         cart.shop:50051  jobs/sync, web/back    web/front",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"inspect", "policies"}, strings.Fields(test.args)...)...)
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			for i := range lines { // The column of replicas is as wide as the ports of the test.
				lines[i], test.want[i] = strings.Join(strings.Fields(lines[i]), " "), strings.Join(strings.Fields(test.want[i]), " ")
			}
			if diff := cmp.Diff(test.want, lines); diff != "" || got.code != exitOK {
				t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
			}
		})
	}
}

// TestCheckAddress checks the Problems of running control planes: each once, of one namespace, without a code, as SARIF.
func TestCheckAddress(t *testing.T) {
	const refused = `{"code":"CallersRefused","severity":"info","object":{"kind":"AuthorizationPolicy","namespace":"shop","name":"cart"},"message":"Of 2 accounts."}`
	const nack = `{"code":"Refused","severity":"error","object":{"kind":"AuthorizationPolicy","namespace":"pay","name":"bank"},"message":"Rejected."}`
	one := adminAt(t, map[string][]string{"/api/problems": {"[" + refused + "]"}})
	two := adminAt(t, map[string][]string{"/api/problems": {"[" + refused + "," + nack + "]"}})
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"an info":               {"--address " + one, exitOK, "info CallersRefused AuthorizationPolicy shop/cart: Of 2 accounts.\n"},
		"an error":              {"--address " + two + " --exclude CallersRefused", exitFailure, "error Refused AuthorizationPolicy pay/bank: Rejected.\n"},
		"both":                  {"--address " + one + "," + two, exitFailure, "error Refused AuthorizationPolicy pay/bank: Rejected.\ninfo CallersRefused AuthorizationPolicy shop/cart: Of 2 accounts.\n"},
		"one namespace":         {"--address " + two + " -n shop", exitOK, "info CallersRefused AuthorizationPolicy shop/cart: Of 2 accounts.\n"},
		"and files":             {"--address " + one + " -f testdata", exitUsage, ""},
		"and a flag of objects": {"--address " + one + " --cluster-domain example", exitUsage, ""},
		"and a client":          {"--address " + one + " --client grpc-go", exitUsage, ""},
		"and no port":           {"--address localhost", exitUsage, ""},
		"nothing listens":       {"--address 127.0.0.1:1", exitUsage, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"check"}, strings.Fields(test.args)...)...)
			if got.code != test.code || got.stdout != test.want {
				t.Errorf("got exit code %d, %q and %q, want %d and %q", got.code, got.stdout, got.err, test.code, test.want)
			}
		})
	}
}
