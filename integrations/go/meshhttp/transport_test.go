package meshhttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest/httpscenes"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

func TestMain(m *testing.M) { os.Exit(meshtest.Main(m)) }

func TestScenes(t *testing.T) {
	httpscenes.Run(t, httpscenes.Framework{
		Serve: func(t *testing.T, l net.Listener, b *httpscenes.Backend) func() {
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { httpscenes.Handle(b, w, r) })}
			go func() { _ = server.Serve(l) }()
			return func() { _ = server.Close() }
		},
		Dial: func(t *testing.T, mesh *xds.Client, host string) httpscenes.Caller {
			client := &http.Client{Transport: NewTransport(mesh, nil)}
			return func(ctx context.Context, method, uri, body string, headers ...string) (httpscenes.Response, error) {
				r, err := httpscenes.NewRequest(ctx, method, "http://"+host+uri, body, headers...)
				if err != nil {
					t.Fatal(err)
				}
				return httpscenes.ResponseOf(client.Do(r))
			}
		},
	})
}

// TestHTTPS: no request for https is sent in plaintext.
func TestHTTPS(t *testing.T) {
	_, err := (&http.Client{Transport: NewTransport(nil, nil)}).Post("https://echo:8080/", "text/plain", io.NopCloser(strings.NewReader("x")))
	if err == nil || !strings.Contains(err.Error(), "plaintext") {
		t.Errorf("got %v, want https to be refused", err)
	}
}

// TestConnectTimeout: the limit of the cluster ends an attempt to connect, and the call goes to another endpoint.
func TestConnectTimeout(t *testing.T) {
	_, err := dial(context.WithValue(t.Context(), connectTimeout{}, time.Nanosecond), "tcp", "127.0.0.1:1")
	if !outcomeOf(nil, err).Unreached {
		t.Errorf("got %v, want no connection", err)
	}
}
