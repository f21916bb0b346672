package resource

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// ToAny wraps a message. It marshals deterministically, because versions are hashes of the bytes.
func ToAny(m proto.Message) *anypb.Any {
	packed := &anypb.Any{}
	// Marshaling fails only for text that is not UTF-8, which neither a client's request nor a World contains. The
	// Any would have no value then.
	_ = anypb.MarshalFrom(packed, m, proto.MarshalOptions{Deterministic: true})
	return packed
}

// AdsSource is the config source for the stream that the resource itself comes from.
func AdsSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}
