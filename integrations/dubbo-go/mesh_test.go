package mizzendubbo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"

	"github.com/mizzen-mesh/mizzen/integrations/dubbo-go/internal/echo"
)

// scene has the servers and the mesh of one test.
type scene struct {
	*testing.T
	stop      map[string]func()
	endpoints []string
	plane     *meshtest.Plane
}

func newScene(t *testing.T) *scene {
	s := &scene{T: t, stop: map[string]func(){}}
	for _, version := range []string{"v1", "v2"} {
		address, stop := start(t, version)
		s.stop[version] = stop
		s.endpoints = append(s.endpoints, address+"="+version)
	}
	return s
}

// objects are the Service, its subsets and a VirtualService with these rules.
func (s *scene) objects(rules ...string) []string {
	return []string{meshtest.Service("echo", "grpc", s.endpoints...), meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", rules...)}
}

// client is a client of the mesh with these rules.
func (s *scene) client(host string, rules ...string) *echo.Client {
	s.Helper()
	s.plane = meshtest.Start(s.T, s.objects(rules...)...)
	return s.dial(WithMesh(s.mesh(), host))
}

func (s *scene) mesh() *xds.Client {
	s.Helper()
	boot, err := xds.ParseBootstrap([]byte(s.plane.Bootstrap()))
	if err != nil {
		s.Fatal(err)
	}
	mesh, err := xds.NewClient(xds.Options{Bootstrap: boot, Patience: meshtest.Patience, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(mesh.Close)
	return mesh
}

func (s *scene) dial(o ...client.ReferenceOption) *echo.Client {
	s.Helper()
	cli, err := client.NewClient(client.WithClientRequestTimeout(meshtest.Patience))
	if err != nil {
		s.Fatal(err)
	}
	c, err := echo.NewClient(cli, o...)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// want makes a call, whose answer must be this one.
func (s *scene) want(ctx context.Context, c *echo.Client, text, want string) {
	s.Helper()
	if got, err := say(ctx, c, text); err != nil || got != want {
		s.Fatalf("%q: got %q and %v, want %q", text, got, err, want)
	}
}

func say(ctx context.Context, c *echo.Client, text string, o ...client.CallOption) (string, error) {
	reply, err := c.Say(ctx, &echo.Text{Value: text}, o...)
	return reply.GetValue(), err
}

// with are attachments of a call, as NAME=VALUE.
func with(ctx context.Context, attachments ...string) context.Context {
	all := map[string]any{}
	for _, a := range attachments {
		name, value, _ := strings.Cut(a, "=")
		all[name] = value
	}
	return context.WithValue(ctx, constant.AttachmentKey, all)
}

func TestWeights(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "route: [{destination: {host: echo, subset: v1}, weight: 75}, {destination: {host: echo, subset: v2}, weight: 25}]")
	const calls = 1000
	second := 0
	for range calls {
		version, err := say(t.Context(), c, "hello")
		if err != nil {
			t.Fatal(err)
		}
		if version == "v2" {
			second++
		}
	}
	// Six standard deviations.
	if second < calls/4-83 || second > calls/4+83 {
		t.Errorf("got %d of %d calls, want a quarter", second, calls)
	}
}

// TestHeadersAndSubsets: rules see attachments, and the metadata of Triple.
func TestHeadersAndSubsets(t *testing.T) {
	s := newScene(t)
	c := s.client("echo.demo.svc.cluster.local:8080",
		"{match: [{headers: {x-user: {exact: ann}}, uri: {exact: /demo.Echo/Say}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{headers: {x-user: {exact: bob}}, uri: {prefix: /other/}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{withoutHeaders: {x-closed: {}}}], "+meshtest.To("echo", "v1")+"}")
	for attachment, want := range map[string]string{"": "v1", "X-User=ann": "v2", "x-user=bob": "v1", "x-user=annabel": "v1", "x-closed=1": "no route"} {
		for range 10 {
			version, err := say(with(t.Context(), strings.Fields(attachment)...), c, "hello")
			if got := version + fmt.Sprint(err); !strings.Contains(got, want) {
				t.Fatalf("attachment %q: got %q, want %q", attachment, got, want)
			}
		}
	}
	s.want(tri.NewOutgoingContext(t.Context(), http.Header{"X-User": {"ann"}}), c, "header=x-user", "v2 got ann")
	s.want(with(t.Context(), "x-user=bob"), c, "header=x-user", "v1 got bob")
}

func TestUnknownHost(t *testing.T) {
	s := newScene(t)
	c := s.client("nobody:8080", meshtest.To("echo", "v1"))
	begun := time.Now()
	for range 3 {
		if _, err := say(t.Context(), c, "hello"); tri.CodeOf(err) != tri.CodeUnavailable || !strings.Contains(err.Error(), "nobody:8080") {
			t.Errorf("got %v, want UNAVAILABLE that names the host", err)
		}
	}
	stream, err := c.Chat(t.Context())
	if err == nil {
		_ = stream.Send(&echo.Text{})
		err = stream.Receive(&echo.Text{})
	}
	if tri.CodeOf(err) != tri.CodeUnavailable || !strings.Contains(err.Error(), "nobody:8080") {
		t.Errorf("stream: got %v, want UNAVAILABLE that names the host", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the calls failed after %v, want immediately", took)
	}
}

// TestOutage has calls go on while the control plane is away, and follow it when it is back.
func TestOutage(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", meshtest.To("echo", "v1"))
	s.want(t.Context(), c, "hello", "v1")
	s.plane.Kill()
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		s.want(t.Context(), c, "hello", "v1")
	}
	s.plane.Write(s.objects(meshtest.To("echo", "v2"))...)
	s.plane.Run()
	meshtest.Eventually(t, func() error {
		if got, err := say(t.Context(), c, "hello"); err != nil || got != "v2" {
			return fmt.Errorf("got %q and %w, want v2", got, err)
		}
		return nil
	})
}

// TestNoPlane fails calls in the time that they have, and says what is missing.
func TestNoPlane(t *testing.T) {
	s := newScene(t)
	s.plane = meshtest.Start(t)
	s.plane.Kill()
	c := s.dial(WithMesh(s.mesh(), "echo:8080"))
	begun := time.Now()
	if _, err := say(t.Context(), c, "hello", client.WithCallRequestTimeout(500*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "control plane") {
		t.Errorf("got %v, want an error about the control plane", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the call took %v, want its own limit", took)
	}
}

// TestServerAway has calls and streams go to the endpoints that can be reached. No call fails.
func TestServerAway(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "route: [{destination: {host: echo}}]")
	s.stop["v2"]()
	for range 20 {
		s.want(t.Context(), c, "hello", "v1")
		stream, err := c.Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, stream, "one", "v1 one")
		if err := stream.CloseRequest(); err != nil {
			t.Error(err)
		}
	}
	s.stop["v1"]()
	meshtest.Eventually(t, func() error {
		if _, err := say(t.Context(), c, "hello"); tri.CodeOf(err) != tri.CodeUnavailable {
			return fmt.Errorf("got %w, want UNAVAILABLE of a Service without servers", err)
		}
		return nil
	})
}

// exchange sends a text, and waits for the answer.
func exchange(t *testing.T, stream *tri.BidiStreamForClient, text, want string) {
	t.Helper()
	if err := stream.Send(&echo.Text{Value: text}); err != nil {
		t.Fatal(err)
	}
	got := &echo.Text{}
	if err := stream.Receive(got); err != nil || got.GetValue() != want {
		t.Fatalf("got %q and %v, want %q", got.GetValue(), err, want)
	}
}

func TestTimeout(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "{match: [{headers: {x-short: {}}}], timeout: 200ms, "+meshtest.To("echo", "v1")+"}", meshtest.To("echo", "v1"))
	s.want(t.Context(), c, "hello", "v1")
	for name, slow := range map[string]func() error{
		"rule": func() error { _, err := say(with(t.Context(), "x-short=1"), c, "slow=5s"); return err },
		"call option": func() error {
			_, err := say(t.Context(), c, "slow=5s", client.WithCallRequestTimeout(200*time.Millisecond))
			return err
		},
	} {
		begun := time.Now()
		if err := slow(); tri.CodeOf(err) != tri.CodeDeadlineExceeded {
			t.Errorf("%s: got %v, want a timeout", name, err)
		}
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("%s: the call took %v, want 200ms", name, took)
		}
	}
}

// TestRetries: the rule says what is tried again, and Dubbo's own retries do not add to it.
func TestRetries(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "{match: [{headers: {x-once: {}}}], retries: {attempts: 0}, "+meshtest.To("echo", "v2")+"}",
		"{retries: {attempts: 2, retryOn: unavailable}, "+meshtest.To("echo", "v1")+"}")
	for text, works := range map[string]bool{"fail=8*1 a": false, "fail=14*1 b": true, "fail=14*2 c": true, "fail=14*3 d": false} {
		if _, err := say(t.Context(), c, text); (err == nil) != works {
			t.Errorf("%s: got %v, want success: %v", text, err, works)
		}
	}
	if _, err := say(with(t.Context(), "x-once=1"), c, "fail=14*1 e"); tri.CodeOf(err) != tri.CodeUnavailable {
		t.Errorf("got %v, want the failure of the only attempt", err)
	}
}

// TestServerEnds: Dubbo would refuse calls for half a minute after a failure that reads like this one.
func TestServerEnds(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "{retries: {attempts: 0}, "+meshtest.To("echo", "v1")+"}")
	if _, err := say(t.Context(), c, "fail=14*1"); err == nil || !strings.Contains(err.Error(), "transport is closing") {
		t.Errorf("got %v, want the server's failure", err)
	}
	s.want(t.Context(), c, "hello", "v1")
}

func TestFault(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "{fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, "+meshtest.To("echo", "v1")+"}")
	for range 3 {
		if _, err := say(t.Context(), c, "hello"); tri.CodeOf(err) != tri.CodeUnavailable || !strings.Contains(err.Error(), "fault") {
			t.Errorf("got %v, want the injected UNAVAILABLE", err)
		}
	}
}

func TestStreams(t *testing.T) {
	s := newScene(t)
	c := s.client("echo:8080", "{match: [{headers: {x-user: {exact: ann}}}], "+meshtest.To("echo", "v2")+"}", "{timeout: 3s, "+meshtest.To("echo", "v1")+"}")
	for user, version := range map[string]string{"ann": "v2", "bob": "v1"} {
		ctx := with(t.Context(), "x-user="+user)
		stream, err := c.Chat(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "two"} {
			exchange(t, stream, text, version+" "+text)
		}
		if user == "bob" {
			if err := stream.Receive(&echo.Text{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the rule's timeout to end the stream", err)
			}
		} else if err := stream.CloseRequest(); err != nil {
			t.Error(err)
		}
		count, err := c.Count(ctx, &echo.Text{Value: "number"})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			got := &echo.Text{}
			if want := fmt.Sprint(version, " number ", n); !count.Receive(got) || got.GetValue() != want {
				t.Errorf("got %q and %v, want %q", got.GetValue(), count.Err(), want)
			}
		}
		if count.Receive(&echo.Text{}) || count.Err() != nil {
			t.Errorf("got %v, want the end of the stream", count.Err())
		}
	}
}
