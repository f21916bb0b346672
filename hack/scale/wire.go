package main

import (
	"errors"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/internal/wire"
)

// codec marshals messages as usual, splits responses without decoding them, and lets the raw server send encoded bytes.
type codec struct{}

// Name is the name of the usual codec, because the format is the same.
func (codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	switch v := v.(type) {
	case mem.BufferSlice:
		v.Ref() // the transport frees what it has sent
		return v, nil
	case proto.Message:
		b, err := proto.Marshal(v)
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	default:
		return nil, errors.New("neither bytes nor a message")
	}
}

// Unmarshal implements encoding.CodecV2.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	switch v := v.(type) {
	case *response:
		return v.parse(buffer.ReadOnlyData())
	case proto.Message:
		return proto.Unmarshal(buffer.ReadOnlyData(), v)
	default:
		return errors.New("neither a response nor a message")
	}
}

// response is a DiscoveryResponse whose resources were decoded once for all streams.
type response struct {
	catalog *catalog

	at                      time.Time
	typeURL, version, nonce string
	resources               []*resource
	size                    int
}

// The field numbers of a DiscoveryResponse.
const (
	versionField   = 1
	resourcesField = 2
	typeField      = 4
	nonceField     = 5
)

func (r *response) parse(b []byte) error {
	*r = response{catalog: r.catalog, at: time.Now(), size: len(b)}
	return wire.Fields(b, r.field)
}

func (r *response) field(number protowire.Number, value []byte) error {
	switch number {
	case versionField:
		r.version = string(value)
	case resourcesField:
		resource, err := r.catalog.resource(value)
		if err != nil {
			return err
		}
		r.resources = append(r.resources, resource)
	case typeField:
		r.typeURL = string(value)
	case nonceField:
		r.nonce = string(value)
	default: // clients do not use it
	}
	return nil
}
