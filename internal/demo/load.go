package demo

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

const (
	rate        = 200 // requests a second
	callTimeout = 5 * time.Second
	// maxCalls bounds the calls under way: should the backends stall, the load waits instead of piling up.
	maxCalls = 200
)

// load calls the greeter at a steady rate and hands every outcome to the tally.
type load struct {
	client *client
	tally  *tally
}

// Run calls until ctx ends, and waits for the calls under way.
func (l *load) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	var calls errgroup.Group
	calls.SetLimit(maxCalls)
	for start, made := time.Now(), 0; ; {
		select {
		case <-ticker.C:
			// A busy machine skips ticks; what they should have done is made up for, but not the calls of a long sleep.
			due := int(time.Since(start) * rate / time.Second)
			for made = max(made, due-maxCalls); made < due; made++ {
				calls.Go(func() error {
					l.call(ctx)
					return nil
				})
			}
		case <-ctx.Done():
			return calls.Wait()
		}
	}
}

// call makes one call. Whether it failed is the tally's affair.
func (l *load) call(ctx context.Context) {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	response, err := l.client.greeter.UnaryCall(callCtx, &testpb.SimpleRequest{})
	switch {
	case ctx.Err() != nil: // cut off by the end
	case err != nil:
		l.tally.fail(err)
	default:
		l.tally.succeed(start, response.GetHostname(), time.Since(start))
	}
}
