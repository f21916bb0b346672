package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// ejection returns the outlier detection of a cluster: by failures, from the spec, and by success rate, from an
// annotation.
func ejection(s policy.Settings) *clusterv3.OutlierDetection {
	o := outlierDetection(s.OutlierAt, s.Outlier)
	annotation := s.Annotations.SuccessRate
	rate := annotation.Value
	if rate == (mesh.SuccessRate{}) {
		return o
	}
	if o == nil {
		o = ejectNothing(s.OutlierAt, s.Outlier)
	}
	s.Annotations.At(annotation.Ref, mesh.AnnotationSuccessRate).Ignored(mesh.FeatureOutlierDetection)
	o.EnforcingSuccessRate = wrapperspb.UInt32(100)
	o.SuccessRateStdevFactor = wrapperspb.UInt32(rate.StdevFactor)
	o.SuccessRateMinimumHosts = wrapperspb.UInt32(rate.MinimumHosts)
	o.SuccessRateRequestVolume = wrapperspb.UInt32(rate.RequestVolume)
	return o
}
