package main

import (
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// subscription has a client's names and resources of one kind.
type subscription struct {
	names          []string
	version, nonce string
	resources      map[string]*resource
}

func (s *subscription) request(k kind) *discoveryv3.DiscoveryRequest {
	return &discoveryv3.DiscoveryRequest{
		TypeUrl: typeURLs[k], ResourceNames: s.names, VersionInfo: s.version, ResponseNonce: s.nonce,
	}
}

// forget drops the resources that are missing in a response that lists all of them.
func (s *subscription) forget(all []*resource) {
	if len(all) >= len(s.resources) {
		return
	}
	for name := range s.resources {
		if !slices.ContainsFunc(all, func(r *resource) bool { return r.name == name }) {
			delete(s.resources, name)
		}
	}
}
