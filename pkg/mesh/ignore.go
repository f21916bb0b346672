package mesh

import "slices"

// Unsilenced returns the Problems without those whose codes their objects' authors silenced by AnnotationIgnore. It
// works in place. A Problem of the annotation itself is not silenced.
func (w *World) Unsilenced(problems []Problem) []Problem {
	if len(w.Silenced) == 0 {
		return problems
	}
	return slices.DeleteFunc(problems, func(p Problem) bool {
		return p.Field != AnnotationField(AnnotationIgnore) && slices.Contains(w.Silenced[p.Object], p.Code)
	})
}

// AnnotationField returns the field path of an annotation.
func AnnotationField(name string) string { return "metadata.annotations[" + name + "]" }
