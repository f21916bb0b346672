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
// line "endpoints NAME MARKER" on standard input makes it change the endpoints of that name, and a line "policies MARKER"
// all resources with rules; it prints "prepared". The line "send" makes it send what has changed to all subscribers.
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
func save(file string, all map[place]*resource) error {
	response := &discoveryv3.DeltaDiscoveryResponse{}
	for at, r := range all {
		wrapped := &anypb.Any{}
		if err := proto.Unmarshal(r.body, wrapped); err != nil {
			return err
		}
		response.Resources = append(response.Resources, &discoveryv3.Resource{Name: at.group, Resource: wrapped})
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
	var response discoveryv3.DeltaDiscoveryResponse
	if err := proto.Unmarshal(b, &response); err != nil {
		return err
	}
	s.prebuilt = map[place][]byte{}
	for _, saved := range response.GetResources() {
		body, err := proto.Marshal(saved.GetResource())
		if err != nil {
			return err
		}
		r, err := decode(body)
		if err != nil {
			return err
		}
		s.prebuilt[place{named{r.kind, r.name}, saved.GetName()}] = framed(body)
	}
	return nil
}

func (s *rawService) handleCommands(orders *bufio.Scanner, out io.Writer) error {
	for orders.Scan() {
		if orders.Text() == "send" {
			s.broadcast()
			continue
		}
		if err := s.prepare(orders.Text()); err != nil {
			return fmt.Errorf("order %q: %w", orders.Text(), err)
		}
		if _, err := fmt.Fprintln(out, "prepared"); err != nil {
			return err
		}
	}
	return orders.Err()
}

// prepare makes the next state of some resources.
func (s *rawService) prepare(order string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = map[place]struct{}{}
	var name string
	var marker int
	if n, _ := fmt.Sscanf(order, "policies %d", &marker); n == 1 {
		s.preparePolicies(marker)
		return nil
	}
	if _, err := fmt.Sscanf(order, "endpoints %s %d", &name, &marker); err != nil {
		return err
	}
	return s.prepareEndpoints(name, marker)
}

// preparePolicies changes all rules. They keep their length, so the bytes are changed in place of a copy.
func (s *rawService) preparePolicies(marker int) {
	for at, body := range s.prebuilt {
		if markedPaths.Match(body) {
			s.prebuilt[at] = markedPaths.ReplaceAll(body, []byte(markedPath(marker)))
			s.next[at] = struct{}{}
		}
	}
}

// prepareEndpoints encodes the next state of some endpoints.
func (s *rawService) prepareEndpoints(name string, marker int) error {
	at := place{named: named{endpoints, name}}
	body, ok := s.prebuilt[at]
	if !ok {
		return fmt.Errorf("no endpoints %q among %d resources", name, len(s.prebuilt))
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
	s.prebuilt[at], s.next[at] = framed(b), struct{}{}
	return err
}
