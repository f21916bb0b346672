package ads

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// codec is gRPC's codec for protocol buffers, except for the messages of the state-of-the-world protocol and for load
// reports. The encoded resources of a response are shared by all streams: they are not marshaled or copied for each stream.
// For requests see sotwRequest, for reports reportMessage.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(*serving.Response); ok {
		return buffers(r), nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(parser)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	return r.parse(buffer.ReadOnlyData())
}

// parser is a message that reads its encoded form. It keeps no part of it.
type parser interface {
	parse(b []byte) error
}

// The field numbers of a DiscoveryResponse.
const (
	versionField = 1
	typeField    = 4
	nonceField   = 5
)

func buffers(r *serving.Response) mem.BufferSlice {
	all := make(mem.BufferSlice, 0, len(r.Resources)+1)
	for _, v := range r.Resources {
		all = append(all, mem.SliceBuffer(v.Wire()))
	}
	const tags = 16
	rest := make([]byte, 0, len(r.Version)+len(r.Type)+len(r.Nonce)+tags)
	for _, field := range []struct {
		number protowire.Number
		text   string
	}{{versionField, r.Version}, {typeField, string(r.Type)}, {nonceField, r.Nonce}} {
		rest = protowire.AppendTag(rest, field.number, protowire.BytesType)
		rest = protowire.AppendString(rest, field.text)
	}
	return append(all, mem.SliceBuffer(rest))
}
