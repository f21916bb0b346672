//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/authority"
	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// serverKind is a server program with a version of gRPC.
type serverKind struct {
	// name is the language, and cache the name of the folder that setup.sh made.
	name, cache string
	// argv runs it and env is added to its environment, as with clients. ADDRESS in argv is where it listens.
	argv, env []string
	// host is what applications in this language usually listen on; the name of their Listener has it.
	host string
	// agent is the beginning of its user agent.
	agent string
	// tells is whether its library reports that it serves, and that it does not.
	tells bool
}

// serverKinds are the current servers, and an old one of C-core: it is what a long-lived distribution ships for Python and C++.
var serverKinds = []*serverKind{
	{name: "go", cache: "go", argv: []string{"CACHE/server", "ADDRESS"}, host: "[::]", agent: "gRPC Go", tells: true},
	{
		name: "java", cache: "java", host: "0.0.0.0", agent: "gRPC Java", tells: true,
		argv: []string{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", "CACHE/classes:CACHE/lib/*", "Server", "ADDRESS"},
	},
	{name: "python", cache: "python", argv: []string{"CACHE/bin/python", "servers/python/server.py", "ADDRESS"}, env: coreEnv, host: "[::]", agent: "gRPC C-core"},
	{name: "python-1.51", cache: "python-1.51", argv: []string{"CACHE/bin/python", "servers/python/server.py", "ADDRESS"}, env: coreEnv, host: "0.0.0.0", agent: "gRPC C-core"},
	{
		name: "node", cache: "node", argv: []string{"node", "servers/node/server.js", "ADDRESS"}, host: "0.0.0.0", agent: "gRPC Node",
		env: []string{"NODE_PATH=CACHE/node_modules", "GRPC_XDS_EXPERIMENTAL_RBAC=true"},
	},
}

// coreEnv is what injection adds to the environment for C-core.
var coreEnv = []string{"GRPC_EXPERIMENTAL_XDS_RBAC_AUDIT_LOGGING=true"}

// serverKindOf is the server of a language.
func serverKindOf(name string) *serverKind {
	i := slices.IndexFunc(serverKinds, func(k *serverKind) bool { return k.name == name })
	return serverKinds[i]
}

// server is a running server program.
type server struct {
	t    *testing.T
	kind *serverKind
	port int
	log  *controlplane.Buffer
	cmd  *exec.Cmd

	mu    sync.Mutex
	lines []string
	// changed is closed and replaced with each line; gone is closed when the program has ended.
	changed, gone chan struct{}
}

// served is what a server answers.
type served struct {
	Backend  string `json:"backend"`
	Version  string `json:"version"`
	Language string `json:"language"`
	// Peer is the identity of the client as the application sees it, or empty.
	Peer   string `json:"peer"`
	Method string `json:"method"`
	Header string `json:"header"`
}

// startServer runs a server program until the test ends. Its name and version are in its answers.
func startServer(t *testing.T, kind *serverKind, port int, bootstrap, name, version string) *server {
	t.Helper()
	s := &server{t: t, kind: kind, port: port, log: &controlplane.Buffer{}, changed: make(chan struct{}), gone: make(chan struct{})}
	argv := cached(kind.cache, kind.argv)
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "ADDRESS", s.address())
	}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env = append(append(os.Environ(), "GRPC_XDS_BOOTSTRAP_CONFIG="+bootstrap, "NAME="+name, "VERSION="+version), cached(kind.cache, kind.env)...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Stderr = s.log
	output := must(s.cmd.StdoutPipe())(t)
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	go s.read(output)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("log of the server in %s:\n%s\n%s", kind.name, strings.Join(s.printed(), "\n"), tail(s.log.String()))
		}
	})
	return s
}

// tail is the end of a log. Some libraries write a line for each connection that is refused.
func tail(log string) string {
	const most = 2000
	return log[max(0, len(log)-most):]
}

// address is where it listens.
func (s *server) address() string { return s.kind.host + ":" + strconv.Itoa(s.port) }

// listener is the name of its Listener.
func (s *server) listener() string {
	return "grpc/server?xds.resource.listening_address=" + s.address()
}

// local is its address for clients on this machine.
func (s *server) local() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) read(output io.Reader) {
	for lines := bufio.NewScanner(output); lines.Scan(); {
		s.add(lines.Text())
	}
	_ = s.cmd.Wait()
	close(s.gone)
	s.add("ended: " + s.cmd.ProcessState.String())
}

func (s *server) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	close(s.changed)
	s.changed = make(chan struct{})
}

// printed is what it printed so far: started, and serving or not serving if its library tells.
func (s *server) printed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// await waits until the last line begins so.
func (s *server) await(line string) error {
	late := time.After(patience)
	for {
		s.mu.Lock()
		last, changed := "", s.changed
		if len(s.lines) > 0 {
			last = s.lines[len(s.lines)-1]
		}
		s.mu.Unlock()
		if strings.HasPrefix(last, line) {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return fmt.Errorf("%s: got %q, want %q", s.kind.name, last, line)
		}
	}
}

// ended is whether the program has ended by itself, as a crash would end it.
func (s *server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// stop ends it as Kubernetes does, and waits for the end.
func (s *server) stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.gone
	if !s.cmd.ProcessState.Success() {
		s.t.Errorf("%s: got %v after SIGTERM, want status 0", s.kind.name, s.cmd.ProcessState)
	}
}

// kill ends it as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// serverPort returns a port on which nothing listens. It is not one that the system gives to connections, which may take it before the
// server starts.
func serverPort(t *testing.T) int {
	t.Helper()
	const first, ports = 20000, 12000
	for range ports {
		port := first + rand.IntN(ports)
		if listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port))); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("all ports for servers are taken")
	return 0
}

// serverBootstrap is what `controlplane bootstrap` prints for a server; without files it has no certificates.
func serverBootstrap(t *testing.T, uri, node string, files *authority.Files, spec clientSpec) string {
	t.Helper()
	args := []string{"bootstrap", "--server-uri", uri, "--node-id", node, "--namespace", spec.Namespace, "--service-account", spec.Account, "--node-name", spec.Node, "--server"}
	for key, value := range spec.Labels {
		args = append(args, "--labels", key+"="+value)
	}
	if files != nil {
		args = append(args, "--certificates", files.Dir, "--certificate-refresh", "1s")
	}
	return string(must(exec.Command(binary, args...).Output())(t))
}
