// Package mizzenhertz makes clients of Hertz follow the mesh:
//
//	mesh, err := xds.NewClient(xds.Options{HTTP: true}) // from github.com/mizzen-mesh/mizzen/integrations/go/xds
//	...
//	c, err := client.NewClient()
//	...
//	c.Use(mizzenhertz.Middleware(mesh))
//	status, body, err := c.Get(ctx, nil, "http://orders.shop:8080/orders/7")
//
// The host of a URL is a name of the mesh, with the port of the Service or without one.
package mizzenhertz

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// Middleware has the calls of a client follow the mesh. It chooses the endpoint of each attempt, so put it after all middleware that
// changes requests, and beside no service discovery. All clients of a process share one client of the mesh, which has Options.HTTP.
//
// Requests for https fail: calls of the mesh are in plaintext. A request with a body stream is neither repeated nor copied.
func Middleware(mesh *xds.Client) client.Middleware {
	return func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, request *protocol.Request, response *protocol.Response) error {
			if scheme := string(request.URI().Scheme()); scheme != "http" {
				return fmt.Errorf("mizzenhertz: %s://%s: calls of the mesh are in plaintext; write http, or use another client for this host", scheme, request.Host())
			}
			if limit := request.Options().RequestTimeout(); limit > 0 {
				// Hertz limits each attempt; all of them together must not take longer.
				limited, cancel := context.WithTimeout(ctx, limit)
				defer cancel()
				ctx = limited
			}
			if response == nil {
				response = protocol.AcquireResponse()
				defer protocol.ReleaseResponse(response)
			}
			call := callOf(next, request)
			reply, err := mesh.Exchange(ctx, call, func(ctx context.Context, to xds.Attempt) xds.Outcome {
				return send(ctx, next, request, response, to)
			})
			if err != nil {
				return err
			}
			defer reply.Done()
			if reply.Answer != nil {
				answer(response, reply.Answer)
			} else {
				reply.Edit(responseHeaders{&response.Header})
			}
			return nil
		}
	}
}

// callOf is what rules see of a request.
func callOf(next client.Endpoint, r *protocol.Request) xds.Call {
	host := string(r.Host())
	path, query, _ := strings.Cut(string(r.URI().RequestURI()), "?")
	plain := &xds.HTTP{Method: string(r.Method()), Scheme: "http", Authority: host, Query: query, Repeatable: !r.IsBodyStream()}
	if own := r.Header.Host(); len(own) > 0 {
		plain.Authority = string(own)
	}
	if plain.Repeatable {
		plain.Copy = func(to xds.Attempt) func(context.Context) {
			copied := protocol.AcquireRequest()
			r.CopyTo(copied)
			return func(ctx context.Context) {
				dropped := protocol.AcquireResponse()
				send(ctx, next, copied, dropped, to)
				protocol.ReleaseRequest(copied)
				protocol.ReleaseResponse(dropped)
			}
		}
	}
	return xds.Call{Host: host, Path: path, HTTP: plain, Header: func(name string) (string, bool) {
		values := r.Header.GetAll(name)
		return strings.Join(values, ","), len(values) > 0
	}}
}

// send makes an attempt, and leaves the request as it was.
func send(ctx context.Context, next client.Endpoint, r *protocol.Request, response *protocol.Response, to xds.Attempt) xds.Outcome {
	uri, header := &protocol.URI{}, &protocol.RequestHeader{}
	r.URI().CopyTo(uri)
	r.Header.CopyTo(header)
	limit, connect := r.Options().RequestTimeout(), r.Options().DialTimeout()
	defer func() {
		uri.CopyTo(r.URI())
		header.CopyTo(&r.Header)
		r.SetOptions(config.WithRequestTimeout(limit), config.WithDialTimeout(connect))
	}()
	if connect == 0 {
		r.SetOptions(config.WithDialTimeout(to.ConnectTimeout))
	}
	r.SetHost(to.Address)
	r.Header.SetHost(to.Authority)
	if path, _, _ := strings.Cut(string(uri.RequestURI()), "?"); path != to.Path {
		r.URI().SetPath(to.Path)
	}
	to.Edit(requestHeaders{&r.Header})
	if deadline, ok := ctx.Deadline(); ok {
		// Hertz does not see the end of a context once it has sent the request.
		r.SetOptions(config.WithRequestTimeout(max(time.Until(deadline), time.Millisecond)))
	}
	if err := next(ctx, r, response); err != nil {
		return xds.Outcome{Err: err, Unreached: unreached(err)}
	}
	return xds.Outcome{Status: response.StatusCode()}
}

// unreached reports whether there was no connection.
func unreached(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

// answer is a response of the mesh.
func answer(r *protocol.Response, a *xds.Answer) {
	r.Reset()
	r.SetStatusCode(a.Status)
	r.SetBody(a.Body)
	for name, values := range a.Header {
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
}

type requestHeaders struct{ *protocol.RequestHeader }

func (h requestHeaders) Has(name string) bool { return len(h.Peek(name)) > 0 }
func (h requestHeaders) Remove(name string)   { h.Del(name) }

type responseHeaders struct{ *protocol.ResponseHeader }

func (h responseHeaders) Has(name string) bool { return len(h.Peek(name)) > 0 }
func (h responseHeaders) Remove(name string)   { h.Del(name) }
