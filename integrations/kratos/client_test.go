package mizzenkratos

import (
	"context"
	"net"
	nethttp "net/http"
	"os"
	"testing"
	"time"

	"github.com/go-kratos/kratos/v2/errors"
	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/middleware"
	"github.com/go-kratos/kratos/v2/transport"
	"github.com/go-kratos/kratos/v2/transport/http"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest/httpscenes"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

func TestMain(m *testing.M) {
	log.SetLogger(log.NewFilter(log.GetLogger(), log.FilterLevel(log.LevelFatal)))
	os.Exit(meshtest.Main(m))
}

func serve(t *testing.T, l net.Listener, b *httpscenes.Backend) func() {
	server := http.NewServer(http.Listener(l), http.Timeout(meshtest.Patience))
	server.HandlePrefix("/", nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { httpscenes.Handle(b, w, r) }))
	go func() { _ = server.Start(context.Background()) }()
	return func() { _ = server.Close() }
}

func dial(t *testing.T, mesh *xds.Client, host string, o ...http.ClientOption) *http.Client {
	t.Helper()
	client, err := http.NewClient(t.Context(), append(o, WithMesh(mesh), http.WithEndpoint(host), http.WithTimeout(meshtest.Patience))...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestScenes(t *testing.T) {
	httpscenes.Run(t, httpscenes.Framework{
		Serve: serve,
		Dial: func(t *testing.T, mesh *xds.Client, host string) httpscenes.Caller {
			client := dial(t, mesh, host)
			return func(ctx context.Context, method, uri, body string, headers ...string) (httpscenes.Response, error) {
				r, err := httpscenes.NewRequest(ctx, method, "http://"+host+uri, body, headers...)
				if err != nil {
					t.Fatal(err)
				}
				got, err := client.Do(r)
				if e := (*errors.Error)(nil); errors.As(err, &e) && e.Reason == errors.UnknownReason {
					return httpscenes.Response{Status: int(e.Code)}, nil // a response of another status than 2xx
				}
				return httpscenes.ResponseOf(got, err)
			}
		},
	})
}

// TestInvoke makes a call as generated clients do: through middleware, which sees it, and through the codecs.
func TestInvoke(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.NewServer(http.Listener(l))
	server.Route("/").POST("/orders/{id}", func(c http.Context) error {
		var in struct{ Text string }
		if err := c.Bind(&in); err != nil {
			return err
		}
		return c.JSON(200, map[string]string{"text": c.Vars().Get("id") + " " + in.Text + " " + c.Header().Get("x-user")})
	})
	go func() { _ = server.Start(context.Background()) }()
	t.Cleanup(func() { _ = server.Close() })

	plane := meshtest.Start(t, meshtest.Service("echo", "http", l.Addr().String()+"=v1"), meshtest.Subsets("echo", "v1"),
		meshtest.Routes("echo", "{match: [{method: {exact: POST}, uri: {prefix: /orders/}, headers: {x-user: {exact: ann}}}], "+meshtest.To("echo", "v1")+"}"))
	boot, err := xds.ParseBootstrap([]byte(plane.Bootstrap()))
	if err != nil {
		t.Fatal(err)
	}
	mesh, err := xds.NewClient(xds.Options{Bootstrap: boot, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mesh.Close)
	seen := ""
	client := dial(t, mesh, "echo:8080", http.WithMiddleware(func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, request any) (any, error) {
			if tr, ok := transport.FromClientContext(ctx); ok {
				seen = tr.Endpoint() + " " + tr.Operation()
				tr.RequestHeader().Set("x-user", "ann") // Rules see what middleware sets.
			}
			return next(ctx, request)
		}
	}))
	var out struct{ Text string }
	begun := time.Now()
	if err := client.Invoke(t.Context(), "POST", "/orders/7", map[string]string{"text": "hello"}, &out, http.Operation("/shop.Orders/Get")); err != nil || out.Text != "7 hello ann" {
		t.Errorf("got %q and %v after %v, want the server's answer", out.Text, err, time.Since(begun))
	}
	if seen != "echo:8080 /shop.Orders/Get" {
		t.Errorf("middleware saw %q", seen)
	}
}
