package clusters

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// telemetryLabels is the filter under which gRPC clients look for the names of a Service, which they add to their own metrics.
const telemetryLabels = "com.google.csm.telemetry_labels"

// telemetry names the Service of a cluster in the metrics of gRPC clients. It reads only the cluster's name: so the answer for
// a cluster that does not exist any more has the same names, and the client is not sent the cluster again. It returns nil
// for a reserved name.
func telemetry(cluster string) *corev3.Metadata {
	_, _, host, ok := resource.ParseName(cluster)
	if !ok {
		return nil
	}
	fields := map[string]*structpb.Value{}
	name, namespace := host, ""
	// service.namespace.svc.DOMAIN, or pod.service.namespace.svc.DOMAIN
	if parts := strings.Split(host, "."); len(parts) > 3 && parts[2] == "svc" {
		name, namespace = parts[0], parts[1]
	} else if len(parts) > 4 && parts[3] == "svc" {
		name, namespace = parts[1], parts[2]
	}
	fields["service_name"] = structpb.NewStringValue(name)
	if namespace != "" {
		fields["service_namespace"] = structpb.NewStringValue(namespace)
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{telemetryLabels: {Fields: fields}}}
}
