package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// rawCommand is the argument that makes this program the raw server:
//
//	scale raw -address HOST:PORT -resources FILE
//
// It serves the resources that the fleet received from the server under test, and prints "ready" when it serves. A
// line "prepare NAME MARKER" on standard input makes it change the endpoints of that name and print "prepared". The
// line "send" makes it send them to all subscribers.
const rawCommand = "raw"

func serveRaw(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	f := flag.NewFlagSet(rawCommand, flag.ContinueOnError)
	address := f.String("address", "127.0.0.1:0", "`HOST:PORT` to serve on")
	file := f.String("resources", "", "`FILE` with the resources")
	if err := f.Parse(args); err != nil {
		return err
	}
	service := &rawService{streams: map[*rawStream]struct{}{}}
	if err := service.load(*file); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(codec{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "envoy.service.discovery.v3.AggregatedDiscoveryService",
		Streams: []grpc.StreamDesc{{
			StreamName: "StreamAggregatedResources", ClientStreams: true, ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return service.serve(stream) },
		}},
	}, nil)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	go func() {
		defer server.Stop() // the parent process has ended
		if err := service.handleCommands(bufio.NewScanner(in), out); err != nil {
			fmt.Fprintln(os.Stderr, "raw:", err)
		}
	}()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	return server.Serve(listener)
}

// save writes the resources for a raw server.
func save(file string, all map[named]*resource) error {
	response := &discoveryv3.DiscoveryResponse{}
	for _, r := range all {
		wrapped := &anypb.Any{}
		if err := proto.Unmarshal(r.body, wrapped); err != nil {
			return err
		}
		response.Resources = append(response.Resources, wrapped)
	}
	b, err := proto.Marshal(response)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func (s *rawService) load(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var response discoveryv3.DiscoveryResponse
	if err := proto.Unmarshal(b, &response); err != nil {
		return err
	}
	for k := range s.prebuilt {
		s.prebuilt[k] = map[string][]byte{}
	}
	for _, wrapped := range response.GetResources() {
		body, err := proto.Marshal(wrapped)
		if err != nil {
			return err
		}
		r, err := decode(body)
		if err != nil {
			return err
		}
		s.prebuilt[r.kind][r.name] = framed(body)
	}
	return nil
}

func (s *rawService) handleCommands(orders *bufio.Scanner, out io.Writer) error {
	for orders.Scan() {
		var name string
		var marker int
		if orders.Text() == "send" {
			s.broadcast()
			continue
		}
		if _, err := fmt.Sscanf(orders.Text(), "prepare %s %d", &name, &marker); err != nil {
			return fmt.Errorf("order %q: %w", orders.Text(), err)
		}
		if err := s.prepare(name, marker); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "prepared"); err != nil {
			return err
		}
	}
	return orders.Err()
}

// prepare encodes the next state of some endpoints.
func (s *rawService) prepare(name string, marker int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.prebuilt[endpoints][name]
	if !ok {
		return fmt.Errorf("no endpoints %q among %d", name, len(s.prebuilt[endpoints]))
	}
	var response discoveryv3.DiscoveryResponse
	var assignment endpointv3.ClusterLoadAssignment
	if err := errors.Join(proto.Unmarshal(body, &response), response.GetResources()[0].UnmarshalTo(&assignment)); err != nil {
		return err
	}
	last := assignment.GetEndpoints()[len(assignment.GetEndpoints())-1].GetLbEndpoints()
	last[len(last)-1].GetEndpoint().GetAddress().GetSocketAddress().Address = markedAddress(marker)
	wrapped, err := anypb.New(&assignment)
	if err != nil {
		return err
	}
	b, err := proto.Marshal(wrapped)
	s.prebuilt[endpoints][name], s.next = framed(b), name
	return err
}
