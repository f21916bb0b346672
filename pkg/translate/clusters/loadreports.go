package clusters

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// loadReports says where clients report the load of a cluster: over the connection on which they got it, or nowhere.
func loadReports(s policy.Settings, in Input) *corev3.ConfigSource {
	if !reportsLoad(s, in) {
		return nil
	}
	return sameConnection()
}

func sameConnection() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Self{Self: &corev3.SelfConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
	}
}

// httpLoadReports is the same for clients of plain HTTP, of which those of integrations/go report. The form for gRPC has the Problems.
func httpLoadReports(s policy.Settings, in Input) *corev3.ConfigSource {
	if asked := s.Annotations.LoadReports.Value; in.LoadReports != mesh.LoadReportsOff && (asked == mesh.On || asked != mesh.Off && in.LoadReports == mesh.LoadReportsAll) {
		return sameConnection()
	}
	return nil
}

// reportedMetrics are the metrics of servers that clients report.
func reportedMetrics(c *clusterv3.Cluster, s policy.Settings) []string {
	if names := s.Annotations.ReportedMetrics.Value; c.GetLrsServer() != nil && names != "" {
		return strings.Split(names, ",")
	}
	return nil
}

func reportsLoad(s policy.Settings, in Input) bool {
	asked, limited := s.Annotations.LoadReports, s.ConnectionPool.GetHttp().GetHttp2MaxRequests() > 0
	if metrics := s.Annotations.ReportedMetrics; metrics.Value != "" {
		if off := in.LoadReports == mesh.LoadReportsOff; off || asked.Value == mesh.Off {
			s.Annotations.At(metrics.Ref, mesh.AnnotationReportedMetrics).Warnf(mesh.CodeUnsupported, "Clients report no metrics because they do not report their load. "+
				"Set mizzen.dev/load-reports: \"true\" and start the control plane with --load-reports=limits, or remove the annotation.")
		} else if asked.Value == "" {
			asked = mesh.AnnotationValue[mesh.Switch]{Value: mesh.On, Ref: metrics.Ref}
		}
	}
	if in.LoadReports == mesh.LoadReportsOff && asked.Value == mesh.On {
		s.Annotations.At(asked.Ref, mesh.AnnotationLoadReports).Warnf(mesh.CodeUnsupported,
			"The control plane runs with --load-reports=off, so clients report nothing. Start it with --load-reports=limits, or remove the annotation.")
	}
	switch {
	case in.LoadReports == mesh.LoadReportsOff || asked.Value == mesh.Off:
		if limited {
			kinds := mesh.ClientKindsWithout(mesh.FeatureUnreportedLimits)
			s.ConnectionPoolAt.Child("http.http2MaxRequests").Add(mesh.Problem{Code: mesh.CodeIgnored, Severity: mesh.Warning, ClientKinds: kinds, Message: "Ignored by " + kinds.String() +
				", which counts only calls that it reports. Its calls are not limited. Set mizzen.dev/load-reports: \"true\", or limit the calls in the server."})
		}
		return false
	case in.LoadReports == mesh.LoadReportsAll || asked.Value == mesh.On:
		return true
	}
	// The limit holds in these clients only if they report.
	return limited && in.Missing.Has(mesh.FeatureUnreportedLimits)
}
