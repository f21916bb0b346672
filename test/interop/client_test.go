//go:build interop

package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// language is a client program with a version of gRPC.
type language struct {
	// name is the kind of the client, and for an old one its version besides: go-1.48.
	name, kind string
	// release is zero for the current version.
	release mesh.Release
	// argv runs it from this directory, env is added to its environment. CACHE in them is the folder of the cache that setup.sh
	// made for it.
	argv, env []string
	// agent is the beginning of the client's user agent, as it is sent to a control plane.
	agent string
	// suite is true for the client of gRPC's PSM interop suite, which has its own servers.
	suite bool
}

// languages are the current clients.
var languages = []*language{
	{name: "go", kind: "go", argv: []string{"CACHE/client"}, agent: "gRPC Go"},
	{name: "java", kind: "java", argv: []string{"java", "-XX:TieredStopAtLevel=1", "-cp", "CACHE/classes:CACHE/lib/*", "Client"}, agent: "gRPC Java"},
	{name: "python", kind: "python", argv: []string{"CACHE/bin/python", "clients/python/client.py"}, agent: "gRPC C-core"},
	{name: "node", kind: "node", argv: []string{"node", "clients/node/client.js"}, env: []string{"NODE_PATH=CACHE/node_modules"}, agent: "gRPC Node"},
}

// suite is gRPC's own client for the PSM interop suite, in Go. It runs the scenarios in suiteScenarios.
var suite = &language{name: "suite", agent: "gRPC Go", suite: true}

// old is whether it is not the current version.
func (l *language) old() bool { return l.release != mesh.Release{} }

// languageOf is the current client of a kind, or the client of a framework.
func languageOf(kind string) *language {
	for _, l := range append(slices.Clone(languages), suite) {
		if l.name == kind {
			return l
		}
	}
	for _, f := range frameworks {
		if f.name == kind {
			return &f.language
		}
	}
	return nil
}

// olderOf is a client of a version before the current one, by a name such as go-1.48.
func olderOf(name string) (*language, error) {
	kind, version, _ := strings.Cut(name, "-")
	current, release := languageOf(kind), mesh.ReleaseOf(version)
	if current == nil || release == (mesh.Release{}) {
		return nil, fmt.Errorf("there is no client %q", name)
	}
	l := *current
	l.name, l.release = name, release
	return &l, nil
}

// client is a running client program. Its calls are made one command after the other.
type client struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
	log *controlplane.Buffer
	csdsClient
	// kill ends the program, which fails the test.
	kill func()
	// expendable clients may end before their input does: it is found out whether they do.
	expendable bool
}

// endless is longer than the calls of any command take.
const endless = 2 * time.Minute

// command and outcome are the lines that clients read and write: see the package documentation.
type command struct {
	Target   string            `json:"target"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers,omitempty"`
	Count    int               `json:"count"`
	Parallel int               `json:"parallel"`
	Spacing  float64           `json:"spacing"`
	Timeout  float64           `json:"timeout"`
}

type outcome struct {
	Code int     `json:"code"`
	Text string  `json:"text"`
	Body string  `json:"body"`
	MS   float64 `json:"ms"`
}

// startClient runs a client program until the test ends. An expendable one may end before.
func startClient(t *testing.T, l *language, bootstrap string, expendable bool) *client {
	t.Helper()
	argv := cached(l.name, l.argv)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "GRPC_XDS_BOOTSTRAP_CONFIG="+bootstrap), cached(l.name, l.env)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c := &client{log: &controlplane.Buffer{}, expendable: expendable}
	cmd.Stderr = c.log
	in := must(cmd.StdinPipe())(t)
	c.in, c.out = in, bufio.NewReader(must(cmd.StdoutPipe())(t))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the client: %v", err)
	}
	c.kill = func() { _ = cmd.Process.Kill() }
	t.Cleanup(func() {
		_ = in.Close()
		late := time.AfterFunc(patience, c.kill)
		defer late.Stop()
		if err := cmd.Wait(); err != nil && !c.expendable {
			t.Errorf("client: got %v at the end of its input, want status 0", err)
		}
		if t.Failed() {
			t.Logf("log of the client:\n%s", c.log)
		}
	})
	late := time.AfterFunc(patience, c.kill)
	defer late.Stop()
	if line, err := c.out.ReadBytes('\n'); err != nil || json.Unmarshal(line, &c.port) != nil {
		t.Fatalf("client: got %q and %v, want its port", line, err)
	}
	return c
}

// cached replaces CACHE by the folder of the cache.
func cached(name string, texts []string) []string {
	filled := make([]string, len(texts))
	for i, text := range texts {
		filled[i] = strings.ReplaceAll(text, "CACHE", caches[name])
	}
	return filled
}

// errEnded is the end of a client before its input ended.
var errEnded = errors.New("the client ended, or was ended since it did not answer")

// call makes the calls of a command.
func (c *client) call(spec *callSpec) ([]outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line, err := json.Marshal(command{
		Target: "xds:///" + spec.To, Method: spec.Method, Headers: spec.Headers,
		Count: spec.Count, Parallel: spec.Parallel, Spacing: time.Duration(spec.Spacing).Seconds(), Timeout: time.Duration(spec.Timeout).Seconds(),
	})
	if err != nil {
		return nil, err
	}
	late := time.AfterFunc(endless, c.kill)
	defer late.Stop()
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("write to the client: %w: %w", errEnded, err)
	}
	if line, err = c.out.ReadBytes('\n'); err != nil {
		return nil, fmt.Errorf("read from the client: %w: %w\n%s", errEnded, err, c.log)
	}
	var outcomes []outcome
	if err := json.Unmarshal(line, &outcomes); err != nil || len(outcomes) != spec.Count {
		return nil, fmt.Errorf("got %q, want %d outcomes: %w", line, spec.Count, err)
	}
	return outcomes, nil
}

// must is for calls whose failure ends a test.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
