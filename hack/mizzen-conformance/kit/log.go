package kit

import (
	"fmt"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// act is what happened on a stream.
type act int

const (
	opened act = iota
	requested
	responded
	ended
)

// event is one line of the record of a plane.
type event struct {
	at     time.Time
	stream int
	act    act
	// header is the HTTP/2 header user-agent of a stream that opens.
	header string
	// request is what the client sent, and response what it was sent.
	request  *discoveryv3.DiscoveryRequest
	response *discoveryv3.DiscoveryResponse
	// first is whether a request is the first of its type on its stream.
	first bool
}

// record has the events of a plane in their order.
type record []event

// requests are the requests for a type.
func (r record) requests(kind string) record {
	return r.where(func(e event) bool { return e.act == requested && e.request.GetTypeUrl() == kind })
}

// responses are the responses of a type.
func (r record) responses(kind string) record {
	return r.where(func(e event) bool { return e.act == responded && e.response.GetTypeUrl() == kind })
}

func (r record) where(is func(event) bool) record {
	var found record
	for _, e := range r {
		if is(e) {
			found = append(found, e)
		}
	}
	return found
}

// opened are the openings of streams.
func (r record) opened() record {
	return r.where(func(e event) bool { return e.act == opened })
}

// answer is the first request that has the nonce of a response.
func (r record) answer(response *discoveryv3.DiscoveryResponse) *discoveryv3.DiscoveryRequest {
	for _, e := range r.requests(response.GetTypeUrl()) {
		if e.request.GetResponseNonce() == response.GetNonce() {
			return e.request
		}
	}
	return nil
}

// last is the latest request of a stream for a type, or nil.
func (r record) last(stream int, kind string) *discoveryv3.DiscoveryRequest {
	var found *discoveryv3.DiscoveryRequest
	for _, e := range r.requests(kind) {
		if e.stream == stream {
			found = e.request
		}
	}
	return found
}

// lines are the record as text, with the time since its beginning.
func (r record) lines() []string {
	lines := make([]string, len(r))
	for i, e := range r {
		lines[i] = fmt.Sprintf("%6.2f s  stream %d  %s", e.at.Sub(r[0].at).Seconds(), e.stream, e.text())
	}
	return lines
}

func (e event) text() string {
	switch e.act {
	case opened:
		return "opens"
	case ended:
		return "ends"
	case responded:
		text := fmt.Sprintf("is sent %s version %q nonce %q", name(e.response.GetTypeUrl()), e.response.GetVersionInfo(), e.response.GetNonce())
		return text + fmt.Sprintf(" with %d resources", len(e.response.GetResources()))
	default:
		text := fmt.Sprintf("requests %s %q version %q nonce %q", name(e.request.GetTypeUrl()), e.request.GetResourceNames(), e.request.GetVersionInfo(), e.request.GetResponseNonce())
		if e.request.GetErrorDetail() != nil {
			text += " and refuses: " + e.request.GetErrorDetail().GetMessage()
		}
		return text
	}
}

// name is the short name of a type, or the type.
func name(kind string) string {
	if s := short[kind]; s != "" {
		return s
	}
	return kind
}
