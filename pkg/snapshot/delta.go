package snapshot

import (
	"context"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// CreateDeltaWatch serves one request of the incremental protocol.
func (s *Session) CreateDeltaWatch(req *cache.DeltaRequest, asked cache.Subscription, out chan cache.DeltaResponse) (func(), error) {
	t := Type(req.GetTypeUrl())
	if !t.Known() {
		return nil, nil
	}
	sub, first := s.subscription(t)
	if req.GetResponseNonce() != "" {
		sub.answered(req.GetErrorDetail())
	}
	sub.ask(asked.SubscribedResources(), asked.IsWildcard())
	if first {
		sub.remember(req.GetInitialResourceVersions())
	} else {
		sub.forget(req.GetResourceNamesSubscribe())
	}
	// A name given up under a wildcard is marked so by the stream server, and must be sent or removed once more.
	for name, version := range asked.ReturnedResources() {
		if version == "" {
			sub.forget([]string{name})
		}
	}
	must := first && sub.wildcard || sub.absentees(req.GetResourceNamesSubscribe())
	return s.watch(sub, func() { out <- &deltaResponse{sub: sub, req: req} }, must), nil
}

// remember records what a returning client says it holds.
func (sub *subscription) remember(versions map[string]string) {
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	for name, version := range versions {
		if _, asked := sub.names[name]; asked || sub.wildcard {
			v := &Versioned{Name: name, Version: version}
			h := sub.holding(name)
			h.sent, h.good = v, v
		}
	}
}

// forget makes names be sent again: who subscribes to a name a second time wants it a second time.
func (sub *subscription) forget(names []string) {
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	for _, name := range names {
		if h := sub.held[name]; h != nil {
			h.sent, h.missed = nil, false
		}
	}
}

// absentees says whether a name just subscribed to cannot be answered, which this protocol has a word for.
func (sub *subscription) absentees(names []string) bool {
	s := sub.session.store.Current()
	for _, name := range names {
		if _, asked := sub.names[name]; asked && s.Resource(sub.t, name, sub.session.client) == nil {
			return true
		}
	}
	return false
}

type deltaResponse struct {
	sub  *subscription
	req  *cache.DeltaRequest
	once sync.Once
	made *discoveryv3.DeltaDiscoveryResponse
}

var _ cache.DeltaResponse = (*deltaResponse)(nil)

func (r *deltaResponse) GetDeltaDiscoveryResponse() (*discoveryv3.DeltaDiscoveryResponse, error) {
	r.once.Do(func() {
		a := r.sub.take(false)
		resources := make([]*discoveryv3.Resource, len(a.resources))
		for i, v := range a.resources {
			resources[i] = &discoveryv3.Resource{Name: v.Name, Version: v.Version, Resource: v.Any}
		}
		r.made = &discoveryv3.DeltaDiscoveryResponse{
			TypeUrl: string(r.sub.t), SystemVersionInfo: a.version, Resources: resources, RemovedResources: a.removed,
		}
		r.sub.count(a)
	})
	return r.made, nil
}

func (r *deltaResponse) GetDeltaRequest() *discoveryv3.DeltaDiscoveryRequest { return r.req }

func (r *deltaResponse) GetSystemVersion() (string, error) { return r.GetResponseVersion(), nil }

func (r *deltaResponse) GetResponseVersion() string {
	made, _ := r.GetDeltaDiscoveryResponse()
	return made.GetSystemVersionInfo()
}

// GetNextVersionMap is the stream server's memory of what it sent; the session keeps its own. The server writes into the map.
func (r *deltaResponse) GetNextVersionMap() map[string]string { return map[string]string{} }

// GetReturnedResources is GetNextVersionMap under its newer name.
func (r *deltaResponse) GetReturnedResources() map[string]string { return r.GetNextVersionMap() }

func (r *deltaResponse) GetContext() context.Context { return context.Background() }
