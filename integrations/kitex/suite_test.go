package mizzenkitex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/klog"
	kitexcodes "github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/codes"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/metadata"
	kitexstatus "github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/status"
	"github.com/cloudwego/kitex/server"
	"github.com/cloudwego/kitex/transport"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"

	"github.com/mizzen-mesh/mizzen/integrations/kitex/internal/echo/kitex_gen/pbecho"
	pbservice "github.com/mizzen-mesh/mizzen/integrations/kitex/internal/echo/kitex_gen/pbecho/echo"
	thriftservice "github.com/mizzen-mesh/mizzen/integrations/kitex/internal/echo/kitex_gen/thriftecho/echo"
)

func TestMain(m *testing.M) {
	klog.SetLevel(klog.LevelFatal)
	os.Exit(meshtest.Main(m))
}

// backend is a server of one protocol. It answers with its version.
type backend struct {
	version string
	mu      sync.Mutex
	// fail are the errors of the next calls, in turn.
	fail []error
	// slow delays each call.
	slow time.Duration
}

func (b *backend) answer() (string, error) {
	b.mu.Lock()
	slow := b.slow
	var err error
	if len(b.fail) > 0 {
		err, b.fail = b.fail[0], b.fail[1:]
	}
	b.mu.Unlock()
	time.Sleep(slow) //nolint:forbidigo // a slow server
	return b.version, err
}

// be makes the server slow, and has it fail the next calls.
func (b *backend) be(slow time.Duration, fail ...error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow, b.fail = slow, fail
}

type thriftBackend struct{ *backend }

func (b thriftBackend) Say(context.Context, string) (string, error) { return b.answer() }

type grpcBackend struct{ *backend }

func (b grpcBackend) Say(context.Context, *pbecho.Words) (*pbecho.Words, error) {
	text, err := b.answer()
	return &pbecho.Words{Text: text}, err
}

func (b grpcBackend) Chat(stream pbecho.Echo_ChatServer) error {
	for {
		words, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&pbecho.Words{Text: b.version + " " + words.GetText()}); err != nil {
			return err
		}
	}
}

// protocol is Thrift or gRPC, with real servers and clients of Kitex.
type protocol struct {
	name, port string
	serve      func(b *backend, o ...server.Option) server.Server
	// say makes a caller for a destination.
	say func(t *testing.T, destination string, o ...client.Option) func(context.Context, ...callopt.Option) (string, error)
	// with adds a header to a call.
	with func(ctx context.Context, name, value string) context.Context
}

var protocols = []protocol{
	{
		name: "thrift", port: "thrift",
		serve: func(b *backend, o ...server.Option) server.Server {
			return thriftservice.NewServer(&thriftBackend{b}, o...)
		},
		say: func(t *testing.T, destination string, o ...client.Option) func(context.Context, ...callopt.Option) (string, error) {
			c, err := thriftservice.NewClient(destination, append(o, client.WithTransportProtocol(transport.TTHeaderFramed))...)
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context, o ...callopt.Option) (string, error) { return c.Say(ctx, "hello", o...) }
		},
		with: metainfo.WithValue,
	},
	{
		name: "grpc", port: "grpc",
		serve: func(b *backend, o ...server.Option) server.Server { return pbservice.NewServer(&grpcBackend{b}, o...) },
		say: func(t *testing.T, destination string, o ...client.Option) func(context.Context, ...callopt.Option) (string, error) {
			c, err := pbservice.NewClient(destination, o...)
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context, o ...callopt.Option) (string, error) {
				words, err := c.Say(ctx, &pbecho.Words{Text: "hello"}, o...)
				return words.GetText(), err
			}
		},
		with: func(ctx context.Context, name, value string) context.Context {
			return metadata.AppendToOutgoingContext(ctx, name, value)
		},
	},
}

// each runs a test for both protocols, with a server of each of two versions.
func each(t *testing.T, test func(t *testing.T, s *scene)) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			s := &scene{t: t, protocol: p, backends: map[string]*backend{}, servers: map[string]server.Server{}}
			for _, version := range []string{"v1", "v2"} {
				s.start(version)
			}
			test(t, s)
		})
	}
}

// scene has the servers and the mesh of one test.
type scene struct {
	t *testing.T
	protocol
	backends  map[string]*backend
	servers   map[string]server.Server
	endpoints []string
	plane     *meshtest.Plane
}

func (s *scene) start(version string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	b := &backend{version: version}
	serving := s.serve(b, server.WithListener(listener), server.WithExitWaitTime(0))
	s.backends[version], s.servers[version] = b, serving
	s.endpoints = append(s.endpoints, listener.Addr().String()+"="+version)
	go func() { _ = serving.Run() }()
	s.t.Cleanup(func() { _ = serving.Stop() })
}

// objects are the Service, its subsets and a VirtualService with these rules.
func (s *scene) objects(rules ...string) []string {
	return []string{meshtest.Service("echo", s.port, s.endpoints...), meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", rules...)}
}

// caller is a client of the mesh with these rules.
func (s *scene) caller(destination string, rules ...string) func(context.Context, ...callopt.Option) (string, error) {
	s.t.Helper()
	s.plane = meshtest.Start(s.t, s.objects(rules...)...)
	return s.say(s.t, destination, client.WithXDSSuite(NewSuite(s.mesh())))
}

func (s *scene) mesh() *xds.Client {
	s.t.Helper()
	boot, err := xds.ParseBootstrap([]byte(s.plane.Bootstrap()))
	if err != nil {
		s.t.Fatal(err)
	}
	mesh, err := xds.NewClient(xds.Options{Bootstrap: boot, Patience: meshtest.Patience, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(mesh.Close)
	return mesh
}

const patient = meshtest.Patience

func TestWeights(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", "route: [{destination: {host: echo, subset: v1}, weight: 75}, {destination: {host: echo, subset: v2}, weight: 25}]")
		got := map[string]int{}
		const calls = 1000
		for range calls {
			version, err := say(t.Context(), callopt.WithRPCTimeout(patient))
			if err != nil {
				t.Fatal(err)
			}
			got[version]++
		}
		// Six standard deviations.
		if n := got["v2"]; n < calls/4-83 || n > calls/4+83 {
			t.Errorf("got %v of %d calls, want 75 and 25 of a hundred", got, calls)
		}
	})
}

func TestHeadersAndSubsets(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		path := map[string]string{"thrift": "/Echo/Say", "grpc": "/demo.Echo/Say"}[s.name]
		say := s.caller("echo.demo.svc.cluster.local:8080",
			"{match: [{headers: {x-user: {exact: ann}}, uri: {exact: "+path+"}}], "+meshtest.To("echo", "v2")+"}",
			"{match: [{headers: {x-user: {exact: bob}}, uri: {prefix: /other/}}], "+meshtest.To("echo", "v2")+"}",
			"{match: [{withoutHeaders: {x-closed: {}}}], "+meshtest.To("echo", "v1")+"}")
		for headers, want := range map[string]string{"": "v1", "x-user=ann": "v2", "x-user=bob": "v1", "x-user=annabel": "v1", "x-closed=1": "no route"} {
			ctx := t.Context()
			if name, value, ok := strings.Cut(headers, "="); ok {
				ctx = s.with(ctx, name, value)
			}
			for range 20 {
				version, err := say(ctx, callopt.WithRPCTimeout(patient))
				if got := version + fmt.Sprint(err); !strings.Contains(got, want) {
					t.Fatalf("headers %q: got %q, want %q", headers, got, want)
				}
			}
		}
	})
}

func TestUnknownHost(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("nobody:8080", meshtest.To("echo", "v1"))
		begun := time.Now()
		_, err := say(t.Context())
		if !errors.Is(err, kerrors.ErrRoute) || !strings.Contains(err.Error(), "nobody:8080") || kitexstatus.Code(err) != kitexcodes.Unavailable {
			t.Errorf("got %v, want a routing error with UNAVAILABLE that names the host", err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the call failed after %v, want immediately", took)
		}
	})
}

// TestOutage has calls go on while the control plane is away, and follow it when it is back.
func TestOutage(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", meshtest.To("echo", "v1"))
		expect := func(want string) error {
			if got, err := say(t.Context(), callopt.WithRPCTimeout(patient)); err != nil || got != want {
				return fmt.Errorf("got %q and %w, want %q", got, err, want)
			}
			return nil
		}
		meshtest.Eventually(t, func() error { return expect("v1") })
		s.plane.Kill()
		for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
			if err := expect("v1"); err != nil {
				t.Fatalf("the control plane is away: %v", err)
			}
		}
		s.plane.Write(s.objects(meshtest.To("echo", "v2"))...)
		s.plane.Run()
		meshtest.Eventually(t, func() error { return expect("v2") })
	})
}

// TestNoPlane fails calls in the time that they have, and says what is missing.
func TestNoPlane(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.plane = meshtest.Start(t)
		s.plane.Kill()
		say := s.say(t, "echo:8080", client.WithXDSSuite(NewSuite(s.mesh())))
		begun := time.Now()
		_, err := say(t.Context(), callopt.WithRPCTimeout(500*time.Millisecond))
		if !errors.Is(err, kerrors.ErrRoute) || !strings.Contains(err.Error(), "control plane") {
			t.Errorf("got %v, want an error about the control plane", err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the call took %v, want its own limit", took)
		}
	})
}

// TestServerAway has calls go to the endpoints that can be reached. No call fails.
func TestServerAway(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", "route: [{destination: {host: echo}}]")
		if err := s.servers["v2"].Stop(); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if got, err := say(t.Context(), callopt.WithRPCTimeout(patient)); err != nil || got != "v1" {
				t.Fatalf("got %q and %v, want v1, which is there", got, err)
			}
		}
	})
}

func TestTimeout(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", "{timeout: 200ms, "+meshtest.To("echo", "v1")+"}")
		meshtest.Eventually(t, func() error { _, err := say(t.Context()); return err })
		s.backends["v1"].be(5 * time.Second)
		begun := time.Now()
		if _, err := say(t.Context()); !kerrors.IsTimeoutError(err) && kitexstatus.Code(err) != kitexcodes.DeadlineExceeded {
			t.Errorf("got %v, want a timeout", err)
		}
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the call took %v, want the rule's 200ms", took)
		}
	})
}

// TestRetries: a status that the rule names is tried again; Thrift has no statuses.
func TestRetries(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", "{retries: {attempts: 2, retryOn: unavailable}, "+meshtest.To("echo", "v1")+"}")
		meshtest.Eventually(t, func() error { _, err := say(t.Context()); return err })
		unavailable := kitexstatus.Err(kitexcodes.Unavailable, "busy")
		for failures, works := range map[int]bool{1: s.name == "grpc", 2: s.name == "grpc", 3: false} {
			s.backends["v1"].be(0, slices.Repeat([]error{unavailable}, failures)...)
			if _, err := say(t.Context()); (err == nil) != works {
				t.Errorf("%d failures: got %v, want success: %v", failures, err, works)
			}
		}
	})
}

func TestFault(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", "{fault: {abort: {grpcStatus: RESOURCE_EXHAUSTED, percentage: {value: 100}}}, "+meshtest.To("echo", "v1")+"}")
		if _, err := say(t.Context(), callopt.WithRPCTimeout(patient)); kitexstatus.Code(err) != kitexcodes.ResourceExhausted {
			t.Errorf("got %v, want RESOURCE_EXHAUSTED", err)
		}
	})
}

// TestNamedEndpoint: an application that names the endpoint of a call gets it.
func TestNamedEndpoint(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		say := s.caller("echo:8080", meshtest.To("echo", "v1"))
		address, _, _ := strings.Cut(s.endpoints[1], "=")
		if got, err := say(t.Context(), callopt.WithHostPort(address)); err != nil || got != "v2" {
			t.Errorf("got %q and %v, want the endpoint that the call names", got, err)
		}
	})
}

func TestStreams(t *testing.T) {
	s := &scene{t: t, protocol: protocols[1], backends: map[string]*backend{}, servers: map[string]server.Server{}}
	s.start("v1")
	s.start("v2")
	s.plane = meshtest.Start(t, s.objects(
		"{match: [{headers: {x-user: {exact: ann}}}], "+meshtest.To("echo", "v2")+"}",
		"{timeout: 3s, "+meshtest.To("echo", "v1")+"}")...)
	c, err := pbservice.NewClient("echo:8080", client.WithXDSSuite(NewSuite(s.mesh())))
	if err != nil {
		t.Fatal(err)
	}
	for user, version := range map[string]string{"ann": "v2", "bob": "v1"} {
		stream, err := c.Chat(s.with(t.Context(), "x-user", user))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "two"} {
			if err := stream.Send(&pbecho.Words{Text: text}); err != nil {
				t.Fatal(err)
			}
			if words, err := stream.Recv(); err != nil || words.GetText() != version+" "+text {
				t.Fatalf("got %q and %v, want %s of %s", words.GetText(), err, text, version)
			}
		}
		if user == "bob" {
			if _, err := stream.Recv(); kitexstatus.Code(err) != kitexcodes.DeadlineExceeded {
				t.Errorf("got %v, want the rule's timeout to end the stream", err)
			}
		} else if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestResolverIsClosed: where Kitex does not ask the router, such as for a warm-up, there are no endpoints.
func TestResolverIsClosed(t *testing.T) {
	if found, err := NewSuite(nil).Resolver.Resolve(t.Context(), "echo:8080"); err == nil || len(found.Instances) > 0 {
		t.Errorf("got %v and %v, want an error", found, err)
	}
}
