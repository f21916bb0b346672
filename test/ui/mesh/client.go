package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"
)

// fromAddress are channel credentials of a bootstrap: plaintext from one local address.
type fromAddress struct{}

func (fromAddress) Name() string { return "from_address" }

func (fromAddress) Build(config json.RawMessage) (credentials.Bundle, func(), error) {
	var c struct{ Address string }
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, nil, fmt.Errorf("read the address: %w", err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.Address)}}
	return dialingBundle{insecure.NewBundle(), dialer}, func() {}, nil
}

// dialingBundle is a Bundle by which gRPC's xDS client also dials.
type dialingBundle struct {
	credentials.Bundle

	dialer *net.Dialer
}

func (d dialingBundle) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		return d.dialer.DialContext(ctx, "tcp", address)
	})}
}

// tree is a part of a bootstrap.
type tree = map[string]any

func runClient(ctx context.Context, xdsAddress string, i int, w workload) error {
	if len(w.calls) == 0 {
		return nil
	}
	id := fmt.Sprintf("%s-7c9d8b6f5-x2x4z.%s", w.name, w.namespace)
	if w.id != "" {
		id = w.id
	}
	config, err := json.Marshal(tree{
		"xds_servers": []any{tree{
			"server_uri": xdsAddress, "server_features": []string{"xds_v3"},
			"channel_creds": []any{tree{"type": "from_address", "config": tree{"address": address(i)}}},
		}},
		"node": tree{"id": id, "metadata": tree{"NAMESPACE": w.namespace}, "locality": tree{"region": "region-1", "zone": w.zone}},
	})
	if err != nil {
		return fmt.Errorf("write the bootstrap: %w", err)
	}
	builder, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		return fmt.Errorf("make the client: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range w.calls {
		conn, err := grpc.NewClient(fmt.Sprintf("xds:///%s:%d", c.to, c.port), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(builder))
		if err != nil {
			return fmt.Errorf("make the client: %w", err)
		}
		if conn.Connect(); c.unused {
			continue
		}
		group.Go(func() error { return c.run(ctx, testpb.NewTestServiceClient(conn)) })
	}
	return group.Wait()
}

// run calls at the rate until ctx ends.
func (c calls) run(ctx context.Context, client testpb.TestServiceClient) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / c.rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			go func() {
				_, _ = client.EmptyCall(ctx, &testpb.Empty{}, grpc.WaitForReady(true))
			}()
		}
	}
}
