package object

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/api/annotation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The entries of an exportTo list that are not namespaces.
const (
	exportPrivate = "."
	exportPublic  = "*"
	exportNone    = "~"
)

// ruleExport reads spec.exportTo of a VirtualService or DestinationRule, and reports what Istio's validation refuses.
func ruleExport(list []string, out *Object) mesh.Export {
	const field = "spec.exportTo"
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case item == exportNone:
			out.Report(mesh.CodeInvalidValue, mesh.Error, at, `"~" is for Services only. No client uses the object, unless it is exported to "*", too. Remove the entry, or delete the object.`)
		case !isExport(item):
			out.Report(mesh.CodeInvalidValue, mesh.Error, at, notNamespace(item))
		case slices.Contains(list[:i], item), item == out.Key.Namespace && slices.Contains(list, exportPrivate):
			out.Report(mesh.CodeInvalidValue, mesh.Info, at, fmt.Sprintf("Another entry exports the object to %q, too. This entry has no effect, and Istio's validation refuses it. Remove one of the two.", item))
		}
	}
	if len(list) > 1 && slices.Contains(list, exportPublic) {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, field, `"*" exports the object to all namespaces. The other entries have no effect, and Istio's validation refuses them. Remove them, or "*".`)
	}
	return convertExport(list, out.Key.Namespace)
}

// serviceExport reads the list of namespaces, separated by commas, that can see a Service. It is nil if all can.
func serviceExport(meta *metav1.ObjectMeta, out *Object) *mesh.Export {
	name := annotation.NetworkingExportTo.Name
	text, ok := meta.Annotations[name]
	if !ok {
		return nil
	}
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	for _, item := range list {
		if !isExport(item) {
			out.reportInvalid(name, "%s", notNamespace(item))
		}
	}
	switch {
	case len(list) < 2:
	case slices.Contains(list, exportPublic):
		out.reportInvalid(name, `"*" exports the Service to all namespaces. The other entries have no effect. Remove them, or "*".`)
	case slices.Contains(list, exportNone):
		out.reportInvalid(name, `"~" exports the Service to no namespace. The other entries have no effect. Remove them, or "~".`)
	}
	if export := convertExport(list, meta.Namespace); !export.Public {
		return &export
	}
	return nil
}

// ownOnly reports whether a list names no namespace beside the object's own.
func ownOnly(list []string, namespace string) bool {
	return !slices.ContainsFunc(list, func(item string) bool { return item != exportPrivate && item != namespace })
}

// isExport reports whether a text can be an entry of an exportTo list.
func isExport(item string) bool {
	return item == exportPrivate || item == exportPublic || item == exportNone || len(validation.IsDNS1123Label(item)) == 0
}

func notNamespace(item string) string {
	return fmt.Sprintf(`%q is not a namespace. It exports the object to no client. Write the name of a namespace, "." for the object's own, or "*" for all.`, item)
}

// convertExport reads an exportTo list of an object of that namespace. As in Istio, an object that names its own
// namespace is private like one with ".", and "~" cancels everything except "*".
func convertExport(list []string, namespace string) mesh.Export {
	if len(list) == 0 {
		return mesh.Export{Public: true}
	}
	var out mesh.Export
	if slices.Contains(list, exportNone) && !slices.Contains(list, exportPublic) {
		return out
	}
	for _, item := range list {
		switch {
		case item == exportPublic:
			out.Public = true
		case item == exportPrivate, item == namespace:
			out.Private = true
		case item != exportNone && isExport(item):
			out.Namespaces = append(out.Namespaces, Intern(item))
		}
	}
	slices.Sort(out.Namespaces)
	out.Namespaces = slices.Compact(out.Namespaces)
	return out
}
