package mizzendubbo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "dubbo.apache.org/dubbo-go/v3/filter/accesslog" // the default filters of servers
	_ "dubbo.apache.org/dubbo-go/v3/filter/echo"
	_ "dubbo.apache.org/dubbo-go/v3/filter/exec_limit"
	_ "dubbo.apache.org/dubbo-go/v3/filter/generic"
	_ "dubbo.apache.org/dubbo-go/v3/filter/token"
	_ "dubbo.apache.org/dubbo-go/v3/filter/tps"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	_ "dubbo.apache.org/dubbo-go/v3/proxy/proxy_factory"
	"dubbo.apache.org/dubbo-go/v3/server"
	"github.com/dubbogo/gost/log/logger"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"

	"github.com/mizzen-mesh/mizzen/integrations/dubbo-go/internal/echo"
)

// TestMain is also the main function of servers: a process of Dubbo has one server of a service, which it cannot stop.
func TestMain(m *testing.M) {
	logger.SetLoggerLevel("fatal")
	if version, address, ok := strings.Cut(os.Getenv("ECHO"), "="); ok {
		fmt.Fprintln(os.Stderr, serve(version, address))
		os.Exit(1)
	}
	os.Exit(meshtest.Main(m))
}

// serve runs a server of Dubbo.
func serve(version, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(server.WithServerProtocol(protocol.WithTriple(), protocol.WithIp(host), protocol.WithPort(number)))
	if err != nil {
		return err
	}
	if err := s.Register(&Backend{version: version, seen: map[string]int{}}, &echo.Service); err != nil {
		return err
	}
	if err := s.Serve(); err != nil {
		return err
	}
	select {}
}

// Backend answers with its version. Dubbo wants an exported type. The text of a call tells it what to do: "fail=14*2 ID" fails the first two calls of that
// text, "slow=1s" takes that long, "header=NAME" answers with what it got. Several are separated by spaces.
type Backend struct {
	version string
	mu      sync.Mutex
	seen    map[string]int
}

func (b *Backend) Say(ctx context.Context, text *echo.Text) (*echo.Text, error) {
	answer := b.version
	b.mu.Lock()
	b.seen[text.GetValue()]++
	seen := b.seen[text.GetValue()]
	b.mu.Unlock()
	for word := range strings.FieldsSeq(text.GetValue()) {
		what, value, _ := strings.Cut(word, "=")
		switch what {
		case "fail":
			code, times, _ := strings.Cut(value, "*")
			number, _ := strconv.Atoi(code)
			if most, _ := strconv.Atoi(times); seen <= most {
				return nil, tri.NewError(tri.Code(number), errors.New("transport is closing, says "+b.version))
			}
		case "slow":
			long, _ := time.ParseDuration(value)
			time.Sleep(long) //nolint:forbidigo // a slow server
		case "header":
			header, _ := tri.FromIncomingContext(ctx)
			answer += " got " + header.Get(value)
		}
	}
	return &echo.Text{Value: answer}, tri.SetTrailer(ctx, http.Header{"Served-By": {b.version}})
}

func (b *Backend) Chat(_ context.Context, stream *tri.BidiStream) error {
	for {
		text := &echo.Text{}
		if err := stream.Receive(text); err != nil {
			return nil //nolint:nilerr // the end of the stream
		}
		if err := stream.Send(&echo.Text{Value: b.version + " " + text.GetValue()}); err != nil {
			return err
		}
	}
}

func (b *Backend) Count(_ context.Context, text *echo.Text, stream *tri.ServerStream) error {
	for n := range 3 {
		if err := stream.Send(&echo.Text{Value: fmt.Sprint(b.version, " ", text.GetValue(), " ", n)}); err != nil {
			return err
		}
	}
	return nil
}

// start runs a server until stop is called. It returns its address.
func start(t *testing.T, version string) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), "ECHO="+version+"="+address)
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	t.Cleanup(stop)
	meshtest.Eventually(t, func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	return address, stop
}
