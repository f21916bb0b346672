package xds_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

func TestMain(m *testing.M) { os.Exit(meshtest.Main(m)) }

// The endpoints that these tests choose are never called.
const v1, v2 = "127.0.0.1:7001=v1", "127.0.0.1:7002=v2"

// newClient is a client of a control plane, for RPC frameworks, and newHTTPClient one for plain HTTP.
func newClient(t *testing.T, p *meshtest.Plane) *xds.Client {
	t.Helper()
	return clientOf(t, p, false)
}

func newHTTPClient(t *testing.T, p *meshtest.Plane) *xds.Client {
	t.Helper()
	return clientOf(t, p, true)
}

func clientOf(t *testing.T, p *meshtest.Plane, http bool) *xds.Client {
	t.Helper()
	boot, err := xds.ParseBootstrap([]byte(p.Bootstrap()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := xds.NewClient(xds.Options{Bootstrap: boot, Patience: meshtest.Patience, HTTP: http, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// call returns the address that was called, or the text of the error.
func call(c *xds.Client, host, path string, headers map[string]string) string {
	ctx, cancel := context.WithTimeout(context.Background(), meshtest.Patience)
	defer cancel()
	called := ""
	err := c.Do(ctx, xds.Call{Host: host, Path: path, Header: func(name string) (string, bool) { v, ok := headers[name]; return v, ok }},
		func(_ context.Context, to xds.Target) xds.Outcome {
			called = to.Address
			return xds.Outcome{}
		})
	if err != nil {
		return err.Error()
	}
	return called
}

func TestWeightsOfThePlane(t *testing.T) {
	c := newClient(t, meshtest.Start(t, meshtest.Service("echo", "grpc", v1, v2), meshtest.Subsets("echo", "v1", "v2"),
		meshtest.Routes("echo", "route: [{destination: {host: echo, subset: v1}, weight: 75}, {destination: {host: echo, subset: v2}, weight: 25}]")))
	got := map[string]int{}
	const calls = 4000
	for range calls {
		got[call(c, "echo:8080", "/demo.Echo/Say", nil)]++
	}
	// Six standard deviations.
	if n := got["127.0.0.1:7002"]; n < calls/4-165 || n > calls/4+165 || n+got["127.0.0.1:7001"] != calls {
		t.Errorf("got %v of %d calls, want 75 and 25 of a hundred", got, calls)
	}
}

func TestConditionsOfThePlane(t *testing.T) {
	c := newClient(t, meshtest.Start(t, meshtest.Service("echo", "grpc", v1, v2), meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo",
		"{match: [{headers: {x-user: {exact: ann}, x-tier: {prefix: g}}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{uri: {exact: /demo.Echo/Say}, withoutHeaders: {x-user: {}}}], "+meshtest.To("echo", "v1")+"}",
		"{match: [{headers: {x-user: {regex: 'b.*'}}}], "+meshtest.To("echo", "v2")+"}")))
	const first, second = "127.0.0.1:7001", "127.0.0.1:7002"
	for name, test := range map[string]struct {
		path    string
		headers map[string]string
		want    string
	}{
		"no header":              {"/demo.Echo/Say", nil, first},
		"both headers":           {"/demo.Echo/Say", map[string]string{"x-user": "ann", "x-tier": "gold"}, second},
		"one of two":             {"/demo.Echo/Say", map[string]string{"x-user": "ann"}, "no route"},
		"an expression":          {"/demo.Echo/Other", map[string]string{"x-user": "bob"}, second},
		"half of the expression": {"/demo.Echo/Say", map[string]string{"x-user": "abob"}, "no route"},
		"another method":         {"/demo.Echo/Other", nil, "no route"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := call(c, "echo.demo.svc.cluster.local:8080", test.path, test.headers); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnknownHostOfThePlane(t *testing.T) {
	p := meshtest.Start(t, meshtest.Service("echo", "grpc", v1))
	c := newClient(t, p)
	for range 2 {
		begun := time.Now()
		if got := call(c, "nobody:8080", "/a/b", nil); !strings.Contains(got, "nobody:8080") || !strings.Contains(got, "Unavailable") {
			t.Errorf("got %q, want an error that names the host", got)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the call failed after %v, want immediately", took)
		}
	}
	p.Write(meshtest.Service("echo", "grpc", v1), meshtest.Service("nobody", "grpc", v2))
	meshtest.Eventually(t, func() error { return want("127.0.0.1:7002", call(c, "nobody:8080", "/a/b", nil)) })
}

func want(want, got string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// TestOutageOfThePlane has calls go on while the control plane is away, and follow it when it is back.
func TestOutageOfThePlane(t *testing.T) {
	rule := func(subset string) []string {
		return []string{meshtest.Service("echo", "grpc", v1, v2), meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", meshtest.To("echo", subset))}
	}
	p := meshtest.Start(t, rule("v1")...)
	c := newClient(t, p)
	meshtest.Eventually(t, func() error { return want("127.0.0.1:7001", call(c, "echo:8080", "/a/b", nil)) })
	p.Kill()
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		if got := call(c, "echo:8080", "/a/b", nil); got != "127.0.0.1:7001" {
			t.Fatalf("got %q while the control plane is away, want what was known", got)
		}
	}
	p.Write(rule("v2")...)
	p.Run()
	meshtest.Eventually(t, func() error { return want("127.0.0.1:7002", call(c, "echo:8080", "/a/b", nil)) })
}

// TestChurnOfThePlane edits rules while calls go on: none fails.
func TestChurnOfThePlane(t *testing.T) {
	objects := func(i int) []string {
		list := []string{meshtest.Service("echo", "grpc", v1, v2)}
		if i%2 == 0 {
			return append(list, meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", meshtest.To("echo", []string{"v1", "v2"}[i/2%2])))
		}
		return append(list, meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", "route: [{destination: {host: echo}}]"))
	}
	p := meshtest.Start(t, objects(0)...)
	c := newClient(t, p)
	for i := range 20 {
		p.Write(objects(i)...)
		for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
			if got := call(c, "echo:8080", "/a/b", nil); !strings.HasPrefix(got, "127.0.0.1:700") {
				t.Fatalf("edit %d: got %q, want no failed call", i, got)
			}
		}
	}
	var clients []meshtest.Client
	p.Inspect("clients", &clients)
	if len(clients) != 1 || len(clients[0].Types) != 4 {
		t.Fatalf("got %+v, want one client with four types", clients)
	}
	for _, k := range clients[0].Types {
		if len(k.Refused) != 0 || k.Accepted == 0 {
			t.Errorf("got %+v, want everything accepted", k)
		}
	}
}

func TestRetriesAndTimeoutOfThePlane(t *testing.T) {
	c := newClient(t, meshtest.Start(t, meshtest.Service("echo", "grpc", v1, v2),
		meshtest.Routes("echo", "{timeout: 300ms, retries: {attempts: 3, retryOn: unavailable}, route: [{destination: {host: echo}}]}")))
	failed := errors.New("failed")
	for name, test := range map[string]struct {
		outcome  xds.Outcome
		attempts int
	}{
		"a condition":     {xds.Outcome{Err: failed, Code: codes.Unavailable}, 4},
		"no condition":    {xds.Outcome{Err: failed, Code: codes.Internal}, 1},
		"no connection":   {xds.Outcome{Err: failed, Unreached: true}, 5},
		"a call that was": {xds.Outcome{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			attempts, addresses := 0, map[string]int{}
			err := c.Do(t.Context(), xds.Call{Host: "echo:8080", Path: "/a/b"}, func(ctx context.Context, to xds.Target) xds.Outcome {
				if _, limited := ctx.Deadline(); !limited {
					t.Error("the attempt has no deadline, want the rule's")
				}
				attempts++
				addresses[to.Address]++
				return test.outcome
			})
			if !errors.Is(err, test.outcome.Err) || attempts != test.attempts {
				t.Errorf("got %v after %d attempts, want %v after %d", err, attempts, test.outcome.Err, test.attempts)
			}
			if attempts > 1 && len(addresses) != 2 {
				t.Errorf("got %v, want attempts at both endpoints", addresses)
			}
		})
	}
	err := c.Do(t.Context(), xds.Call{Host: "echo:8080", Path: "/a/b"}, func(ctx context.Context, _ xds.Target) xds.Outcome {
		<-ctx.Done()
		return xds.Outcome{Err: status.FromContextError(ctx.Err()).Err()}
	})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want the rule's timeout to end the call", err)
	}
}

// TestIgnoredSettingsAreReported has the control plane tell the author what this client does not do.
func TestIgnoredSettingsAreReported(t *testing.T) {
	p := meshtest.Start(t, meshtest.Service("echo", "grpc", v1), meshtest.Subsets("echo", "v1"),
		meshtest.Routes("echo", "{match: [{headers: {content-type: {exact: application/grpc}}}], "+meshtest.To("echo", "v1")+"}", meshtest.To("echo", "v1")))
	c := newClient(t, p)
	if got := call(c, "echo:8080", "/a/b", nil); got != "127.0.0.1:7001" {
		t.Fatal(got)
	}
	meshtest.Eventually(t, func() error {
		var problems []struct {
			Field, Message string
		}
		p.Inspect("problems", &problems)
		for _, problem := range problems {
			if strings.HasPrefix(problem.Message, "Ignored by "+xds.UserAgent) && strings.Contains(problem.Message, "content-type") {
				return nil
			}
		}
		return fmt.Errorf("got %v, want a Problem about content-type that names the client", problems)
	})
}

// TestHashedCalls: calls with the same header go to one endpoint, and others to both.
func TestHashedCalls(t *testing.T) {
	p := meshtest.Start(t, meshtest.Service("echo", "grpc", v1, v2),
		meshtest.Subsets("echo", "v1")+"\n  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}")
	c := newClient(t, p)
	users, all := map[string]bool{}, map[string]bool{}
	for n := range 20 {
		header := map[string]string{"x-user": fmt.Sprint("user-", n)}
		first := call(c, "echo:8080", "/a/b", header)
		users[first] = true
		for range 5 {
			if got := call(c, "echo:8080", "/a/b", header); got != first {
				t.Fatalf("user %d: got %s after %s", n, got, first)
			}
		}
		all[call(c, "echo:8080", "/a/b", nil)] = true
	}
	if len(users) != 2 || len(all) != 2 {
		t.Errorf("users went to %v, and calls without a user to %v, want two endpoints each", users, all)
	}
}

// TestEndpointThatFails: an endpoint whose calls fail gets none for a while.
func TestEndpointThatFails(t *testing.T) {
	p := meshtest.Start(t, meshtest.Service("echo", "grpc", v1, v2),
		meshtest.Subsets("echo", "v1")+"\n  trafficPolicy: {outlierDetection: {interval: 200ms, maxEjectionPercent: 50}}")
	c := newClient(t, p)
	calls := map[string]int{}
	once := func(_ context.Context, to xds.Target) xds.Outcome {
		if calls[to.Address]++; to.Address == "127.0.0.1:7002" {
			return xds.Outcome{Err: status.Error(codes.Internal, "broken"), Code: codes.Internal}
		}
		return xds.Outcome{}
	}
	round := func() (failed int) {
		for range 40 {
			if c.Do(t.Context(), xds.Call{Host: "echo:8080", Path: "/a/b"}, once) != nil {
				failed++
			}
		}
		return failed
	}
	meshtest.Eventually(t, func() error {
		if n := round(); n != 0 {
			return fmt.Errorf("%d of 40 calls failed, want none: %v", n, calls)
		}
		return nil
	})
	if calls["127.0.0.1:7002"] < 5 {
		t.Errorf("got %v, want calls of both endpoints at first", calls)
	}
}
