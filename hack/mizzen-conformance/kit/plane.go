package kit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// plane is a control plane that follows the rules itself, except where a check tells it not to.
type plane struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	// address is the same after the plane was away.
	address string
	server  *grpc.Server
	serving sync.WaitGroup

	mu        sync.Mutex
	resources map[string]map[string]*anypb.Any
	versions  map[string]int
	// withheld are the names of resources that are not sent yet, by type.
	withheld map[string][]string
	// refusal is how streams end when they open.
	refusal error
	streams []*stream
	record  record
	// happened is closed when something is added to the record.
	happened chan struct{}
	opened   int
	nonces   int
}

// stream is one ADS stream.
type stream struct {
	number int
	wire   wire
	subs   map[string]*subscription
	// end is closed to end the stream with broken.
	end chan struct{}
}

// subscription is what a stream asks for of a type.
type subscription struct {
	names []string
	nonce string
}

// broken is how streams end that were in use.
var broken = status.Error(codes.Unavailable, "the kit ends this stream")

func newPlane() (*plane, error) {
	p := &plane{address: "127.0.0.1:0", resources: map[string]map[string]*anypb.Any{}, versions: map[string]int{}, withheld: map[string][]string{}, happened: make(chan struct{})}
	return p, p.start()
}

// start serves, for the first time or again.
func (p *plane) start() error {
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", p.address)
	if err != nil {
		return fmt.Errorf("serve xDS: %w", err)
	}
	p.address, p.server = socket.Addr().String(), grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(p.server, p)
	p.serving.Go(func() { _ = p.server.Serve(socket) })
	return nil
}

// stop goes away: connections end, and new ones are refused.
func (p *plane) stop() {
	p.server.Stop()
	p.serving.Wait()
}

// StreamAggregatedResources is one stream of the client.
func (p *plane) StreamAggregatedResources(server discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return p.serve(sotw{server})
}

// DeltaAggregatedResources is one, too.
func (p *plane) DeltaAggregatedResources(server discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return p.serve(newDelta(server))
}

func (p *plane) serve(w wire) error {
	s, err := p.open(w)
	if err != nil {
		return err
	}
	defer p.close(s)
	received := make(chan error, 1)
	go func() { // until the handler returns
		for {
			request, err := s.wire.Recv()
			if err == nil {
				err = p.receive(s, request)
			}
			if err != nil {
				received <- err
				return
			}
		}
	}()
	select {
	case <-s.end:
		return broken
	case err := <-received:
		return err
	}
}

func (p *plane) open(w wire) (*stream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	s := &stream{number: p.opened, wire: w, subs: map[string]*subscription{}, end: make(chan struct{})}
	p.note(event{stream: s.number, act: opened, header: strings.Join(metadata.ValueFromIncomingContext(w.Context(), "user-agent"), " ")})
	if p.refusal != nil {
		return nil, p.refusal
	}
	p.streams = append(p.streams, s)
	return s, nil
}

func (p *plane) close(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams = slices.DeleteFunc(p.streams, func(other *stream) bool { return other == s })
	p.note(event{stream: s.number, act: ended})
}

// receive takes a request, and answers what is new in it.
func (p *plane) receive(s *stream, request *discoveryv3.DiscoveryRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := request.GetTypeUrl()
	sub := s.subs[kind]
	p.note(event{stream: s.number, act: requested, request: request, first: sub == nil})
	if _, ok := s.wire.(sotw); ok && sub != nil && request.GetResponseNonce() != sub.nonce {
		return nil // it answers an earlier response; the answer to the latest comes, and names all again
	}
	var before []string
	fresh := sub == nil
	if fresh {
		sub = &subscription{}
		s.subs[kind] = sub
	} else {
		before = sub.names
	}
	sub.names = request.GetResourceNames()
	if fresh || slices.ContainsFunc(sub.names, func(name string) bool { return !slices.Contains(before, name) }) {
		return p.answer(s, kind, sub)
	}
	return nil
}

// whole is whether a response of a type has all resources, so that what is absent from it does not exist.
func whole(kind string) bool { return kind == listeners || kind == clusters }

// answer sends what there is of a subscription. What is withheld is not sent, and of types whose responses are whole, nothing is then.
func (p *plane) answer(s *stream, kind string, sub *subscription) error {
	if whole(kind) && slices.ContainsFunc(sub.names, func(name string) bool { return slices.Contains(p.withheld[kind], name) }) {
		return nil
	}
	var found []resource
	for _, name := range sub.names {
		if body := p.resources[kind][name]; body != nil && !slices.Contains(p.withheld[kind], name) {
			found = append(found, resource{kind, name, body})
		}
	}
	if len(found) == 0 && !whole(kind) {
		return nil
	}
	return p.send(s, kind, found)
}

// send sends a response. Its messages are smaller than the window of a stream, so a client that does not read delays no check.
func (p *plane) send(s *stream, kind string, resources []resource) error {
	p.nonces++
	response := &discoveryv3.DiscoveryResponse{TypeUrl: kind, VersionInfo: fmt.Sprintf("v%d", p.versions[kind]), Nonce: fmt.Sprintf("n%d", p.nonces)}
	for _, r := range resources {
		response.Resources = append(response.Resources, r.body)
	}
	if sub := s.subs[kind]; sub != nil {
		sub.nonce = response.GetNonce()
	}
	p.note(event{stream: s.number, act: responded, response: response})
	return s.wire.send(response, resources)
}

// set changes resources in one step, with one response for each type to each stream that asks for one of them.
func (p *plane) set(changed ...resource) {
	p.change(func() {
		for _, r := range changed {
			if p.resources[r.kind] == nil {
				p.resources[r.kind] = map[string]*anypb.Any{}
			}
			p.resources[r.kind][r.name] = r.body
		}
	}, kindsOf(changed)...)
}

func kindsOf(all []resource) []string {
	kinds := map[string]bool{}
	for _, r := range all {
		kinds[r.kind] = true
	}
	// Clusters first, then their endpoints, then what leads to them.
	return slices.DeleteFunc([]string{clusters, endpoints, listeners, routes}, func(kind string) bool { return !kinds[kind] })
}

// remove deletes a resource.
func (p *plane) remove(kind, name string) {
	p.change(func() { delete(p.resources[kind], name) }, kind)
}

// withhold sends the resources of a type with these names no more, until release.
func (p *plane) withhold(kind string, names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withheld[kind] = names
}

func (p *plane) release(kind string) {
	p.change(func() { delete(p.withheld, kind) }, kind)
}

// change makes a change to types, gives each a new version, and sends it.
func (p *plane) change(do func(), kinds ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	for _, kind := range kinds {
		p.versions[kind]++
		for _, s := range p.streams {
			if sub := s.subs[kind]; sub != nil && len(sub.names) > 0 {
				_ = p.answer(s, kind, sub) // a stream that ended opens again, and asks
			}
		}
	}
}

// push sends a response of a new version with these resources, whatever the streams asked for.
func (p *plane) push(kind string, resources ...resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[kind]++
	for _, s := range p.streams {
		_ = p.send(s, kind, resources)
	}
}

// end ends all streams.
func (p *plane) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.streams {
		close(s.end)
	}
	p.streams = nil
}

// refuse ends each stream when it opens, until it is called with nil. It does not end those that are open.
func (p *plane) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal = err
}

// note adds to the record. The lock is held.
func (p *plane) note(e event) {
	e.at = time.Now()
	p.record = append(p.record, e)
	close(p.happened)
	p.happened = make(chan struct{})
}

// seen returns the record so far, and a channel that is closed when there is more.
func (p *plane) seen() (record, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.record), p.happened
}

// errLate is the end of a wait.
var errLate = errors.New("it did not come")

// await waits until the record satisfies a condition, and returns the record.
func (p *plane) await(patience time.Duration, is func(record) bool) (record, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		r, more := p.seen()
		if is(r) {
			return r, nil
		}
		select {
		case <-more:
		case <-late.C:
			return r, errLate
		}
	}
}

// names are the names that a stream asks for now, of a type, sorted.
func (p *plane) names(kind string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]bool{}
	for _, s := range p.streams {
		if sub := s.subs[kind]; sub != nil {
			for _, name := range sub.names {
				all[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
