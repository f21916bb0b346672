package mizzenhertz

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest/httpscenes"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

func TestMain(m *testing.M) {
	hlog.SetLevel(hlog.LevelFatal)
	os.Exit(meshtest.Main(m))
}

func serve(t *testing.T, l net.Listener, b *httpscenes.Backend) func() {
	h := server.New(server.WithListener(l), server.WithExitWaitTime(0), server.WithDisablePrintRoute(true))
	h.NoRoute(func(_ context.Context, c *app.RequestContext) {
		status, text, version := b.Answer(httpscenes.Request{
			Method: string(c.Method()), URI: string(c.Request.Header.RequestURI()), Host: string(c.Host()), Body: string(c.Request.Body()),
			Header: func(name string) string { return string(c.GetHeader(name)) },
		})
		c.Header("Server-Version", version)
		c.String(status, text)
	})
	go func() { _ = h.Run() }()
	return func() { _ = h.Close() }
}

func TestScenes(t *testing.T) {
	httpscenes.Run(t, httpscenes.Framework{
		Serve: serve,
		Dial: func(t *testing.T, mesh *xds.Client, host string) httpscenes.Caller {
			c, err := client.NewClient()
			if err != nil {
				t.Fatal(err)
			}
			c.Use(Middleware(mesh))
			return func(ctx context.Context, method, uri, body string, headers ...string) (httpscenes.Response, error) {
				request, response := &protocol.Request{}, &protocol.Response{}
				request.SetMethod(method)
				request.SetRequestURI("http://" + host + uri)
				if method != "GET" {
					request.SetBodyString(body)
				}
				for _, h := range headers {
					name, value, _ := strings.Cut(h, "=")
					request.SetHeader(name, value)
				}
				err := c.Do(ctx, request, response)
				return httpscenes.Response{Status: response.StatusCode(), Body: string(response.Body()), Header: response.Header.Get}, err
			}
		},
	})
}

func TestHTTPS(t *testing.T) {
	c, err := client.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	c.Use(Middleware(nil))
	if _, _, err := c.Get(t.Context(), nil, "https://echo:8080/"); err == nil || !strings.Contains(err.Error(), "plaintext") {
		t.Errorf("got %v, want https to be refused", err)
	}
}

// TestNoResponse: Hertz lets an application leave out the response. The request is as it was when the call has ended.
func TestNoResponse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serve(t, l, &httpscenes.Backend{}))
	plane := meshtest.Start(t, meshtest.Service("echo", "http", l.Addr().String()+"=v1"), meshtest.Subsets("echo", "v1"),
		meshtest.Routes("echo", "{headers: {request: {add: {x-added: '1'}}}, rewrite: {uri: /new, authority: other}, "+meshtest.To("echo", "v1")+"}"))
	boot, err := xds.ParseBootstrap([]byte(plane.Bootstrap()))
	if err != nil {
		t.Fatal(err)
	}
	mesh, err := xds.NewClient(xds.Options{Bootstrap: boot, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mesh.Close)
	c, err := client.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	c.Use(Middleware(mesh))
	request := protocol.NewRequest("GET", "http://echo:8080/old?x=1", nil)
	if err := c.Do(t.Context(), request, nil); err != nil {
		t.Fatal(err)
	}
	if got := string(request.URI().FullURI()) + " " + request.Header.Get("x-added") + string(request.Header.Host()); got != "http://echo:8080/old?x=1 echo:8080" {
		t.Errorf("the request is %q, want it as it was", got)
	}
}
