package resource

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// ToAny wraps a message, with bytes that depend on its content only: versions are hashes of them.
func ToAny(m proto.Message) *anypb.Any {
	packed := &anypb.Any{}
	// The one possible failure is text that is not UTF-8, which neither a client's request nor a World contains. The Any is
	// then without a value.
	_ = anypb.MarshalFrom(packed, m, proto.MarshalOptions{Deterministic: true})
	return packed
}

// AdsSource is the stream on which the resource came itself.
func AdsSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}
