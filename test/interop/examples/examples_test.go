//go:build interop

package examples

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

// quickJava has Java start as fast as it can, and not run as fast as it can.
const quickJava = "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

// nodeRBAC has a server in Node take policies. Injection sets it for all pods.
const nodeRBAC = "GRPC_XDS_EXPERIMENTAL_RBAC=true"

// TestExamples has the client of each language call the servers of each, in two versions. Rules send all calls to v1 and then, while
// the clients run, to v2. No call may fail.
func TestExamples(t *testing.T) {
	stages := buildAll(t)
	binary, err := controlplane.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sendTo(t, dir, "v1")
	xds := startControlPlane(t, binary, dir)
	for _, language := range languages {
		check(t, binary, language)
		startServers(t, stages[language]["server"], dir, language, bootstrap(t, binary, "--server-uri", xds, "--namespace", language, "--server"))
	}

	var clients []*process
	for _, language := range languages {
		for _, server := range languages {
			env := []string{bootstrap(t, binary, "--server-uri", xds, "--namespace", server), "TARGET=" + readManifest(t, language, "client").setting("TARGET"), quickJava}
			c := start(t, language+" calls "+server, stages[language]["client"].program(t, env))
			c.server = server
			// One after the other, so that none waits for the start of all.
			c.awaitVersion("v1", 1)
			clients = append(clients, c)
		}
	}
	for _, c := range clients {
		c.awaitVersion("v1", 2)
	}
	sendTo(t, dir, "v2")
	for _, c := range clients {
		c.awaitVersion("v2", 3)
	}
}

// buildAll carries out the Dockerfiles, and returns their stages by language.
func buildAll(t *testing.T) map[string]map[string]*stage {
	t.Helper()
	stages := map[string]map[string]*stage{}
	for _, language := range languages {
		began := time.Now()
		stages[language] = build(t, folder(language))
		t.Logf("%s was built in %v", language, time.Since(began).Round(time.Second))
	}
	return stages
}

// check has `controlplane check` look at the manifests.
func check(t *testing.T, binary, language string) {
	t.Helper()
	out, err := exec.Command(binary, "check", "--strict", "-f", folder(language)).CombinedOutput()
	if err != nil {
		t.Errorf("check of %s: %v\n%s", language, err, out)
	}
}

// bootstrap returns the variable with what `controlplane bootstrap` prints.
func bootstrap(t *testing.T, binary string, flags ...string) string {
	t.Helper()
	text, err := exec.Command(binary, append([]string{"bootstrap"}, flags...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return "GRPC_XDS_BOOTSTRAP_CONFIG=" + string(text)
}

// startServers runs the server in two versions, and writes the objects that lead to them into dir. The namespace is the language.
func startServers(t *testing.T, server *stage, dir, language, bootstrap string) {
	t.Helper()
	m := readManifest(t, language, "server")
	m.service.Namespace = language
	write(t, dir, language+"-service.yaml", m.service)
	for _, version := range []string{"v1", "v2"} {
		name, port := language+"-"+version, freePort(t)
		env := []string{bootstrap, nodeRBAC, "NAME=" + name, "PORT=" + strconv.Itoa(port), "VERSION=" + version, quickJava}
		p := start(t, "server "+name, server.program(t, env))
		awaitServing(t, p, port)
		labels := map[string]string{"version": version}
		maps.Copy(labels, m.service.Spec.Selector)
		write(t, dir, name+"-pod.yaml", map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "namespace": language, "labels": labels},
		})
		write(t, dir, name+"-slice.yaml", map[string]any{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
			"metadata": map[string]any{
				"name": name, "namespace": language, "labels": map[string]string{"kubernetes.io/service-name": m.service.Name},
			},
			"ports": []any{map[string]any{"name": m.service.Spec.Ports[0].Name, "port": port}},
			"endpoints": []any{map[string]any{
				"addresses": []string{"127.0.0.1"}, "conditions": map[string]bool{"ready": true},
				"targetRef": map[string]any{"kind": "Pod", "name": name, "namespace": language},
			}},
		})
	}
}

// sendTo writes rules for every namespace, so that all calls go to a version.
func sendTo(t *testing.T, dir, version string) {
	t.Helper()
	for _, language := range languages {
		about := map[string]any{"name": "greeter", "namespace": language}
		write(t, dir, language+"-subsets.yaml", map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": about,
			"spec": map[string]any{"host": "greeter", "subsets": []any{
				map[string]any{"name": "v1", "labels": map[string]string{"version": "v1"}},
				map[string]any{"name": "v2", "labels": map[string]string{"version": "v2"}},
			}},
		})
		write(t, dir, language+"-route.yaml", map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": about,
			"spec": map[string]any{"hosts": []string{"greeter"}, "http": []any{map[string]any{
				"route": []any{map[string]any{"destination": map[string]string{"host": "greeter", "subset": version}}},
			}}},
		})
	}
}

// write replaces a file in one piece.
func write(t *testing.T, dir, name string, object any) {
	t.Helper()
	text, err := json.Marshal(object) // which is YAML
	if err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(dir, "."+name+".new")
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// startControlPlane serves the folder and returns the xDS address.
func startControlPlane(t *testing.T, binary, dir string) (xds string) {
	t.Helper()
	log := &controlplane.Buffer{}
	p, err := controlplane.Start(binary, log, "--files", dir, "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of the control plane:\n%s", log)
		}
	})
	return p.XDS
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// awaitServing asks as the readiness probe does.
func awaitServing(t *testing.T, p *process, port int) {
	t.Helper()
	if line := p.line(); !strings.Contains(line, "listens on") {
		t.Fatalf("%s: got %q, want where it listens", p.name, line)
	}
	channel, err := grpc.NewClient(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	got, err := healthpb.NewHealthClient(channel).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%s: health: got %v and %v, want SERVING", p.name, got, err)
	}
}

// process is a program that runs until the test ends. Then it gets SIGTERM, and has to follow it.
type process struct {
	t     *testing.T
	name  string
	lines chan string
	// server is the language of the servers that a client calls.
	server string
}

func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, lines: make(chan string, 1000)}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		for range p.lines {
		}
		err := cmd.Wait()
		// Java ends with 128 and the signal's number.
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 128+int(syscall.SIGTERM) {
			err = nil
		}
		if err != nil {
			t.Errorf("%s: got %v after SIGTERM, want an orderly end", name, err)
		}
		if t.Failed() {
			t.Logf("%s wrote to standard error:\n%s", name, stderr.String())
		}
	})
	return p
}

// line returns the next line of the standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s ended", p.name)
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s says nothing", p.name)
	}
	return ""
}

// awaitVersion waits for answers of a version, as many in a row, and for nothing but answers before.
func (p *process) awaitVersion(version string, inARow int) {
	p.t.Helper()
	want := fmt.Sprintf("answered by %s-%s, version %s", p.server, version, version)
	for seen := 0; seen < inARow; {
		switch line := p.line(); {
		case line == want:
			seen++
		case strings.HasPrefix(line, "answered by "+p.server+"-"):
			seen = 0
		default:
			p.t.Fatalf("%s: got %q, want %q", p.name, line, want)
		}
	}
}
