package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// runMain makes the test binary the command itself, so that signals can be sent to a separate process.
const runMain = "MIZZEN_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// process is a `controlplane serve` process with one open stream.
type process struct {
	*exec.Cmd
	stderr *bufio.Scanner
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
}

func startProcess(t *testing.T, grace string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a process that does not end is killed
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, os.Args[0], "serve", "--files", t.TempDir(), "--shutdown-grace", grace,
		"--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0")}
	p.Env = append(os.Environ(), runMain+"=1")
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stderr = bufio.NewScanner(stderr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ready, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(ready, "xds=")
	address, _, _ := strings.Cut(rest, " ")
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if p.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx); err != nil {
		t.Fatal(err)
	}
	request := &discoveryv3.DiscoveryRequest{TypeUrl: string(snapshot.ListenerType), ResourceNames: []string{"nobody"}}
	if err := p.stream.Send(request); err != nil {
		t.Fatal(err)
	}
	if _, err := p.stream.Recv(); err != nil {
		t.Fatal(err)
	}
	return p
}

// signal sends a SIGTERM and waits until the process logs that it shuts down.
func (p *process) signal(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for p.stderr.Scan() {
		if strings.Contains(p.stderr.Text(), "shutting down") {
			return
		}
	}
	t.Error("the process did not log that it shuts down")
}

func TestOneSignalShutsDownGracefully(t *testing.T) {
	p := startProcess(t, "10ms")
	p.signal(t)
	for p.stderr.Scan() { // to the end, before Wait closes the pipe
		t.Logf("log: %s", p.stderr.Text())
	}
	if err := p.Wait(); err != nil {
		t.Errorf("got %v, want exit code 0", err)
	}
	_, err := p.stream.Recv()
	for err == nil {
		_, err = p.stream.Recv()
	}
	if got := status.Code(err); got != codes.Unavailable || errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, want a retriable error", err)
	}
}

func TestSecondSignalEndsImmediately(t *testing.T) {
	p := startProcess(t, "24h")
	p.signal(t)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) {
		t.Fatalf("got %v, want an end by the signal", err)
	}
	if state, ok := exit.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGTERM {
		t.Errorf("got %v, want an end by the signal", exit)
	}
}
