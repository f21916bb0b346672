package clusters

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// loadReports says where clients report the load of a cluster: over the connection on which they got it, or nowhere.
func loadReports(s policy.Settings, in Input) *corev3.ConfigSource {
	if !reportsLoad(s, in) {
		return nil
	}
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Self{Self: &corev3.SelfConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
	}
}

func reportsLoad(s policy.Settings, in Input) bool {
	asked, limited := s.Annotations.LoadReports, s.ConnectionPool.GetHttp().GetHttp2MaxRequests() > 0
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
