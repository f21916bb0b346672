//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// controlPlane is the running binary.
type controlPlane struct {
	xds, admin string
	// xdsTLS is empty without TLS.
	xdsTLS string
	// services and endpoints are the numbers of the first World.
	services, endpoints int
}

// startControlPlane runs `controlplane serve` on the cluster until the test ends, and returns when it is ready. At
// the end it must exit on SIGTERM with status 0. flags replace the same flags here.
func startControlPlane(t *testing.T, flags ...string) *controlPlane {
	t.Helper()
	log := &controlplane.Buffer{}
	process := must(controlplane.Start(suite.binary, log, append([]string{
		"--kubeconfig", suite.kubeconfig, "--xds-address", cluster.HostIP + ":0", "--admin-address", "127.0.0.1:0", "--shutdown-grace", "500ms",
	}, flags...)...))(t)
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", log)
		}
	})
	p := &controlPlane{xds: process.XDS, admin: process.Admin}
	_, counts, _ := strings.Cut(process.Ready, " services=")
	if _, err := fmt.Sscanf(counts, "%d endpoints=%d", &p.services, &p.endpoints); err != nil {
		t.Fatalf("control plane: got %q, want the numbers of Services and endpoints: %v", process.Ready, err)
	}
	_, p.xdsTLS, _ = strings.Cut(strings.TrimSpace(process.Ready), " xds_tls=")
	return p
}
