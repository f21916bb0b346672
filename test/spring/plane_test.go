//go:build spring

package spring

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// plane is a control plane that serves a folder.
type plane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        *buffer
	cmd        *exec.Cmd
}

// newPlane makes a folder. start serves it.
func newPlane(t *testing.T) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0", log: &buffer{}}
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
	p.cmd = cmd
}

// kill ends the process as a crash would.
func (p *plane) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
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

// bootstrap returns the output of `controlplane bootstrap` for an application in the first zone.
func (p *plane) bootstrap(args ...string) string {
	p.t.Helper()
	all := append([]string{"bootstrap", "--server-uri", p.xds, "--node-id", "spring", "--namespace", namespace}, args...)
	return string(must(exec.Command(binary, all...).Output())(p.t))
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
