package mizzendubbo

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dubbo.apache.org/dubbo-go/v3/client"
	_ "dubbo.apache.org/dubbo-go/v3/cluster/cluster/failover" // Dubbo's own way, for TestOrder
	_ "dubbo.apache.org/dubbo-go/v3/cluster/loadbalance/random"
	"dubbo.apache.org/dubbo-go/v3/cluster/router"
	"dubbo.apache.org/dubbo-go/v3/common"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/common/extension"
	"dubbo.apache.org/dubbo-go/v3/filter"
	"dubbo.apache.org/dubbo-go/v3/protocol/base"
	"dubbo.apache.org/dubbo-go/v3/protocol/result"
	"dubbo.apache.org/dubbo-go/v3/tls"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"

	"github.com/mizzen-mesh/mizzen/integrations/dubbo-go/internal/echo"
)

// TestRefused: references whose calls would not be what they ask for fail.
func TestRefused(t *testing.T) {
	s := newScene(t)
	s.plane = meshtest.Start(t, s.objects(meshtest.To("echo", "v1"))...)
	mesh := s.mesh()
	s.want(t.Context(), s.dial(client.WithSerializationJSON(), WithMesh(mesh, "echo:8080")), "hello", "v1")
	c := s.dial(client.WithSerialization(constant.Hessian2Serialization), WithMesh(mesh, "echo:8080"))
	if _, err := say(t.Context(), c, "hello"); err == nil || !strings.Contains(err.Error(), "hessian2") {
		t.Errorf("got %v, want an error about the serialization", err)
	}
	for want, o := range map[string]client.ClientOption{
		"plaintext": client.WithClientTLSOption(tls.WithCACertFile("ca.pem")),
		"stub":      client.WithClientProtocolTriple(),
	} {
		cli, err := client.NewClient(o)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := cli.Dial(echo.Name, WithMesh(mesh, "echo:8080"))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.CallUnary(t.Context(), []any{&echo.Text{}}, &echo.Text{}, "Say"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

// marker is a filter of an application.
type marker struct{ seen int }

func (m *marker) Invoke(ctx context.Context, next base.Invoker, inv base.Invocation) result.Result {
	m.seen++
	inv.SetAttachment("x-user", "ann")
	return next.Invoke(ctx, inv)
}

func (m *marker) OnResponse(_ context.Context, r result.Result, _ base.Invoker, _ base.Invocation) result.Result {
	return r
}

// TestFilters: rules see what filters add, and filters see a call once, with all its attempts.
func TestFilters(t *testing.T) {
	m := &marker{}
	extension.SetFilter("marker", func() filter.Filter { return m })
	s := newScene(t)
	s.plane = meshtest.Start(t, s.objects("{match: [{headers: {x-user: {exact: ann}}}], retries: {attempts: 2, retryOn: unavailable}, "+meshtest.To("echo", "v2")+"}")...)
	c := s.dial(WithMesh(s.mesh(), "echo:8080"), client.WithFilter("marker"))
	var trailer http.Header
	if got, err := say(t.Context(), c, "fail=14*2", client.WithResponseTrailer(&trailer)); err != nil || got != "v2" || m.seen != 1 || trailer.Get("Served-By") != "v2" {
		t.Errorf("got %q, %v, %d calls of the filter and the trailer %v", got, err, m.seen, trailer)
	}
}

// noProvider is a router of an application that removes all invokers, and its factory. References outside of the mesh have none.
type noProvider struct{ *keeper }

func (n noProvider) NewPriorityRouter(u *common.URL) (router.PriorityRouter, error) {
	if u.GetParam(hostKey, "") == "" {
		return nil, nil
	}
	return n, nil
}

func (noProvider) Route([]base.Invoker, *common.URL, base.Invocation) []base.Invoker { return nil }
func (noProvider) Priority() int64                                                   { return 1000 }
func (noProvider) Notify([]base.Invoker)                                             {}

// TestRouters: Dubbo's routers have no effect on a reference of the mesh.
func TestRouters(t *testing.T) {
	extension.SetRouterFactory("none", func() router.PriorityRouterFactory { return noProvider{} })
	s := newScene(t)
	s.want(t.Context(), s.client("echo:8080", meshtest.To("echo", "v2")), "hello", "v2")
}

// TestOrder: an option after WithMesh that sets another protocol does not lead around the rules, and WithMesh does not lead the
// client's other references into the mesh.
func TestOrder(t *testing.T) {
	s := newScene(t)
	s.plane = meshtest.Start(t, s.objects(meshtest.To("echo", "v1"))...)
	address, _, _ := strings.Cut(s.endpoints[1], "=")
	mesh := s.mesh()
	if got, err := say(t.Context(), s.dial(WithMesh(mesh, address), client.WithProtocolTriple()), "hello"); err == nil {
		t.Errorf("got %q, want a failure", got)
	}
	cli, err := client.NewClient(client.WithClientRequestTimeout(meshtest.Patience))
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]client.ReferenceOption{"v1": WithMesh(mesh, "echo:8080"), "v2": client.WithURL("tri://" + address)} {
		c, err := echo.NewClient(cli, o)
		if err != nil {
			t.Fatal(err)
		}
		s.want(t.Context(), c, "hello", want)
	}
}

// TestConnectTimeout: the limit of the cluster ends an attempt to connect, and the call goes to another endpoint.
func TestConnectTimeout(t *testing.T) {
	_, err := dial(context.WithValue(t.Context(), destination{}, xds.Target{ConnectTimeout: time.Nanosecond}), "tcp", "127.0.0.1:1")
	if !outcomeOf(err).Unreached {
		t.Errorf("got %v, want no connection", err)
	}
}
