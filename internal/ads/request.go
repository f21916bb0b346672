package ads

import (
	"errors"
	"fmt"
	"unicode/utf8"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/internal/wire"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// sotwRequest is a DiscoveryRequest as the codec reads it. A client repeats all of its names with each
// acknowledgement. Without InternNames, most of the garbage of a stream would be copies of names that the session
// already has.
type sotwRequest struct {
	serving.Request

	session *serving.Session
	raw     [][]byte
}

// read copies the first request of a stream, which gRPC's codec decoded for its node.
func (r *sotwRequest) read(first *discoveryv3.DiscoveryRequest) {
	r.Type, r.Names, r.Refusal = snapshot.Type(first.GetTypeUrl()), first.GetResourceNames(), first.GetErrorDetail()
	r.Version, r.Nonce = first.GetVersionInfo(), first.GetResponseNonce()
}

// The field numbers of a DiscoveryRequest.
const (
	requestVersionField = 1
	requestNamesField   = 3
	requestTypeField    = 4
	requestNonceField   = 5
	requestRefusalField = 6
)

var errNotText = errors.New("a text is not valid UTF-8")

// maxScratch is the number of names up to which the memory of the slices is kept for the next request.
const maxScratch = 1 << 10

// parse reads an encoded DiscoveryRequest. It keeps no part of b.
func (r *sotwRequest) parse(b []byte) error {
	if cap(r.Names) > maxScratch {
		r.Names, r.raw = nil, nil
	}
	r.Request, r.raw = serving.Request{Names: r.Names[:0]}, r.raw[:0]
	if err := wire.Fields(b, r.field); err != nil {
		return fmt.Errorf("DiscoveryRequest: %w", err)
	}
	r.Names = r.session.InternNames(r.Names, r.raw)
	clear(r.raw)
	return nil
}

func (r *sotwRequest) field(number protowire.Number, value []byte) error {
	text := number == requestVersionField || number == requestNamesField || number == requestTypeField || number == requestNonceField
	if text && !utf8.Valid(value) {
		return fmt.Errorf("field %d: %w", number, errNotText)
	}
	switch number {
	case requestVersionField:
		r.Version = string(value)
	case requestNamesField:
		r.raw = append(r.raw, value)
	case requestTypeField:
		r.Type = typeOf(value)
	case requestNonceField:
		r.Nonce = string(value)
	case requestRefusalField:
		r.Refusal = &statuspb.Status{}
		return proto.Unmarshal(value, r.Refusal)
	default: // such as the node, which is read in the first request of a stream only
	}
	return nil
}

// typeOf returns the type with that URL. It allocates no memory for the types that are served.
func typeOf(url []byte) snapshot.Type {
	for _, t := range snapshot.Types {
		if string(url) == string(t) {
			return t
		}
	}
	return snapshot.Type(url)
}
