package mesh

// AnnotationSettings are settings that the Istio API does not have. Authors set them by annotations on a Service or on
// DestinationRules. It is comparable.
type AnnotationSettings struct {
	Balancer AnnotationValue[Balancer]
	// SubsetSize is the number of endpoints that each client gets.
	SubsetSize  AnnotationValue[uint32]
	SuccessRate AnnotationValue[SuccessRate]
	// LoadReports says whether clients report their load.
	LoadReports AnnotationValue[Switch]
	// ReportedMetrics are the names of the metrics of servers that they report, too, joined by commas.
	ReportedMetrics AnnotationValue[string]
}

// AnnotationValue is the value of an annotation and the object that has the annotation. The zero AnnotationValue is
// unset.
type AnnotationValue[T comparable] struct {
	Value T
	Ref   Ref
}

// Or returns s with its unset values replaced by the values of other.
func (s AnnotationSettings) Or(other AnnotationSettings) AnnotationSettings {
	return AnnotationSettings{
		Balancer:    s.Balancer.or(other.Balancer),
		SubsetSize:  s.SubsetSize.or(other.SubsetSize),
		SuccessRate: s.SuccessRate.or(other.SuccessRate),
		LoadReports: s.LoadReports.or(other.LoadReports),

		ReportedMetrics: s.ReportedMetrics.or(other.ReportedMetrics),
	}
}

func (v AnnotationValue[T]) or(other AnnotationValue[T]) AnnotationValue[T] {
	if v == (AnnotationValue[T]{}) {
		return other
	}
	return v
}

// Switch is "true" or "false"; empty if it is unset.
type Switch string

// The values of a Switch.
const (
	On  Switch = "true"
	Off Switch = "false"
)

// Balancer is a load balancing policy, by the name that an author writes. The empty Balancer is unset.
type Balancer string

// The balancers.
const (
	RoundRobin   Balancer = "round_robin"
	LeastRequest Balancer = "least_request"
	// PickFirst sends all calls of a channel to one endpoint as long as the client can reach it.
	PickFirst Balancer = "pick_first"
	// WeightedRoundRobin weights endpoints by the load that they report.
	WeightedRoundRobin Balancer = "client_side_weighted_round_robin"
)

// Balancers returns all Balancers in the order in which Problems list them.
func Balancers() []Balancer {
	return []Balancer{RoundRobin, LeastRequest, PickFirst, WeightedRoundRobin}
}

// SuccessRate configures the ejection of endpoints whose calls succeed less often than the calls to other endpoints.
// The zero SuccessRate is unset. If it is set, no field is zero.
type SuccessRate struct {
	// StdevFactor is the accepted distance below the mean success rate, in thousandths of the standard deviation.
	StdevFactor uint32
	// MinimumHosts is the number of endpoints that need RequestVolume calls in an interval before any is ejected.
	MinimumHosts, RequestVolume uint32
}

// MaxEndpointWeight is the maximum weight of one endpoint. At this limit the sum of millions of weights fits into
// 32 bits.
const MaxEndpointWeight = 1000
