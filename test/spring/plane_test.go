//go:build spring

package spring

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// plane is a control plane that serves a folder.
type plane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        *controlplane.Buffer
	running    *controlplane.Process
}

// newPlane makes a folder. start serves it.
func newPlane(t *testing.T) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0", log: &controlplane.Buffer{}}
	p.write("nodes.yaml", nodes)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", p.log)
		}
	})
	return p
}

func (p *plane) start() {
	p.t.Helper()
	p.running = must(controlplane.Start(binary, p.log, "--files", p.dir, "--xds-address", p.xds, "--admin-address", p.admin, "--shutdown-grace", "500ms"))(p.t)
	p.xds, p.admin = p.running.XDS, p.running.Admin
}

// kill ends the process as a crash would.
func (p *plane) kill() {
	p.running.Kill()
}

// write replaces a file atomically.
func (p *plane) write(name, text string) {
	p.t.Helper()
	if err := controlplane.Replace(p.dir, name, text); err != nil {
		p.t.Fatal(err)
	}
}

// bootstrap returns the output of `controlplane bootstrap` for an application in the first zone. An application connects to the
// plane itself, unless the arguments have another --server-uri: a second one would be its fallback.
func (p *plane) bootstrap(args ...string) string {
	p.t.Helper()
	all := []string{"bootstrap", "--node-id", "spring", "--namespace", namespace}
	if !slices.Contains(args, "--server-uri") {
		all = append(all, "--server-uri", p.xds)
	}
	return string(must(exec.Command(binary, append(all, args...)...).Output())(p.t))
}
