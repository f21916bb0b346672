package mesh

import (
	"maps"
	"slices"
)

// AnnotationPrefix is the prefix of all Mizzen annotations.
const AnnotationPrefix = "mizzen.dev/"

// The annotations. docs/ANNOTATIONS.md explains them to users.
const (
	AnnotationBalancer    = AnnotationPrefix + "lb-policy"
	AnnotationSubsetSize  = AnnotationPrefix + "subset-size"
	AnnotationSuccessRate = AnnotationPrefix + "outlier-success-rate"
	AnnotationWeight      = AnnotationPrefix + "weight"
	// AnnotationIgnore silences codes of Problems on one object.
	AnnotationIgnore = AnnotationPrefix + "ignore"
)

// The annotations of pods that the admission policy in manifests/injection reads and sets.
const (
	AnnotationInject      = AnnotationPrefix + "inject"
	AnnotationTransport   = AnnotationPrefix + "xds"
	AnnotationInjected    = AnnotationPrefix + "injected"
	AnnotationAuthorities = AnnotationPrefix + "authorities"
)

// InjectEnabled is the value of the label mizzen.dev/inject of namespaces whose pods the policy changes.
const InjectEnabled = "enabled"

// annotations has, for each annotation, the kinds of objects on which it is read.
var annotations = map[string][]string{
	AnnotationBalancer:    {"Service", "DestinationRule"},
	AnnotationSubsetSize:  {"Service", "DestinationRule"},
	AnnotationSuccessRate: {"Service", "DestinationRule"},
	AnnotationWeight:      {"Pod", "EndpointSlice", "Endpoints"},
	AnnotationIgnore:      {"DestinationRule", "VirtualService", "Service", "EndpointSlice", "Endpoints", "Pod", "Node", "Namespace"},
	AnnotationInject:      {"Pod"},
	AnnotationTransport:   {"Pod"},
	AnnotationInjected:    {"Pod"},
	AnnotationAuthorities: {"Pod"},
}

// Annotations returns the names of all annotations, sorted.
func Annotations() []string { return slices.Sorted(maps.Keys(annotations)) }

// AnnotatedKinds returns the kinds of objects on which an annotation is read. It is empty for an unknown annotation.
func AnnotatedKinds(annotation string) []string { return annotations[annotation] }
