// Package meshtest runs a real control plane over a folder, for the tests of this package and of adapters.
package meshtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for something that takes a moment, on a busy machine.
const Patience = 30 * time.Second

// Plane is a running control plane.
type Plane struct {
	t   *testing.T
	dir string
	// xds and admin are its addresses. They stay the same after a restart.
	xds, admin string
	log        buffer
	process    *exec.Cmd
}

// built is the control plane's binary: the one that CONTROLPLANE names, or else it is built once.
var built = sync.OnceValues(func() (string, error) {
	if program := os.Getenv("CONTROLPLANE"); program != "" {
		return program, nil
	}
	_, file, _, _ := runtime.Caller(0)
	program := filepath.Join(os.TempDir(), fmt.Sprintf("controlplane-%d", os.Getpid()))
	build := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", program, "./cmd/controlplane")
	build.Dir = filepath.Join(filepath.Dir(file), "../../..")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the control plane: %w\n%s", err, output)
	}
	return program, nil
})

// Binary is the control plane's binary.
func Binary(t *testing.T) string {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Main runs the tests, and removes what they built.
func Main(m *testing.M) int {
	code := m.Run()
	if os.Getenv("CONTROLPLANE") == "" {
		_ = os.Remove(filepath.Join(os.TempDir(), fmt.Sprintf("controlplane-%d", os.Getpid())))
	}
	return code
}

// Start serves these objects until the test ends.
func Start(t *testing.T, objects ...string) *Plane {
	t.Helper()
	p := &Plane{t: t, dir: t.TempDir(), xds: "127.0.0.1:0", admin: "127.0.0.1:0"}
	p.Write(objects...)
	p.Run()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", p.log.String())
		}
	})
	return p
}

// Run starts the process again after Kill, at the same addresses.
func (p *Plane) Run() {
	p.t.Helper()
	p.process = exec.Command(Binary(p.t), "serve", "--files", p.dir, "--xds-address", p.xds, "--admin-address", p.admin, "--shutdown-grace", "200ms", "--load-report-interval", "1s")
	p.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.process.Stderr = &p.log
	pipe, err := p.process.StdoutPipe()
	if err == nil {
		err = p.process.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	ready, err := bufio.NewReader(pipe).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(ready, "ready xds=%s admin=%s", &p.xds, &p.admin)
	}
	if err != nil {
		p.t.Fatalf("control plane: got %q, want the ready line: %v\n%s", ready, err, p.log.String())
	}
}

// Kill ends the process as a crash would.
func (p *Plane) Kill() {
	if p.process != nil {
		_ = p.process.Process.Kill()
		_ = p.process.Wait()
		p.process = nil
	}
}

// Write replaces all objects in one step.
func (p *Plane) Write(objects ...string) {
	p.t.Helper()
	draft := filepath.Join(p.dir, ".draft")
	if err := os.WriteFile(draft, []byte(strings.Join(objects, "\n---\n")), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(draft, filepath.Join(p.dir, "objects.yaml")); err != nil {
		p.t.Fatal(err)
	}
}

// Bootstrap is a bootstrap of a client in the namespace demo.
func (p *Plane) Bootstrap() string {
	return fmt.Sprintf(`{"xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
		"node": {"id": "meshtest", "metadata": {"NAMESPACE": "demo"}}}`, p.xds)
}

// Inspect decodes the output of `controlplane inspect LIST -o json`.
func (p *Plane) Inspect(list string, into any) {
	p.t.Helper()
	text, err := exec.Command(Binary(p.t), "inspect", list, "-o", "json", "--address", p.admin).Output()
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		p.t.Fatalf("inspect %s: %v", list, err)
	}
}

// Client is one stream, as `controlplane inspect clients` shows it.
type Client struct {
	Agent, Version string
	Types          []struct {
		Type     string
		Accepted int `json:"held"`
		Refused  map[string]string
	}
}

// Eventually fails the test unless check succeeds within Patience.
func Eventually(t *testing.T, check func() error) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(Patience); ; {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal(err)
		}
	}
}

// Service is a Service NAME with one port, and its EndpointSlice. An endpoint is ADDRESS:PORT=VERSION.
func Service(name, port string, endpoints ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: demo}
spec:
  selector: {app: %[1]s}
  ports: [{name: %[2]s, port: 8080}]`, name, port)
	for i, e := range endpoints {
		address, version, _ := strings.Cut(e, "=")
		ip, number, _ := net.SplitHostPort(address)
		fmt.Fprintf(&text, `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-%[2]d, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: %[3]s, port: %[5]s}]
endpoints:
- addresses: [%[4]s]
  targetRef: {kind: Pod, name: %[1]s-%[2]d, namespace: demo}
---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s-%[2]d, namespace: demo, labels: {app: %[1]s, version: %[6]s}}
status: {podIP: %[4]s}`, name, i, port, ip, number, version)
	}
	return text.String()
}

// Subsets is a DestinationRule with a subset for each version.
func Subsets(host string, versions ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %[1]s, namespace: demo}\nspec:\n  host: %[1]s\n  subsets:", host)
	for _, v := range versions {
		fmt.Fprintf(&text, "\n  - {name: %[1]s, labels: {version: %[1]s}}", v)
	}
	return text.String()
}

// Routes is a VirtualService; each rule is an HTTPRoute as YAML in one line.
func Routes(host string, rules ...string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %[1]s, namespace: demo}\nspec:\n  hosts: [%[1]s]\n  http:\n  - ", host) +
		strings.Join(rules, "\n  - ")
}

// To is the part of a rule that sends all calls to a subset.
func To(host, subset string) string {
	return fmt.Sprintf("route: [{destination: {host: %s, subset: %s}}]", host, subset)
}

// buffer may be written to while it is read.
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
