package ads

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/synctest"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// actor is a client of a scenario: one stream, in either protocol, and what it has received.
type actor struct {
	delta   bool
	node    *corev3.Node
	ctx     context.Context
	cancel  context.CancelFunc
	in      chan proto.Message
	out     chan response
	done    chan struct{}
	err     error
	last    map[snapshot.Type]response
	version map[snapshot.Type]string // of the last response accepted
	names   map[snapshot.Type][]string
}

// response is what the responses of both protocols have in common.
type response struct {
	t                snapshot.Type
	version, nonce   string
	names, removed   []string
	resources        []*anypb.Any
	resourceVersions map[string]string
}

func open(server *discovery, name string, args []string) *actor {
	a := &actor{
		in: make(chan proto.Message), out: make(chan response, 100), done: make(chan struct{}),
		node: &corev3.Node{Id: name, UserAgentName: "gRPC Go", UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1.85.0"}},
		last: map[snapshot.Type]response{}, version: map[snapshot.Type]string{}, names: map[snapshot.Type][]string{},
	}
	fields, header := map[string]*structpb.Value{}, ""
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "delta":
			a.delta = true
		case "agent":
			a.node.UserAgentName = strings.ReplaceAll(value, "_", " ")
		case "header":
			header = value
		case "cluster":
			a.node.Cluster = value
		case "id":
			a.node.Id = value
		case "ns":
			fields["NAMESPACE"] = structpb.NewStringValue(value)
		case "account":
			fields["SERVICE_ACCOUNT"] = structpb.NewStringValue(value)
		case "provider":
			fields["CERTIFICATE_PROVIDERS"] = structpb.NewStringValue(value)
		case "labels":
			labels := &structpb.Struct{Fields: map[string]*structpb.Value{}}
			for pair := range strings.SplitSeq(value, ",") {
				name, text, _ := strings.Cut(pair, "=")
				labels.Fields[name] = structpb.NewStringValue(text)
			}
			fields["LABELS"] = structpb.NewStructValue(labels)
		}
	}
	if len(fields) > 0 {
		a.node.Metadata = &structpb.Struct{Fields: fields}
	}
	a.ctx, a.cancel = context.WithCancel(metadata.NewIncomingContext(context.Background(), metadata.Pairs("user-agent", header)))
	go func() {
		defer close(a.done)
		if a.delta {
			a.err = server.DeltaAggregatedResources(deltaPipe{pipe: pipe{actor: a}})
		} else {
			a.err = server.StreamAggregatedResources(sotwPipe{pipe: pipe{actor: a}})
		}
		a.cancel()
	}()
	return a
}

func (a *actor) close() {
	a.cancel()
	<-a.done
}

func (a *actor) goes() error {
	select {
	case <-a.done:
		return fmt.Errorf("ended: %w", a.err)
	default:
		return nil
	}
}

func (a *actor) ended(code string) error {
	select {
	case <-a.done:
	default:
		return errors.New("the stream goes on")
	}
	if got := status.Code(a.err); got.String() != code {
		return fmt.Errorf("ended with %v: %w", got, a.err)
	}
	return nil
}

func (a *actor) send(m proto.Message) error {
	select {
	case a.in <- m:
		return nil
	case <-a.done:
		return fmt.Errorf("the stream has ended: %w", a.err)
	}
}

// ask subscribes to exactly names. In the incremental protocol it adds names to the subscriptions and removes drop.
func (a *actor) ask(t snapshot.Type, names, drop []string) error {
	if !a.delta {
		a.names[t] = names
		return a.send(a.request(t, nil))
	}
	return a.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: a.takeNode(), TypeUrl: string(t), ResourceNamesSubscribe: names, ResourceNamesUnsubscribe: drop,
	})
}

// resume subscribes as a client does that has lost its stream: with the version that it accepted there, and no nonce.
func (a *actor) resume(t snapshot.Type, from *actor, names []string) error {
	if !a.delta {
		a.names[t], a.version[t] = names, from.version[t]
		return a.send(a.request(t, nil))
	}
	return a.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: a.takeNode(), TypeUrl: string(t), ResourceNamesSubscribe: names, InitialResourceVersions: from.last[t].resourceVersions,
	})
}

func (a *actor) request(t snapshot.Type, refusal *statuspb.Status) *discoveryv3.DiscoveryRequest {
	return &discoveryv3.DiscoveryRequest{
		Node: a.takeNode(), TypeUrl: string(t), ResourceNames: a.names[t], VersionInfo: a.version[t],
		ResponseNonce: a.last[t].nonce, ErrorDetail: refusal,
	}
}

// takeNode returns the node once, because clients send it only with their first request.
func (a *actor) takeNode() *corev3.Node {
	node := a.node
	a.node = nil
	return node
}

func (a *actor) ack(t snapshot.Type) error {
	a.version[t] = a.last[t].version
	return a.answer(t, nil)
}

func (a *actor) nack(t snapshot.Type, text string) error {
	return a.answer(t, &statuspb.Status{Code: int32(codes.InvalidArgument), Message: text})
}

func (a *actor) answer(t snapshot.Type, refusal *statuspb.Status) error {
	if !a.delta {
		return a.send(a.request(t, refusal))
	}
	return a.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), ResponseNonce: a.last[t].nonce, ErrorDetail: refusal})
}

// expect reads one response, which must have that type and exactly those names.
func (a *actor) expect(t snapshot.Type, want []string) error {
	synctest.Wait()
	var got response
	select {
	case got = <-a.out:
	default:
		return errors.New("nothing arrived")
	}
	a.last[got.t] = got
	var names []string
	names = append(names, sorted(got.names)...)
	for _, name := range got.removed {
		names = append(names, "-"+name)
	}
	if got.t != t || !slices.Equal(sorted(names), sorted(want)) {
		return fmt.Errorf("got %s %q", got.t.ShortName(), names)
	}
	return nil
}

func (a *actor) contains(t snapshot.Type, text string) error {
	var all strings.Builder
	for _, r := range a.last[t].resources {
		m, err := r.UnmarshalNew()
		if err != nil {
			return err
		}
		fmt.Fprintln(&all, m)
	}
	// The text format varies its white space at random.
	squeezed := strings.Join(strings.Fields(all.String()), " ")
	if !strings.Contains(squeezed, text) {
		return fmt.Errorf("got %s", squeezed)
	}
	return nil
}

// unread describes a response that no step has expected; empty if there is none.
func (a *actor) unread() string {
	select {
	case r := <-a.out:
		return fmt.Sprintf("%s %q", r.t.ShortName(), r.names)
	default:
		return ""
	}
}

// pipe is the stream between an actor and the server.
type pipe struct {
	grpc.ServerStream

	actor *actor
}

func (p pipe) Context() context.Context { return p.actor.ctx }

func (p pipe) recv() (proto.Message, error) {
	select {
	case m := <-p.actor.in:
		return proto.Clone(m), nil
	case <-p.actor.ctx.Done():
		return nil, io.EOF
	}
}

type sotwPipe struct{ pipe }

func (p sotwPipe) Recv() (*discoveryv3.DiscoveryRequest, error) {
	m, err := p.recv()
	if err != nil {
		return nil, err
	}
	return m.(*discoveryv3.DiscoveryRequest), nil
}

func (p sotwPipe) RecvMsg(m any) error {
	sent, err := p.recv()
	if err != nil {
		return err
	}
	b, err := proto.Marshal(sent)
	if err != nil {
		return err
	}
	return newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, m)
}

func (p sotwPipe) Send(*discoveryv3.DiscoveryResponse) error {
	panic("responses are put together by the codec")
}

func (p sotwPipe) SendMsg(m any) error {
	buffers, err := newCodec().Marshal(m)
	if err != nil {
		return err
	}
	r := &discoveryv3.DiscoveryResponse{}
	if err := proto.Unmarshal(buffers.Materialize(), r); err != nil {
		return err
	}
	got := response{t: snapshot.Type(r.GetTypeUrl()), version: r.GetVersionInfo(), nonce: r.GetNonce(), resources: r.GetResources()}
	for _, resource := range r.GetResources() {
		got.names = append(got.names, nameOf(resource))
	}
	p.actor.out <- got
	return nil
}

type deltaPipe struct{ pipe }

func (p deltaPipe) Recv() (*discoveryv3.DeltaDiscoveryRequest, error) {
	m, err := p.recv()
	if err != nil {
		return nil, err
	}
	return m.(*discoveryv3.DeltaDiscoveryRequest), nil
}

func (p deltaPipe) Send(r *discoveryv3.DeltaDiscoveryResponse) error {
	got := response{
		t: snapshot.Type(r.GetTypeUrl()), version: r.GetSystemVersionInfo(), nonce: r.GetNonce(), removed: r.GetRemovedResources(),
		resourceVersions: map[string]string{},
	}
	for _, resource := range r.GetResources() {
		got.names = append(got.names, resource.GetName())
		got.resources = append(got.resources, resource.GetResource())
		got.resourceVersions[resource.GetName()] = resource.GetVersion()
	}
	p.actor.out <- got
	return nil
}

// nameOf returns the name of a resource of any type.
func nameOf(resource *anypb.Any) string {
	m, err := resource.UnmarshalNew()
	if err != nil {
		return err.Error()
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	for _, field := range []string{"cluster_name", "name"} {
		if f := fields.ByName(protoreflect.Name(field)); f != nil {
			return m.ProtoReflect().Get(f).String()
		}
	}
	return "?"
}
