package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// runningServe is a running serve command.
type runningServe struct {
	xds, admin string
	// xdsTLS is empty without TLS.
	xdsTLS              string
	services, endpoints int
	// stop ends the command and returns its outcome.
	stop func() outcome
}

func startServe(t *testing.T, args ...string) *runningServe {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, in := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan int, 1)
	args = append([]string{"serve", "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0", "--shutdown-grace", "0s"}, args...)
	go func() {
		done <- execute(ctx, args, stdio{in: strings.NewReader(""), out: in, err: &stderr})
		in.Close()
	}()
	s := &runningServe{}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		cancel()
		t.Fatalf("serve ended with exit code %d before it was ready:\n%s", <-done, stderr.String())
	}
	line := lines.Text()
	if n, err := fmt.Sscanf(line, "ready xds=%s admin=%s services=%d endpoints=%d", &s.xds, &s.admin, &s.services, &s.endpoints); n != 4 {
		t.Errorf("got %q (%v), want the ready line of the contract", line, err)
	}
	_, s.xdsTLS, _ = strings.Cut(line, " xds_tls=")
	s.stop = sync.OnceValue(func() outcome {
		cancel()
		rest, err := io.ReadAll(stdout)
		if err != nil {
			t.Error(err)
		}
		return outcome{<-done, string(rest), stderr.String()}
	})
	t.Cleanup(func() { s.stop() })
	return s
}

func TestServeTheEmbeddedDemo(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // so that serve does not detect a cluster
	t.Setenv("TMPDIR", t.TempDir())
	s := startServe(t)
	if s.services != 1 || s.endpoints != 4 {
		t.Errorf("got %d services and %d endpoints, want 1 and 4", s.services, s.endpoints)
	}
	for path, want := range map[string]string{
		"/healthz": "ok\n", "/readyz": "ok\n", "/metrics": "mizzen_services 1\n", "/api/problems": "[]\n", "/api/clients": "[]\n",
		"/api/sync": `"name":"greeter"`, "/api/deliveries": `"name":"greeter"`,
	} {
		if status, body := get(t, s, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %q, want 200 and %q", path, status, body, want)
		}
	}
	if got := command(t.Context(), "", "inspect", "resources", "--address", s.admin); !strings.Contains(got.stdout, "greeter.demo.svc.cluster.local:50051") {
		t.Errorf("inspect resources: got %+v, want the greeter's listener", got)
	}

	got := s.stop()
	if got.code != exitOK || got.stdout != "" {
		t.Errorf("got exit code %d and %q after the ready line, want 0 and nothing", got.code, got.stdout)
	}
	if first, _, _ := strings.Cut(got.err, "\n"); !strings.Contains(first, "source=demo") {
		t.Errorf("got first log line %q, want one that names the source", first)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "mizzen-*")); err != nil || len(left) > 0 {
		t.Errorf("got other files %v (%v), want none", left, err)
	}
}

func TestServeAFolderToARealClient(t *testing.T) {
	dir := t.TempDir()
	s := startServe(t, "--files", dir, "--log-format", "json")
	if s.services != 0 || s.endpoints != 0 {
		t.Errorf("got %d services and %d endpoints, want none", s.services, s.endpoints)
	}

	config, err := bootstrap.JSON(bootstrap.Options{ServerURI: s.xds, NodeID: "the-client", Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	builder, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///nobody", grpc.WithResolvers(builder), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// A call that waits for the resolver may see the channel without addresses for an instant before the channel has
	// the error. Later calls get the error.
	for named := false; !named && ctx.Err() == nil; {
		_, err = testpb.NewTestServiceClient(conn).EmptyCall(ctx, &testpb.Empty{})
		named = err != nil && strings.Contains(err.Error(), `"nobody"`)
	}
	if ctx.Err() != nil {
		t.Errorf("calls to a host that does not exist: got %v at last, want an error that names it", err)
	}
	if got := command(t.Context(), "", "inspect", "clients", "--address", s.admin); !strings.Contains(got.stdout, "the-client") {
		t.Errorf("inspect clients: got %+v, want the client", got)
	}

	got := s.stop()
	if first, _, _ := strings.Cut(got.err, "\n"); got.code != exitOK || !strings.Contains(first, `"source":"files"`) {
		t.Errorf("got exit code %d and first log line %q, want 0 and the source as JSON", got.code, first)
	}
}

func get(t *testing.T, s *runningServe, path string) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + s.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
