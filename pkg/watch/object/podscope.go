package object

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	typev1beta1 "istio.io/api/type/v1beta1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// scoped is a spec that says for which pods it is.
type scoped interface {
	GetSelector() *typev1beta1.WorkloadSelector
	GetTargetRef() *typev1beta1.PolicyTargetReference
	GetTargetRefs() []*typev1beta1.PolicyTargetReference
}

// podScope reads for which pods an object is, and reports what is wrong with that. It returns false if that cannot be
// read. Then the scope has every pod that may be meant.
func podScope(spec scoped, out *Object) (PodScope, bool) {
	refs, at := spec.GetTargetRefs(), func(i int) string { return fmt.Sprintf("spec.targetRefs[%d]", i) }
	if spec.GetTargetRef() != nil {
		listed := at
		refs, at = append(slices.Clone(refs), spec.GetTargetRef()), func(i int) string {
			if i == len(refs)-1 {
				return "spec.targetRef"
			}
			return listed(i)
		}
	}
	var scope PodScope
	readable := true
	if spec.GetSelector() != nil || len(refs) == 0 {
		scope.Labels, readable = selectorLabels(spec.GetSelector(), out)
	}
	for i, ref := range refs {
		scope.OwnNamespace = scope.Labels == nil
		service, known := serviceTarget(ref, at(i), out)
		if readable = readable && known; service != "" {
			scope.Services = append(scope.Services, ServiceTarget{service, at(i)})
		}
	}
	if len(spec.GetTargetRefs()) > maxTargets {
		refuse(out, "spec.targetRefs", "There are %d targets, and API servers refuse more than %d. All are in effect. Use a selector, or several objects.", len(spec.GetTargetRefs()), maxTargets)
	}
	if ways := ways(spec); len(ways) > 1 {
		refuse(out, "spec."+ways[1], "%s and %s cannot be set both, and API servers refuse that. The object applies to the pods of both and denies their calls. Keep one.", ways[0], ways[1])
		return scope, false
	}
	if !readable {
		scope = everyPod()
	}
	return scope, readable
}

// maxTargets is Istio's limit.
const maxTargets = 16

func everyPod() PodScope { return PodScope{Labels: map[string]string{}} }

// ways returns the fields by which a spec selects pods.
func ways(spec scoped) []string {
	var set []string
	for _, way := range []struct {
		field string
		set   bool
	}{
		{"selector", spec.GetSelector() != nil},
		{"targetRef", spec.GetTargetRef() != nil},
		{"targetRefs", len(spec.GetTargetRefs()) > 0},
	} {
		if way.set {
			set = append(set, way.field)
		}
	}
	return set
}

func refuse(out *Object, field, format string, args ...any) {
	out.Report(mesh.CodeInvalidValue, mesh.Error, field, fmt.Sprintf(format, args...))
}

// podsOfScope are the pods of an object without a selector. Which namespace is the root namespace is not known here.
const podsOfScope = "every pod of its namespace (of the mesh, if that is the root namespace)"

// selectorLabels reads a selector. It returns false if no pod can have one of the labels.
func selectorLabels(selector *typev1beta1.WorkloadSelector, out *Object) (map[string]string, bool) {
	const field = "spec.selector.matchLabels"
	labels := map[string]string{}
	maps.Copy(labels, selector.GetMatchLabels())
	before := len(out.Problems)
	validator{out}.labels(field, labels, "The selector is not readable, so the object applies to "+podsOfScope+", and closes")
	return labels, len(out.Problems) == before
}

// checkEmpty reports a selector without labels, which is readable.
func checkEmpty(selector *typev1beta1.WorkloadSelector, out *Object) {
	if selector != nil && len(selector.GetMatchLabels()) == 0 {
		out.Report(mesh.CodeInvalidValue, mesh.Info, "spec.selector", "The selector has no labels, so it selects every pod. Write labels, or remove selector.")
	}
}

// otherTargets are the kinds of targets that are not servers of the mesh, with their groups, as Istio has them.
var otherTargets = map[string]string{"Gateway": gatewayGroup, "GatewayClass": gatewayGroup, "ServiceEntry": "networking.istio.io"}

const gatewayGroup = "gateway.networking.k8s.io"

// serviceTarget returns the Service that a targetRef names; empty if it names something else. It returns false if it
// cannot be read.
func serviceTarget(ref *typev1beta1.PolicyTargetReference, at string, out *Object) (service string, readable bool) {
	const closes = "The object applies to " + podsOfScope + ", and closes"
	kind, group := ref.GetKind(), ref.GetGroup()
	isService := kind == string(KindService) && (group == "" || group == "core")
	switch {
	case ref.GetNamespace() != "" && ref.GetNamespace() != out.Key.Namespace:
		refuse(out, at+".namespace", "A target cannot be in another namespace. %s. Write the object in namespace %q.", closes, ref.GetNamespace())
	case isService && len(validation.IsDNS1123Label(ref.GetName())) > 0:
		refuse(out, at+".name", "%q is not the name of a Service. %s. Write the name of a Service.", ref.GetName(), closes)
	case isService:
		return ref.GetName(), true
	case otherTargets[kind] != "" && group == otherTargets[kind]:
		out.Report(mesh.CodeUnsupported, mesh.Warning, at, fmt.Sprintf("The target is %s, which is not a gRPC server. The object does not apply to it here. Nothing is needed if another program enforces it.", withArticle(kind)))
		return "", true
	default:
		meant := cmp.Or(mesh.Nearest(kind, []string{string(KindService)}), string(KindService))
		refuse(out, at+".kind", "There is no target of kind %q in group %q. %s. Write kind: %s and group: \"\", or use selector.", kind, group, closes, meant)
	}
	return "", false
}

// scopeFields are the fields of a spec that say for which pods it is.
var scopeFields = []string{"selector", "targetRef", "targetRefs"}

// inScope reports whether a path such as spec.selector.matchLabel belongs to those fields, or is nearly one of them.
func inScope(path string) bool {
	name, inner := specField(path)
	return slices.Contains(scopeFields, name) || inner == "" && mesh.Nearest(name, scopeFields) != ""
}

// specField splits a path such as spec.rules[0].form into the field of the spec and the rest.
func specField(path string) (name, rest string) {
	path = strings.TrimPrefix(path, "spec.")
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return path, ""
	}
	return path[:end], path[end:]
}
