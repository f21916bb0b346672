package mesh

import (
	"maps"
	"slices"
	"strings"
)

// AnnotationPrefix is the prefix of all Mizzen annotations.
const AnnotationPrefix = "mizzen.dev/"

// The annotations. docs/ANNOTATIONS.md explains them to users.
const (
	AnnotationBalancer    = AnnotationPrefix + "lb-policy"
	AnnotationSubsetSize  = AnnotationPrefix + "subset-size"
	AnnotationSuccessRate = AnnotationPrefix + "outlier-success-rate"
	AnnotationWeight      = AnnotationPrefix + "weight"
	// AnnotationLoadReports says whether clients report how their calls to a host end.
	AnnotationLoadReports = AnnotationPrefix + "load-reports"
	// AnnotationReportedMetrics lists the metrics of servers that gRPC clients report, too.
	AnnotationReportedMetrics = AnnotationPrefix + "reported-metrics"
	// AnnotationRollout says how a change of rules reaches clients: see RolloutPolicy.
	AnnotationRollout = AnnotationPrefix + "rollout"
	// AnnotationPin holds the rules for a host as of a generation of the configuration, until a time: see Pin.
	AnnotationPin = AnnotationPrefix + "pin"
	// AnnotationScope restricts a Service to the clients and endpoints of its cluster.
	AnnotationScope = AnnotationPrefix + "scope"
	// AnnotationResolve says on which side the names of a ServiceEntry are resolved: client or server.
	AnnotationResolve = AnnotationPrefix + "resolve"
	// AnnotationHealth says on what the health of a WorkloadEntry depends, beside its own conditions: see HealthStream.
	AnnotationHealth = AnnotationPrefix + "health"
	// AnnotationTimeout and AnnotationRetries are settings of GRPCRoutes, which have no fields for them.
	AnnotationTimeout = AnnotationPrefix + "timeout"
	AnnotationRetries = AnnotationPrefix + "retries"
	// AnnotationIgnore silences codes of Problems on one object.
	AnnotationIgnore = AnnotationPrefix + "ignore"
	// AnnotationLogCalls makes servers log what a policy that is not enforced would do with each call.
	AnnotationLogCalls = AnnotationPrefix + "log-calls"
	// AnnotationDryRun is Istio's annotation of policies that are not enforced.
	AnnotationDryRun = "istio.io/dry-run"
)

// The annotations of pods that the admission policy in manifests/injection reads and sets.
const (
	AnnotationInject      = AnnotationPrefix + "inject"
	AnnotationTransport   = AnnotationPrefix + "xds"
	AnnotationInjected    = AnnotationPrefix + "injected"
	AnnotationAuthorities = AnnotationPrefix + "authorities"
	// AnnotationAgent selects pods for the Java agent. As a label it selects the pods of a namespace.
	AnnotationAgent         = AnnotationPrefix + "agent"
	AnnotationInjectedAgent = AnnotationPrefix + "injected-agent"
	// AnnotationAgentSkipped has the names of the containers of a selected pod that do not run the agent.
	AnnotationAgentSkipped = AnnotationPrefix + "agent-skipped"
	// AnnotationIdentity excludes a pod from certificates. LabelIdentity has the same name: on a namespace it selects pods
	// for certificates.
	AnnotationIdentity = LabelIdentity
)

const (
	// InjectEnabled is the value of the label mizzen.dev/inject of namespaces whose pods the policy changes.
	InjectEnabled = "enabled"
	// ScopeCluster is the value of AnnotationScope.
	ScopeCluster = "cluster"
	// HealthStream is the value of AnnotationHealth with which a machine is healthy while it has a stream to the control plane.
	HealthStream = "stream"
	// ConditionConnected is the condition that says whether it has.
	ConditionConnected = AnnotationPrefix + "Connected"
	// ConditionRolledOut is the condition that says how far a change of an object is: see AnnotationRollout.
	ConditionRolledOut = AnnotationPrefix + "RolledOut"
	// AgentJava is the value of AnnotationAgent that selects the Java agent.
	AgentJava = "java"
	// AgentNone is the value of AnnotationAgent that selects no agent.
	AgentNone = "none"
)

// annotations has, for each annotation, the kinds of objects on which it is read.
var annotations = map[string][]string{
	AnnotationBalancer:        {"Service", "ServiceImport", "DestinationRule", "ServiceEntry"},
	AnnotationSubsetSize:      {"Service", "ServiceImport", "DestinationRule", "ServiceEntry"},
	AnnotationSuccessRate:     {"Service", "ServiceImport", "DestinationRule", "ServiceEntry"},
	AnnotationLoadReports:     {"Service", "ServiceImport", "DestinationRule", "ServiceEntry", "Namespace"},
	AnnotationReportedMetrics: {"Service", "ServiceImport", "DestinationRule", "ServiceEntry"},
	AnnotationRollout:         {"VirtualService", "Namespace"},
	AnnotationPin:             {"Service"},
	AnnotationResolve:         {"ServiceEntry"},
	AnnotationHealth:          {"WorkloadEntry"},
	AnnotationWeight:          {"Pod", "EndpointSlice", "Endpoints"},
	AnnotationScope:           {"Service"},
	AnnotationTimeout:         {"GRPCRoute"},
	AnnotationRetries:         {"GRPCRoute"},
	AnnotationIgnore: {
		"DestinationRule", "VirtualService", "GRPCRoute", "HTTPRoute", "BackendTLSPolicy", "Service", "ServiceImport", "EndpointSlice", "Endpoints", "Pod", "Node", "Namespace",
		"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "ServiceEntry", "WorkloadEntry", "Sidecar",
	},
	AnnotationLogCalls:    {"AuthorizationPolicy"},
	AnnotationInject:      {"Pod"},
	AnnotationTransport:   {"Pod"},
	AnnotationInjected:    {"Pod"},
	AnnotationAuthorities: {"Pod"},

	AnnotationAgent:         {"Pod"},
	AnnotationInjectedAgent: {"Pod"},
	AnnotationAgentSkipped:  {"Pod"},
	AnnotationIdentity:      {"Pod"},
}

// labels has, for each label, the kinds of objects on which it is read.
var labels = map[string][]string{
	AnnotationInject:   {"Namespace"},
	AnnotationAgent:    {"Namespace"},
	AnnotationIdentity: {"Namespace", "Pod"},
	LabelServer:        {"Pod"},
}

// Annotations returns the names of all annotations, sorted.
func Annotations() []string { return slices.Sorted(maps.Keys(annotations)) }

// AnnotatedKinds returns the kinds of objects on which an annotation is read. It is empty for an unknown annotation.
func AnnotatedKinds(annotation string) []string { return annotations[annotation] }

// LabeledKinds returns the kinds of objects on which a label is read. It is empty for an unknown label.
func LabeledKinds(label string) []string { return labels[label] }

// domain is the part of AnnotationPrefix that tells Mizzen's annotations from others.
const domain = "mizzen"

// MeantAnnotation returns the annotation that an author probably means by a key of annotations or labels; empty if that is
// not known. It returns false for a key of others: one without the prefix that is not nearly one of the annotations.
func MeantAnnotation(key string) (meant string, ours bool) {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		meant = Nearest(key, Annotations())
		return meant, meant != ""
	}
	first, _, _ := strings.Cut(prefix, ".")
	ours = within(prefix+"/", AnnotationPrefix, 1)
	if !ours && (!within(first, domain, 2) || !strings.EqualFold(first[:1], domain[:1])) {
		return "", false
	}
	var names []string
	for _, known := range append(Annotations(), LabelServer) {
		names = append(names, strings.TrimPrefix(known, AnnotationPrefix))
	}
	if name = Nearest(name, names); name != "" {
		return AnnotationPrefix + name, true
	}
	return "", ours
}
