package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// fleet is the set of all streams.
type fleet struct {
	counters
	o          *options
	plan       *plan
	address    string
	catalog    *catalog
	ledger     *ledger
	clients    []*client
	connecting semaphore

	conns   []*grpc.ClientConn
	started time.Time
	// arrived counts the clients that have had all of their resources.
	arrived atomic.Int64
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// newFleet makes clients without resources for the server at that address.
func newFleet(p *plan, address string) *fleet {
	f := &fleet{
		o: p.o, plan: p, address: address, catalog: newCatalog(p.o.raw), ledger: newLedger(), connecting: make(semaphore, p.o.dialing),
		clients: make([]*client, len(p.wanted)),
	}
	for id, services := range p.wanted {
		c := &client{fleet: f, id: id}
		for k := range c.subscriptions {
			c.subscriptions[k].resources = map[string]*resource{}
		}
		for _, s := range services {
			c.subscriptions[listeners].names = append(c.subscriptions[listeners].names, p.listener(s))
		}
		f.clients[id] = c
	}
	return f
}

// start opens all streams.
func (f *fleet) start(ctx context.Context) error {
	n := f.o.connections
	if n == 0 || n > len(f.clients) {
		n = len(f.clients)
	}
	f.conns = make([]*grpc.ClientConn, n)
	for i := range f.conns {
		conn, err := dial(f.address)
		if err != nil {
			return err
		}
		f.conns[i] = conn
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.started = time.Now()
	for _, c := range f.clients {
		f.running.Go(func() { c.run(ctx) })
	}
	return nil
}

// stop closes all streams. The clients keep their resources.
func (f *fleet) stop() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	f.running.Wait()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	f.conns, f.cancel = nil, nil
}

// place is where a resource belongs: its name, and the group of the streams that the name is of.
type place struct {
	named

	group string
}

// resources returns all resources of the fleet.
func (f *fleet) resources() map[place]*resource {
	all := map[place]*resource{}
	for _, c := range f.clients {
		for k := range c.subscriptions {
			for name, r := range c.subscriptions[k].resources {
				all[place{named{kind(k), name}, f.group(c.id)}] = r
			}
		}
	}
	return all
}

// dial prepares a connection with buffers as small as the messages, and with a short backoff, because the clients
// back off themselves.
func dial(address string) (*grpc.ClientConn, error) {
	const buffer = 4 << 10
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: backoffFactor, MaxDelay: time.Second}, MinConnectTimeout: 20 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20), grpc.WaitForReady(true)))
}

func (f *fleet) conn(id int) *grpc.ClientConn { return f.conns[id%len(f.conns)] }

// group names the streams to which a name means the same resource: all clients, or the servers of one service.
func (f *fleet) group(id int) string {
	if !f.o.servers() {
		return ""
	}
	return f.plan.name(f.plan.wanted[id][0])
}

// node returns the node of a client, in a form that Istio and Mizzen understand.
func (f *fleet) node(id int) *corev3.Node {
	text, namespace := structpb.NewStringValue, namespaceName(0)
	metadata := map[string]*structpb.Value{"GENERATOR": text("grpc"), "CLUSTER_ID": text("Kubernetes"), "ISTIO_VERSION": text("1.31.0")}
	if f.o.reporting() {
		namespace = fmt.Sprint("workload-", workload(id)) // the namespace that a client without a proof claims
	}
	if f.o.servers() {
		s := f.plan.wanted[id][0]
		namespace = f.plan.namespace(s)
		labels := map[string]*structpb.Value{}
		for k, v := range f.plan.serverLabels(s) {
			labels[k] = text(v)
		}
		metadata["LABELS"] = structpb.NewStructValue(&structpb.Struct{Fields: labels})
		metadata["SERVICE_ACCOUNT"], metadata["CERTIFICATE_PROVIDERS"] = text(f.plan.name(s)), text("default")
	}
	metadata["NAMESPACE"] = text(namespace)
	return &corev3.Node{
		Id:            fmt.Sprintf("sidecar~10.255.%d.%d~client-%d.%s~%s.%s", id>>8&255, id&255, id, namespace, namespace, domain),
		Cluster:       f.group(id),
		Metadata:      &structpb.Struct{Fields: metadata},
		UserAgentName: f.o.client, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: grpc.Version},
		ClientFeatures: []string{"envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw"},
	}
}

// semaphore limits the number of streams that have not had a response yet.
type semaphore chan struct{}

// acquire waits for a slot. leave frees the slot; it may be called more than once.
func (d semaphore) acquire(ctx context.Context) (leave func(), err error) {
	select {
	case d <- struct{}{}:
		return sync.OnceFunc(func() { <-d }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pause waits for a duration, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
