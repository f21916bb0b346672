package live

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// TestSilentViewers has viewers that read nothing: all of them hold one copy of an event.
func TestSilentViewers(t *testing.T) {
	const viewers, wait = 40, 10 * time.Millisecond
	b := newBusy(maxEdges)
	hub := NewHub(Options{Store: b, Edges: b.Edges, Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewUnstartedServer(hub)
	small := func(conn net.Conn) {
		tcp, ok := conn.(*net.TCPConn)
		if !ok || tcp.SetReadBuffer(4<<10) != nil || tcp.SetWriteBuffer(4<<10) != nil {
			t.Errorf("the buffers of %v are not small", conn)
		}
	}
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context { small(conn); return ctx }
	server.Start()
	defer server.Close()
	for range viewers {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		small(conn)
		if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	var all []*viewer
	for len(all) < viewers {
		<-time.After(wait)
		all, _ = hub.present()
	}
	before := held()
	hub.look(time.Now())
	size := len(hub.edges.whole().data)
	for waiting := true; waiting; {
		<-time.After(wait)
		waiting = false
		for _, v := range all {
			waiting = waiting || len(v.frames) > 0
		}
	}
	<-time.After(50 * wait) // until all of them write
	const copies = 5        // the event itself, and what it was made of
	if got := held() - before; got > copies*size {
		t.Errorf("%d viewers that do not read hold %d bytes, of an event of %d", viewers, got, size)
	}
}

// held is how many bytes are in use.
func held() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // the second empties the pools
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
