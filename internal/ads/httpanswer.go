package ads

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// httpMethods are the beginnings of HTTP/1 requests. HTTP/2 begins with "PRI ", and TLS with a byte that is not a letter.
var httpMethods = [][]byte{[]byte("GET "), []byte("HEAD"), []byte("POST"), []byte("PUT "), []byte("DELE"), []byte("OPTI"), []byte("PATC"), []byte("CONN"), []byte("TRAC")}

// httpAnswer tells an HTTP client where it can ask.
const httpAnswer = "this is an xDS port, which serves gRPC only: health, metrics and inspection are served on the control plane's --admin-address, whose port is usually 15014\n"

// errHTTP ends a connection on which an HTTP/1 request arrived.
var errHTTP = errors.New("an HTTP/1 request on an xDS port")

// answeringListener answers HTTP/1 requests, and leaves all other connections to its user.
type answeringListener struct{ net.Listener }

// Accept implements net.Listener.
func (l answeringListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &answeringConn{Conn: conn}, nil
}

// answeringConn looks at the first bytes that the client sends, before anything is written: a gRPC server writes first,
// and an HTTP/1 client could make nothing of that. Clients of gRPC and of TLS send without waiting. The deadline that
// the server sets for the handshake limits the wait.
type answeringConn struct {
	net.Conn

	begin sync.Once
	first bytes.Reader
	err   error
}

// Read implements net.Conn.
func (c *answeringConn) Read(p []byte) (int, error) {
	c.begin.Do(c.look)
	if c.first.Len() > 0 {
		return c.first.Read(p)
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *answeringConn) Write(p []byte) (int, error) {
	c.begin.Do(c.look)
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Write(p)
}

// look reads the first bytes, and answers if they begin an HTTP/1 request.
func (c *answeringConn) look() {
	first := make([]byte, 4)
	n, err := io.ReadFull(c.Conn, first)
	c.first.Reset(first[:n])
	if c.err = err; err != nil {
		return
	}
	for _, method := range httpMethods {
		if bytes.Equal(first, method) {
			c.first.Reset(nil)
			c.err = errors.Join(errHTTP, c.answer())
			return
		}
	}
}

// answer answers the request. A connection that is closed before its input was read loses the answer, so that the rest
// of the request is read, up to a limit.
func (c *answeringConn) answer() error {
	const (
		timeout    = time.Second
		maxRequest = 64 << 10
	)
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.Conn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		http.StatusBadRequest, http.StatusText(http.StatusBadRequest), len(httpAnswer), httpAnswer)
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, c.Conn, maxRequest)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
