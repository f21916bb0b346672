package snapshot

import (
	"context"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// CreateWatch serves one request of the state-of-the-world protocol. The stream server calls it from one goroutine, and has
// already dropped requests with a stale nonce: so a request that follows a response answers it.
func (s *Session) CreateWatch(req *cache.Request, asked cache.Subscription, out chan cache.Response) (func(), error) {
	t := Type(req.GetTypeUrl())
	if !t.Known() {
		return nil, nil
	}
	sub, first := s.subscription(t)
	if !first {
		sub.answered(req.GetErrorDetail())
	}
	if sub.ask(asked.SubscribedResources(), asked.IsWildcard()) && t != ListenerType {
		sub.confirmLater()
	}

	must := false
	if first {
		resumed := req.GetVersionInfo() != "" && sub.resume(req.GetVersionInfo())
		// A wildcard waits for word even of nothing. Listeners are answered even if nothing changed: a client with several control
		// planes returns to its first only once that one has sent something.
		must = sub.wildcard && !resumed || t == ListenerType && sub.answerable()
	}
	// What is already waiting in out for this type is dropped by the stream server, and made again from what is newest.
	return s.watch(sub, func() { out <- &sotwResponse{sub: sub, req: req} }, must), nil
}

// answerable says whether any name asked for can be answered at all.
func (sub *subscription) answerable() bool {
	s := sub.session.store.Current()
	for _, name := range sub.asked(s) {
		if s.Resource(sub.t, name, sub.session.client) != nil {
			return true
		}
	}
	return false
}

// sotwResponse is made when the stream is ready to send it: at most one per type waits, and it carries the newest state.
type sotwResponse struct {
	sub  *subscription
	req  *cache.Request
	once sync.Once
	made *discoveryv3.DiscoveryResponse
}

var _ cache.Response = (*sotwResponse)(nil)

func (r *sotwResponse) GetDiscoveryResponse() (*discoveryv3.DiscoveryResponse, error) {
	r.once.Do(func() {
		a := r.sub.take(r.sub.t.FullState())
		resources := make([]*anypb.Any, len(a.resources))
		for i, v := range a.resources {
			resources[i] = v.Any
		}
		r.made = &discoveryv3.DiscoveryResponse{TypeUrl: string(r.sub.t), VersionInfo: a.version, Resources: resources}
		r.sub.count(a)
	})
	return r.made, nil
}

func (r *sotwResponse) GetRequest() *discoveryv3.DiscoveryRequest { return r.req }

func (r *sotwResponse) GetVersion() (string, error) { return r.GetResponseVersion(), nil }

func (r *sotwResponse) GetResponseVersion() string {
	made, _ := r.GetDiscoveryResponse()
	return made.GetVersionInfo()
}

// GetReturnedResources is the stream server's memory of what it sent; the session keeps its own.
func (r *sotwResponse) GetReturnedResources() map[string]string { return map[string]string{} }

func (r *sotwResponse) GetContext() context.Context { return context.Background() }
