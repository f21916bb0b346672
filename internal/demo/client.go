package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/xds"
)

// client is an ordinary gRPC channel over xDS. Its resolver reports when it updates the channel.
type client struct {
	*grpc.ClientConn
	greeter testpb.TestServiceClient
	updates updates
}

func newClient(config []byte) (*client, error) {
	// gRPC reads an application's bootstrap from the environment once, before main. This one is made at run time.
	builder, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		return nil, fmt.Errorf("make the client's resolver: %w", err)
	}
	received := make(updates, 64)
	conn, err := grpc.NewClient(Target,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(&observedResolver{builder, received}))
	if err != nil {
		return nil, fmt.Errorf("make the client: %w", err)
	}
	return &client{conn, testpb.NewTestServiceClient(conn), received}, nil
}

// connect waits until the channel has its first connection to a backend.
func (c *client) connect(ctx context.Context, timeout time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c.Connect()
	for state := c.GetState(); state != connectivity.Ready; state = c.GetState() {
		if !c.WaitForStateChange(waiting, state) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("connect the client over %s: still %v after %v", Target, state, timeout)
		}
	}
	return nil
}

// updates carries the times at which the resolver had updated the channel: calls that start later use the new
// configuration. Times that are not received are dropped.
type updates chan time.Time

// after waits for the first update at or after a moment, and returns how long after the moment it was.
func (u updates) after(ctx context.Context, moment time.Time, timeout time.Duration) (time.Duration, bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		select {
		case update := <-u:
			if !update.Before(moment) {
				return update.Sub(moment), true
			}
		case <-ctx.Done():
			return 0, false
		}
	}
}

// drain drops the updates so far.
func (u updates) drain() {
	for {
		select {
		case <-u:
		default:
			return
		}
	}
}

// observedResolver is a resolver.Builder whose resolvers report their updates.
type observedResolver struct {
	resolver.Builder
	updates updates
}

func (o *observedResolver) Build(t resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	return o.Builder.Build(t, &observedConn{cc, o.updates}, opts)
}

type observedConn struct {
	resolver.ClientConn
	updates updates
}

func (c *observedConn) UpdateState(state resolver.State) error {
	err := c.ClientConn.UpdateState(state)
	select {
	case c.updates <- time.Now():
	default:
	}
	return err
}
