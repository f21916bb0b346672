//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// plane is a running control plane that serves a folder.
type plane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        *buffer
	stop       func()
	// certificates is the folder with the certificates of clients with certificate providers.
	certificates string
}

// startPlane serves a folder with these objects until the test ends.
func startPlane(t *testing.T, services, objects string) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0", log: &buffer{}}
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
	cmd := exec.Command(binary, "serve", "--files", p.dir, "--xds-address", p.xds, "--admin-address", p.admin, "--shutdown-grace", "500ms")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = p.log
	stdout := bufio.NewReader(must(cmd.StdoutPipe())(p.t))
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	line, err := stdout.ReadString('\n')
	late.Stop()
	if err == nil {
		_, err = fmt.Sscanf(line, "ready xds=%s admin=%s", &p.xds, &p.admin)
	}
	if err != nil {
		p.t.Fatalf("control plane: got %q, want the ready line: %v\n%s", line, err, p.log)
	}
	p.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("control plane: got %v after SIGTERM, want status 0", err)
		}
	})
}

// write replaces a file atomically.
func (p *plane) write(name, text string) {
	p.t.Helper()
	temp := filepath.Join(p.dir, "."+name+".new")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(p.dir, name)); err != nil {
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

// buffer is a bytes.Buffer that a process may write to while a test reads it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
