package mesh

import (
	"maps"
	"slices"
)

// AnnotationPrefix leads all annotations that are read besides those of Kubernetes.
const AnnotationPrefix = "mizzen.dev/"

// The annotations. docs/ANNOTATIONS.md explains them to users.
const (
	AnnotationBalancer    = AnnotationPrefix + "lb-policy"
	AnnotationSubsetSize  = AnnotationPrefix + "subset-size"
	AnnotationSuccessRate = AnnotationPrefix + "outlier-success-rate"
	AnnotationWeight      = AnnotationPrefix + "weight"
)

// annotations says on which kinds of objects each is read.
var annotations = map[string][]string{
	AnnotationBalancer:    {"Service", "DestinationRule"},
	AnnotationSubsetSize:  {"Service", "DestinationRule"},
	AnnotationSuccessRate: {"Service", "DestinationRule"},
	AnnotationWeight:      {"Pod", "EndpointSlice", "Endpoints"},
}

// Annotations are the names of all annotations, sorted.
func Annotations() []string { return slices.Sorted(maps.Keys(annotations)) }

// AnnotatedKinds are the kinds of objects on which an annotation is read; none when there is no such annotation.
func AnnotatedKinds(annotation string) []string { return annotations[annotation] }
