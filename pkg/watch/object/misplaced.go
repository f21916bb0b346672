package object

// Fields that authors take for those of a kind, and what to do about them: most are fields of another kind of route. The keys are the
// name of the field that contains them, a dot, and their own name. Whatever has a similar name in the kind needs no entry.
var (
	notInGRPCRoute = map[string]string{
		"rules.timeouts": timeoutByAnnotation, "rules.timeout": timeoutByAnnotation, "rules.retry": retriesByAnnotation, "rules.retries": retriesByAnnotation,
		"matches.path": "Write method: {service: package.Service, method: Method} in its place.", "matches.uri": "Write method: {service: package.Service, method: Method} in its place.",
		"headers.exact": valueOfHeader, "headers.regex": expressionOfValue,
		"matches.queryParams":     "gRPC calls have no query. Match headers in its place, or remove it.",
		"rules.route":             backendsInPlace,
		"backendRefs.serviceName": nameOfBackend, "backendRefs.host": nameOfBackend, "backendRefs.servicePort": portOfBackend,
	}
	notInHTTPRoute = map[string]string{
		"path.exact": "Write type: Exact and value in its place.", "path.prefix": "Write type: PathPrefix and value in its place.", "path.regex": expressionOfValue,
		"backendRefs.serviceName": nameOfBackend, "backendRefs.host": nameOfBackend, "backendRefs.servicePort": portOfBackend,
		"headers.exact": valueOfHeader, "headers.regex": expressionOfValue,
		"matches.uri": "Write path: {type: PathPrefix, value: /} with your path in its place.",
		"rules.route": backendsInPlace,
	}
	notInVirtualService  = map[string]string{"spec.subsets": inDestinationRule, "spec.trafficPolicy": inDestinationRule}
	notInDestinationRule = map[string]string{"spec.http": inVirtualService, "spec.route": inVirtualService}
	notInServiceEntry    = map[string]string{
		"ports.port":     `Did you mean "number"?`,
		"endpoints.port": portsOfEndpoint,
	}
	notInWorkloadEntry = map[string]string{"spec.port": portsOfEndpoint}
)

const (
	timeoutByAnnotation = "GRPCRoutes have no field for it. Set the annotation mizzen.dev/timeout in its place."
	retriesByAnnotation = "GRPCRoutes have no field for it. Set the annotation mizzen.dev/retries in its place."
	backendsInPlace     = "Write backendRefs: [{name: NAME, port: PORT}] in its place."
	inDestinationRule   = "Write it in a DestinationRule for the host."
	inVirtualService    = "Write it in a VirtualService for the host."
	nameOfBackend       = "Write name in its place."
	portOfBackend       = "Write port in its place."
	valueOfHeader       = "Write value in its place."
	expressionOfValue   = "Write type: RegularExpression and value in its place."
	portsOfEndpoint     = "Write ports: {NAME: PORT}, with the name of a port of the ServiceEntry, in its place."
)
