package main

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// rawService responds with bytes that were encoded in advance.
type rawService struct {
	// mu protects the fields below.
	mu sync.Mutex
	// prebuilt are the resources as encoded in a response.
	prebuilt map[place][]byte
	streams  map[*rawStream]struct{}
	// next are the resources to send with the next "send".
	next map[place]struct{}
}

type rawStream struct {
	grpc.ServerStream

	// mu protects the fields below. The stream's reader and broadcast both send.
	mu    sync.Mutex
	group string
	asked [kindCount][]string
	nonce int
}

// framed encodes a resource as a field of a response.
func framed(body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, resourcesField, protowire.BytesType), body)
}

// serve responds to each request with other names than the previous one.
func (s *rawService) serve(stream grpc.ServerStream) error {
	c := &rawStream{ServerStream: stream}
	s.mu.Lock()
	s.streams[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.streams, c)
	}()
	for {
		var req discoveryv3.DiscoveryRequest
		if err := stream.RecvMsg(&req); err != nil {
			return err
		}
		k, err := kindOf(req.GetTypeUrl())
		if err != nil {
			return err
		}
		c.mu.Lock()
		if req.GetNode() != nil {
			c.group = req.GetNode().GetCluster()
		}
		same := slices.Equal(c.asked[k], req.GetResourceNames())
		c.asked[k] = req.GetResourceNames()
		if !same {
			err = c.send(k, s.ready(c.group, k, req.GetResourceNames()))
		}
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (s *rawService) ready(group string, k kind, names []string) mem.BufferSlice {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := make(mem.BufferSlice, 0, len(names)+1)
	for _, name := range names {
		if body, ok := s.prebuilt[place{named{k, name}, group}]; ok {
			parts = append(parts, mem.SliceBuffer(body))
		}
	}
	return parts
}

// send completes a response with the resources and sends it. The caller holds mu.
func (c *rawStream) send(k kind, parts mem.BufferSlice) error {
	c.nonce++
	end := protowire.AppendString(protowire.AppendTag(nil, typeField, protowire.BytesType), typeURLs[k])
	for _, field := range []protowire.Number{versionField, nonceField} {
		end = protowire.AppendString(protowire.AppendTag(end, field, protowire.BytesType), strconv.Itoa(c.nonce))
	}
	return c.SendMsg(append(parts, mem.SliceBuffer(end)))
}

// broadcast sends the prepared resources to all subscribers, on all cores. Nothing is prepared meanwhile.
func (s *rawService) broadcast() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.streams))
	s.mu.Unlock()
	var group sync.WaitGroup
	for share := range slices.Chunk(all, len(all)/runtime.GOMAXPROCS(0)+1) {
		group.Go(func() {
			for _, c := range share {
				c.push(s)
			}
		})
	}
	group.Wait()
}

// push sends what is prepared of the names that the stream subscribes to.
func (c *rawStream) push(s *rawService) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, names := range c.asked {
		var changed []string
		for _, name := range names {
			if _, ok := s.next[place{named{kind(k), name}, c.group}]; ok {
				changed = append(changed, name)
			}
		}
		if len(changed) > 0 {
			_ = c.send(kind(k), s.ready(c.group, kind(k), changed)) // the client may have left
		}
	}
}
