package main

import (
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// subscription is what a client asks for and has of one kind.
type subscription struct {
	names          []string
	version, nonce string
	held           map[string]*resource
}

func (s *subscription) request(k kind) *discoveryv3.DiscoveryRequest {
	return &discoveryv3.DiscoveryRequest{
		TypeUrl: typeURLs[k], ResourceNames: s.names, VersionInfo: s.version, ResponseNonce: s.nonce,
	}
}

// forget drops what a response leaves out that lists everything.
func (s *subscription) forget(all []*resource) {
	if len(all) >= len(s.held) {
		return
	}
	for name := range s.held {
		if !slices.ContainsFunc(all, func(r *resource) bool { return r.name == name }) {
			delete(s.held, name)
		}
	}
}
