//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	args := append([]string{
		"serve", "--kubeconfig", suite.kubeconfig, "--xds-address", cluster.HostIP + ":0", "--admin-address", "127.0.0.1:0",
		"--shutdown-grace", "500ms",
	}, flags...)
	cmd := exec.Command(suite.binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := &buffer{}
	cmd.Stderr = log
	stdout := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "ready ") {
				ready <- lines.Text()
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		for line := range ready { // until the output ends
			t.Errorf("control plane: got a second line %q, want one", line)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("control plane: got %v after SIGTERM, want status 0", err)
		}
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", log)
		}
	})
	p := &controlPlane{}
	select {
	case line, ok := <-ready:
		_, err := fmt.Sscanf(line, "ready xds=%s admin=%s services=%d endpoints=%d", &p.xds, &p.admin, &p.services, &p.endpoints)
		if err != nil {
			t.Fatalf("control plane: got %q (%t), want the ready line: %v", line, ok, err)
		}
		_, p.xdsTLS, _ = strings.Cut(line, " xds_tls=")
	case <-time.After(patience):
		t.Fatalf("control plane: not ready after %v", patience)
	}
	return p
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
