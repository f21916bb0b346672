package resource

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// MetadataKey is the key of filter_metadata under which resources for HTTP clients say what Envoy's API has no field for:
//
//	Listener           unknown: true                  the name refers to no host
//	Cluster            protocol: PROTOCOL             what the Service declares for the port, if it declares one
//	                   labels: {LABEL: VALUE}         the labels that select the subset
//	LbEndpoint         labels: {LABEL: VALUE}         those of the pod's labels that the control plane sends
const MetadataKey = "mizzen.dev"

// Metadata makes the metadata with the fields; nil if there are none.
func Metadata(fields map[string]*structpb.Value) *corev3.Metadata {
	if len(fields) == 0 {
		return nil
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{MetadataKey: {Fields: fields}}}
}

// LabelsValue makes the value of labels.
func LabelsValue(labels map[string]string) *structpb.Value {
	fields := make(map[string]*structpb.Value, len(labels))
	for key, value := range labels {
		fields[key] = structpb.NewStringValue(value)
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: fields})
}
