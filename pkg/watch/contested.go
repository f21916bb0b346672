package watch

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// contested are the annotations by which both ask for something, and not for the same.
func contested(first, other mesh.Extensions) []string {
	var all []string
	if clash(first.Balancer, other.Balancer) {
		all = append(all, mesh.AnnotationBalancer)
	}
	if clash(first.SubsetSize, other.SubsetSize) {
		all = append(all, mesh.AnnotationSubsetSize)
	}
	if clash(first.SuccessRate, other.SuccessRate) {
		all = append(all, mesh.AnnotationSuccessRate)
	}
	return all
}

func clash[T comparable](a, b mesh.Wish[T]) bool {
	var none mesh.Wish[T]
	return a != none && b != none && a.Value != b.Value
}
