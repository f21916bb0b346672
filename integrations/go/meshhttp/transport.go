// Package meshhttp makes a client of net/http a client of the mesh, and with it the frameworks that take an
// http.RoundTripper:
//
//	mesh, err := xds.NewClient(xds.Options{HTTP: true}) // from github.com/mizzen-mesh/mizzen/integrations/go/xds
//	...
//	client := &http.Client{Transport: meshhttp.NewTransport(mesh, nil)}
//	response, err := client.Get("http://orders.shop:8080/orders/7")
//
// The host of a URL is a name of the mesh, with the port of the Service or without one.
package meshhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// NewTransport makes the transport of an http.Client. All of a process share one client of the mesh, which has Options.HTTP. The
// base connects to endpoints; if it is nil, that is an http.Transport without a proxy, which follows the connectTimeout of rules.
//
// Requests for https fail: the transport connects in plaintext. A request whose body can be read only once, because it has no
// GetBody, is neither repeated nor copied.
func NewTransport(mesh *xds.Client, base http.RoundTripper) http.RoundTripper {
	if base == nil {
		direct := http.DefaultTransport.(*http.Transport).Clone()
		direct.Proxy, direct.DialContext = nil, dial
		// The default keeps two, which is for hosts that are many, and called now and then.
		direct.MaxIdleConnsPerHost = direct.MaxIdleConns
		base = direct
	}
	return &transport{mesh, base}
}

// connectTimeout is the key of a request's context for the limit of an attempt to connect.
type connectTimeout struct{}

// dial connects to an endpoint.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	limit, _ := ctx.Value(connectTimeout{}).(time.Duration)
	if limit <= 0 {
		limit = 30 * time.Second
	}
	return (&net.Dialer{Timeout: limit, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
}

type transport struct {
	mesh *xds.Client
	base http.RoundTripper
}

// RoundTrip makes a call by the rules of the mesh.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "http" {
		closeBody(request)
		return nil, fmt.Errorf("meshhttp: %s: the transport of the mesh connects in plaintext; write http, or use another http.Client for this host", request.URL.Redacted())
	}
	var response *http.Response
	attempts := 0
	reply, err := t.mesh.Exchange(request.Context(), t.call(request), func(ctx context.Context, to xds.Attempt) xds.Outcome {
		drop(response)
		var sent *http.Request
		if sent, response = copyOf(ctx, request, to, attempts > 0), nil; sent == nil {
			return xds.Outcome{Err: errors.New("meshhttp: the body of the request cannot be read again")}
		}
		attempts++
		var err error
		response, err = t.base.RoundTrip(sent)
		return outcomeOf(response, err)
	})
	if attempts == 0 {
		closeBody(request)
	}
	if err != nil {
		drop(response)
		return nil, err
	}
	if a := reply.Answer; a != nil {
		return answer(request, a), nil
	}
	response.Request = request
	reply.Edit(headers(response.Header))
	read := body{response.Body, sync.OnceFunc(reply.Done)}
	if w, ok := response.Body.(io.Writer); ok {
		response.Body = struct {
			body
			io.Writer
		}{read, w} // the connection of an upgrade
	} else {
		response.Body = read
	}
	return response, nil
}

// call is what rules see of a request.
func (t *transport) call(r *http.Request) xds.Call {
	authority := r.Host
	if authority == "" {
		authority = r.URL.Host
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	plain := &xds.HTTP{Method: r.Method, Scheme: r.URL.Scheme, Authority: authority, Query: r.URL.RawQuery, Repeatable: repeatable(r)}
	if plain.Method == "" {
		plain.Method = http.MethodGet
	}
	if plain.Repeatable {
		plain.Copy = func(to xds.Attempt) func(context.Context) {
			sent := copyOf(context.WithoutCancel(r.Context()), r, to, true)
			if sent == nil {
				return nil
			}
			return func(ctx context.Context) {
				if response, err := t.base.RoundTrip(sent.WithContext(ctx)); err == nil {
					drop(response)
				}
			}
		}
	}
	return xds.Call{Host: r.URL.Host, Path: path, HTTP: plain, Header: func(name string) (string, bool) {
		values := r.Header[http.CanonicalHeaderKey(name)]
		return strings.Join(values, ","), len(values) > 0
	}}
}

func repeatable(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// copyOf is what an attempt sends; nil if the body cannot be read again.
func copyOf(ctx context.Context, r *http.Request, to xds.Attempt, again bool) *http.Request {
	sent := r.Clone(context.WithValue(ctx, connectTimeout{}, to.ConnectTimeout))
	if again && r.GetBody != nil {
		var err error
		if sent.Body, err = r.GetBody(); err != nil {
			return nil
		}
	}
	sent.URL.Host, sent.Host = to.Address, to.Authority
	if path, err := url.PathUnescape(to.Path); err == nil {
		sent.URL.Path, sent.URL.RawPath = path, to.Path
	} else {
		sent.URL.Opaque = to.Path
	}
	to.Edit(headers(sent.Header))
	return sent
}

func outcomeOf(response *http.Response, err error) xds.Outcome {
	if err != nil {
		var failed *net.OpError
		return xds.Outcome{Err: err, Unreached: errors.As(err, &failed) && failed.Op == "dial"}
	}
	return xds.Outcome{Status: response.StatusCode}
}

// answer is a response of the mesh.
func answer(request *http.Request, a *xds.Answer) *http.Response {
	response := &http.Response{
		Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: request,
	}
	for name, values := range a.Header {
		response.Header[http.CanonicalHeaderKey(name)] = values
	}
	return response
}

// drop ends a response that has no reader, so that its connection can be used again.
func drop(r *http.Response) {
	if r != nil {
		const worthIt = 64 << 10
		_, _ = io.CopyN(io.Discard, r.Body, worthIt)
		_ = r.Body.Close()
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// body tells the mesh when the response was read.
type body struct {
	io.ReadCloser
	done func()
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// headers are changed by names in lower case.
type headers http.Header

func (h headers) Has(name string) bool   { return len(h[http.CanonicalHeaderKey(name)]) > 0 }
func (h headers) Set(name, value string) { http.Header(h).Set(name, value) }
func (h headers) Add(name, value string) { http.Header(h).Add(name, value) }
func (h headers) Remove(name string)     { http.Header(h).Del(name) }
