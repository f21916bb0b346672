//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// plane is a running control plane that serves a folder.
type plane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        *controlplane.Buffer
	stop       func()
	// certificates is the folder with the certificates of clients with certificate providers.
	certificates string
	// markers counts the markers of put.
	markers int
}

// startPlane serves a folder with these objects until the test ends.
func startPlane(t *testing.T, services, objects string) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0", log: &controlplane.Buffer{}}
	p.write("services.yaml", services)
	p.write("objects.yaml", objects)
	p.start()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", p.log)
		}
	})
	return p
}

func (p *plane) start() {
	p.t.Helper()
	run := must(controlplane.Start(binary, p.log, "--files", p.dir, "--xds-address", p.xds, "--admin-address", p.admin, "--shutdown-grace", "500ms", "--load-report-interval", "1s"))(p.t)
	p.xds, p.admin = run.XDS, run.Admin
	p.stop = sync.OnceFunc(func() {
		if err := run.Stop(); err != nil {
			p.t.Error(err)
		}
	})
}

// write replaces a file atomically.
func (p *plane) write(name, text string) {
	p.t.Helper()
	if err := controlplane.Replace(p.dir, name, text); err != nil {
		p.t.Fatal(err)
	}
}

// bootstrap returns the output of `controlplane bootstrap` for a client.
func (p *plane) bootstrap(c clientSpec) string {
	p.t.Helper()
	args := []string{"bootstrap", "--server-uri", p.xds, "--node-id", "interop", "--namespace", c.Namespace}
	if c.Zone != "" {
		args = append(args, "--zone", c.Zone)
	}
	for key, value := range c.Labels {
		args = append(args, "--labels", key+"="+value)
	}
	for _, name := range c.Certificates {
		args = append(args, "--certificates", name+"="+p.certificates)
	}
	if c.Authorities != "" {
		args = append(args, "--authorities", c.Authorities)
	}
	if c.SystemRoots {
		args = append(args, "--system-roots")
	}
	if c.SNI {
		args = append(args, "--sni")
	}
	return string(must(exec.Command(binary, args...).Output())(p.t))
}

// clients returns the streams in the output of `inspect clients`.
func (p *plane) clients() []serving.ClientState {
	p.t.Helper()
	out := p.inspect("clients")
	var clients []serving.ClientState
	if err := json.Unmarshal(out, &clients); err != nil {
		p.t.Fatalf("inspect clients: %v\n%s", err, out)
	}
	return clients
}

// inspect returns the output of `controlplane inspect`.
func (p *plane) inspect(list string) []byte {
	p.t.Helper()
	return must(exec.Command(binary, "inspect", list, "-o", "json", "--address", p.admin).Output())(p.t)
}

// acknowledged fails unless a client is connected whose agent begins so, which holds resources and refused none.
// It returns what the client calls itself.
func (p *plane) acknowledged(want string) (agent string, err error) {
	p.t.Helper()
	held := 0
	for _, c := range p.clients() {
		if !strings.HasPrefix(c.Agent, want) {
			return "", fmt.Errorf("got a client %q, want %q", c.Agent, want)
		}
		agent = c.Agent + " " + c.Version
		for _, t := range c.Types {
			held += t.Accepted
			for name, why := range t.Refused {
				return agent, fmt.Errorf("%s refused %s %q: %s", c.Agent, t.Type, name, why)
			}
		}
	}
	if held == 0 {
		return agent, fmt.Errorf("got clients %+v, want one that holds resources", p.clients())
	}
	return agent, nil
}

// await waits until a client is connected.
func (p *plane) await() {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); len(p.clients()) == 0; <-tick.C {
		if time.Now().After(end) {
			p.t.Fatalf("no client reconnected within %v", patience)
		}
	}
}
