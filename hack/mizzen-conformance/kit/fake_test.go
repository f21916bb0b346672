package kit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
)

// fake is a small xDS client that follows the rules, except for one fault. It shows that a check can fail.
type fake struct {
	fault string
	// delta is whether it uses the incremental protocol.
	delta bool
}

// anonymous is not a fault: the client does not state a user agent in its node.
const anonymous = "anonymous"

// fakeTimer is when it takes what is not sent as something that does not exist.
const fakeTimer = 5 * time.Second

func (f fake) Start(bootstrap string) (Running, error) {
	var b struct {
		Servers []struct {
			URI string `json:"server_uri"`
		} `json:"xds_servers"`
	}
	if err := json.Unmarshal([]byte(bootstrap), &b); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &fakeRun{
		fault: f.fault, delta: f.delta, cancel: cancel, state: newState(f.fault), subs: map[string]*fakeSub{}, changed: make(chan struct{}),
		done: make(chan struct{}), channels: map[uint32]*grpc.ClientConn{},
	}
	go r.run(ctx, b.Servers[0].URI)
	return r, nil
}

// fakeRun is a fake that runs.
type fakeRun struct {
	fault  string
	delta  bool
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	state   *state
	stream  fakeStream
	streams int
	// unreachable is whether streams end without a response.
	unreachable bool
	subs        map[string]*fakeSub
	changed     chan struct{}
	calls       int
	deaf        string

	channelsMu sync.Mutex
	channels   map[uint32]*grpc.ClientConn
}

// fakeSub is what a stream asked for of a type.
type fakeSub struct {
	names []string
	nonce string
}

// run keeps a stream open.
func (r *fakeRun) run(ctx context.Context, address string) {
	defer close(r.done)
	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))
	if err != nil {
		return
	}
	defer channel.Close()
	const first = 100 * time.Millisecond
	for pause := first; ctx.Err() == nil; {
		if r.follow(ctx, channel) {
			pause = first
		}
		if r.fault == "gives up" {
			return
		}
		if r.fault != "hot loop" {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, 2*time.Second)
		}
	}
}

// follow follows one stream to its end, and returns whether it had a response.
func (r *fakeRun) follow(ctx context.Context, channel *grpc.ClientConn) (answered bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	service := discoveryv3.NewAggregatedDiscoveryServiceClient(channel)
	for range r.surplus() {
		if _, err := r.open(ctx, service); err != nil {
			break
		}
	}
	stream, err := r.open(ctx, service)
	if err == nil {
		r.mu.Lock()
		r.stream, r.subs = stream, map[string]*fakeSub{}
		r.streams++
		r.request()
		r.mu.Unlock()
	}
	for err == nil {
		var response *discoveryv3.DiscoveryResponse
		if response, err = stream.Recv(); err == nil {
			answered = true
			r.receive(response)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream, r.unreachable = nil, !answered
	r.wake()
	return answered
}

// surplus is how many more streams it opens each time: on a busy machine a loop alone opens few.
func (r *fakeRun) surplus() int {
	if r.fault == "hot loop" {
		return 10
	}
	return 0
}

func (r *fakeRun) open(ctx context.Context, service discoveryv3.AggregatedDiscoveryServiceClient) (fakeStream, error) {
	if r.delta {
		stream, err := service.DeltaAggregatedResources(ctx)
		return &deltaFake{stream, map[string][]string{}, map[string]string{}}, err
	}
	return service.StreamAggregatedResources(ctx)
}

// wake tells calls that something changed. The lock is held.
func (r *fakeRun) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// receive takes a response, and answers it. The lock is not held.
func (r *fakeRun) receive(response *discoveryv3.DiscoveryResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := response.GetTypeUrl()
	sub := r.subs[kind]
	if sub == nil && r.fault == "deaf after an unknown type" {
		r.deaf = endpoints
	}
	if sub == nil || r.deaf == kind {
		return
	}
	r.unreachable = false
	sub.nonce = response.GetNonce()
	err := r.state.take(kind, sub.names, response)
	if err != nil && r.fault == "deaf after a refusal" {
		r.deaf = kind
	}
	r.wake()
	if r.fault == "does not acknowledge endpoints" && kind == endpoints || r.fault == "acknowledges changes only" && !r.state.differs {
		return
	}
	r.send(kind, err)
	if err != nil && r.fault == "refuses again and again" {
		for range 5 {
			r.send(kind, err)
		}
	}
	r.request()
}

// request asks for what is needed now and was not asked for. The lock is held.
func (r *fakeRun) request() {
	if r.stream == nil {
		return
	}
	for _, kind := range types {
		names := r.state.wanted(kind)
		if r.fault == "guesses endpoints" && kind == endpoints {
			names = []string{endpointsOf("kit-a")}
		}
		sub := r.subs[kind]
		if sub != nil && r.fault == "never unsubscribes" {
			names = slices.Compact(slices.Sorted(slices.Values(append(names, sub.names...))))
		}
		switch {
		case sub == nil && len(names) > 0:
			r.subs[kind] = &fakeSub{names: names}
			r.send(kind, nil)
		case sub != nil && !slices.Equal(sub.names, names):
			sub.names = names
			r.send(kind, nil)
		}
	}
}

func (r *fakeRun) send(kind string, refusal error) {
	sub := r.subs[kind]
	request := &discoveryv3.DiscoveryRequest{TypeUrl: kind, ResourceNames: sub.names, VersionInfo: r.state.versions[kind], ResponseNonce: sub.nonce}
	if sub.nonce == "" && kind == clusters && r.fault == "subscribes to all clusters" {
		request.ResourceNames = nil
	}
	if sub.nonce == "" && r.fault == "forgets versions" {
		request.VersionInfo = ""
	}
	if sub.nonce != "" && r.fault == "invents nonces" && kind == routes {
		request.ResponseNonce = sub.nonce + "x"
	}
	if len(r.subs) == 1 && sub.nonce == "" && (r.streams == 1 || r.fault != "sends its node once") {
		request.Node = &corev3.Node{Id: "kit", UserAgentName: "fake", UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1"}}
		if r.fault == anonymous {
			request.Node = &corev3.Node{Id: "kit"}
		}
		if r.fault == "has no node id" {
			request.Node.Id = ""
		}
	}
	if refusal != nil {
		request.ErrorDetail = &status.Status{Code: int32(codes.InvalidArgument), Message: refusal.Error()}
	}
	_ = r.stream.Send(request)
}

func (r *fakeRun) Call(c Command) ([]Outcome, error) {
	outcomes := make([]Outcome, c.Count)
	for i := range outcomes {
		outcomes[i] = r.call(c)
		<-time.After(seconds(c.Spacing))
	}
	return outcomes, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// call makes one call.
func (r *fakeRun) call(c Command) Outcome {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), seconds(c.Timeout))
	defer cancel()
	var body []byte
	port, err := r.pick(ctx, c.Target[len("xds:///"):])
	if err == nil {
		var channel *grpc.ClientConn
		if channel, err = r.channel(port); err == nil {
			err = channel.Invoke(ctx, c.Method, []byte{}, &body, grpc.ForceCodec(raw{}))
		}
	}
	return Outcome{Code: int(grpcstatus.Code(err)), Text: grpcstatus.Convert(err).Message(), Body: string(body), MS: float64(time.Since(begun).Milliseconds())}
}

// pick chooses an endpoint for a call, and waits until there is something to choose from.
func (r *fakeRun) pick(ctx context.Context, target string) (uint32, error) {
	for begun := time.Now(); ; {
		r.mu.Lock()
		if !slices.Contains(r.state.hosts, target) {
			r.state.hosts = append(r.state.hosts, target)
			r.request()
		}
		ports, why := r.state.chain(target)
		if errors.Is(why, errWaiting) && !strings.HasPrefix(r.fault, "waits") && (r.unreachable || time.Since(begun) > fakeTimer) {
			why = errors.New("it is not sent")
		}
		if why == nil {
			r.calls++
			port := ports[r.calls%len(ports)]
			r.mu.Unlock()
			return port, nil
		}
		changed := r.changed
		r.mu.Unlock()
		if !errors.Is(why, errWaiting) {
			return 0, grpcstatus.Error(codes.Unavailable, why.Error())
		}
		select {
		case <-changed:
		case <-time.After(fakeTimer / 50):
		case <-ctx.Done():
			return 0, grpcstatus.FromContextError(ctx.Err()).Err()
		}
	}
}

func (r *fakeRun) Stop() error {
	r.cancel()
	<-r.done
	for _, channel := range r.channels {
		_ = channel.Close()
	}
	return nil
}
