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
	// maxCalls limits concurrent calls: if the backends stall, the load waits.
	maxCalls = 200
)

// load calls the greeter at a steady rate and reports every result to the tally.
type load struct {
	client *client
	tally  *tally
}

// Run calls until ctx ends, and waits for running calls.
func (l *load) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	var calls errgroup.Group
	calls.SetLimit(maxCalls)
	for start, made := time.Now(), 0; ; {
		select {
		case <-ticker.C:
			// A busy machine skips ticks. Their calls are made later, but not those of a long suspension.
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

// call makes one call and reports its result.
func (l *load) call(ctx context.Context) {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	response, err := l.client.greeter.UnaryCall(callCtx, &testpb.SimpleRequest{})
	switch {
	case ctx.Err() != nil: // canceled at the end of the demo
	case err != nil:
		l.tally.fail(err)
	default:
		l.tally.succeed(start, response.GetHostname(), time.Since(start))
	}
}
