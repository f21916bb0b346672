package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/admin"
)

// pipes is a listener whose connections are made in memory: what is not read blocks the writer, and time is that of the bubble.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.connections <- server
	return client
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// servePipes runs a server with much to read, in the bubble of the test.
func servePipes(t *testing.T) pipes {
	t.Helper()
	p := pipes{make(chan net.Conn), make(chan struct{})}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_test_gauge", Help: strings.Repeat("x", 1<<20)}))
	server := admin.New(admin.Options{
		Listener: p, Ready: make(chan struct{}), Draining: make(chan struct{}), Metrics: registry, Logger: slog.New(slog.DiscardHandler),
		Lists: []admin.List{admin.NewList("clients", func() []item { return []item{{Name: strings.Repeat("x", 1<<20)}} })},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return p
}

func ask(t *testing.T, connection net.Conn, path string) {
	t.Helper()
	if _, err := io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// A client that stops to read an answer loses its connection, and the process the copy of the answer.
func TestStalledReadersAreEnded(t *testing.T) {
	for _, path := range []string{"/metrics", "/api/clients"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connection := servePipes(t).dial()
				ask(t, connection, path)
				begun := time.Now()
				time.Sleep(time.Minute) //nolint:forbidigo // of the bubble
				n, err := io.Copy(io.Discard, connection)
				if n >= 1<<20 || err != nil {
					t.Errorf("after a minute without reading, %d bytes could be read, and then %v; want the connection to be closed", n, err)
				}
				if waited := time.Since(begun); waited != time.Minute {
					t.Errorf("the connection was closed %v after the minute, want before", waited-time.Minute)
				}
			})
		})
	}
}

// A slow client gets the whole answer, although it takes longer than one piece may take.
func TestSlowReadersGetTheWholeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connection := servePipes(t).dial()
		ask(t, connection, "/api/clients")
		piece := make([]byte, 32<<10)
		read := 0
		for read <= 1<<20 {
			n, err := connection.Read(piece)
			if err != nil {
				t.Fatalf("after %d bytes: %v", read, err)
			}
			read += n
			time.Sleep(time.Second) //nolint:forbidigo // of the bubble
		}
		_ = connection.Close()
	})
}

// A connection can be used again long after an answer was read.
func TestConnectionsOutliveTheirAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &http.Transport{}
		p := servePipes(t)
		connections := 0
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { connections++; return p.dial(), nil }
		client := &http.Client{Transport: transport}
		defer transport.CloseIdleConnections()
		for range 3 {
			response, err := client.Get("http://localhost/api/clients")
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, response.Body); n <= 1<<20 || err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			_ = response.Body.Close()
			time.Sleep(time.Minute) //nolint:forbidigo // of the bubble
		}
		if connections != 1 {
			t.Errorf("%d connections, want one for all requests", connections)
		}
	})
}

// Few scrapes are made at once: each is a copy of all metrics.
func TestScrapesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t)
		for range 4 {
			ask(t, p.dial(), "/metrics")
		}
		synctest.Wait()
		connection := p.dial()
		ask(t, connection, "/metrics")
		line := make([]byte, len("HTTP/1.1 503"))
		if _, err := io.ReadFull(connection, line); err != nil || string(line) != "HTTP/1.1 503" {
			t.Errorf("the fifth scrape got %q, %v; want 503", line, err)
		}
		_ = connection.Close()
		time.Sleep(time.Minute) //nolint:forbidigo // of the bubble: the others are ended
	})
}
