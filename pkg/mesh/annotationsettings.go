package mesh

// AnnotationSettings are what the authors of a Service or of DestinationRules ask for, by annotation, beyond the Istio API. They are
// comparable.
type AnnotationSettings struct {
	Balancer AnnotationValue[Balancer]
	// SubsetSize is how many of the endpoints each client calls.
	SubsetSize  AnnotationValue[uint32]
	SuccessRate AnnotationValue[SuccessRate]
}

// AnnotationValue is a value that an annotation states, and the object it stands on. The zero AnnotationValue is none.
type AnnotationValue[T comparable] struct {
	Value T
	Ref   Ref
}

// Or is e, with what it leaves open taken from another.
func (e AnnotationSettings) Or(other AnnotationSettings) AnnotationSettings {
	return AnnotationSettings{
		Balancer:    e.Balancer.or(other.Balancer),
		SubsetSize:  e.SubsetSize.or(other.SubsetSize),
		SuccessRate: e.SuccessRate.or(other.SuccessRate),
	}
}

func (w AnnotationValue[T]) or(other AnnotationValue[T]) AnnotationValue[T] {
	if w == (AnnotationValue[T]{}) {
		return other
	}
	return w
}

// Balancer is a way to spread calls over endpoints, by the name that an author writes. The empty one is none.
type Balancer string

// The balancers.
const (
	RoundRobin   Balancer = "round_robin"
	LeastRequest Balancer = "least_request"
	// PickFirst sends all calls of a channel to one endpoint, as long as it can be reached.
	PickFirst Balancer = "pick_first"
	// WeightedRoundRobin gives endpoints calls by the load that they report.
	WeightedRoundRobin Balancer = "client_side_weighted_round_robin"
)

// Balancers are all of them, in the order in which people are told of them.
func Balancers() []Balancer {
	return []Balancer{RoundRobin, LeastRequest, PickFirst, WeightedRoundRobin}
}

// SuccessRate ejects endpoints that succeed less often than the others. The zero SuccessRate is none; of one that is
// wished, no field is zero.
type SuccessRate struct {
	// StdevFactor is how far below the mean an endpoint may fall, in thousandths of the standard deviation.
	StdevFactor uint32
	// MinimumHosts is how many endpoints need RequestVolume calls in an interval for anything to be compared.
	MinimumHosts, RequestVolume uint32
}

// MaxEndpointWeight is the most that one endpoint weighs. It is small enough for the weights of millions to be added up.
const MaxEndpointWeight = 1000
