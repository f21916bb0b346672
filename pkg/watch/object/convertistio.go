package object

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertVirtualService(v *istiov1.VirtualService, _ string) Object {
	out := newObject(KindVirtualService, &v.ObjectMeta)
	out.RolledOut = rolledOut(v.Status.GetConditions(), v.Generation)
	spec := proto.CloneOf(&v.Spec)
	if !encodable(spec, &out) {
		return out
	}
	checkGateways(spec, &out)
	validator{&out}.virtualService(spec)
	others := len(spec.GetGateways()) - count(spec.GetGateways(), mesh.MeshGateway)
	if others > 0 && others == len(spec.GetGateways()) && len(spec.GetHosts()) > 0 {
		out.Report(mesh.CodeNotForMesh, mesh.Info, "spec.gateways",
			"The rules apply only to calls through gateways. They have no effect on calls within the mesh. Add mesh if these calls need them.")
		return out
	}
	value := &VirtualService{
		Spec: spec, Export: ruleExport(spec.GetExportTo(), &out), Created: created(&v.ObjectMeta), Gateways: others > 0,
		Rollout: rolloutPolicy(&v.ObjectMeta, &out),
	}
	if value.Rollout.IsSet() && len(spec.GetHosts()) == 0 {
		value.Rollout = mesh.RolloutPolicy{}
		out.reportInvalid(mesh.AnnotationRollout, "A VirtualService without hosts follows the rollout of those that delegate to it. The annotation is ignored. Set it on them.")
	}
	for i, host := range spec.GetHosts() {
		if h, ok := convertHost(host, fmt.Sprintf("spec.hosts[%d]", i), &out); ok {
			value.Hosts = append(value.Hosts, h)
		}
	}
	out.Value = value
	return out
}

func convertDestinationRule(d *istiov1.DestinationRule, _ string) Object {
	out := newObject(KindDestinationRule, &d.ObjectMeta)
	out.RolledOut = rolledOut(d.Status.GetConditions(), d.Generation)
	spec := proto.CloneOf(&d.Spec)
	if !encodable(spec, &out) {
		return out
	}
	validator{&out}.destinationRule(spec)
	host, ok := convertHost(spec.GetHost(), "spec.host", &out)
	if !ok {
		return out
	}
	if spec.GetWorkloadSelector() != nil && !ownOnly(spec.GetExportTo(), out.Key.Namespace) {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, "spec.exportTo",
			`A DestinationRule with a workloadSelector applies only to clients of the same namespace. The other entries have no effect, and Istio's validation refuses them. Write "." alone.`)
	}
	out.Value = &DestinationRule{
		Spec: spec, Host: host, Export: ruleExport(spec.GetExportTo(), &out), Created: created(&d.ObjectMeta),
		Annotations: annotationSettings(&d.ObjectMeta, &out),
	}
	return out
}

// encodable reports text that a protobuf message may not have, because it could not be sent to a client either.
func encodable(spec proto.Message, out *Object) bool {
	if _, err := (proto.MarshalOptions{}).Marshal(spec); err != nil {
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec", "The spec has text that is not UTF-8. The object is not used. Use UTF-8.")
		return false
	}
	return true
}

func count(list []string, want string) int {
	n := 0
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

func created(meta *metav1.ObjectMeta) (t time.Time) {
	if meta.CreationTimestamp.IsZero() {
		return t
	}
	return meta.CreationTimestamp.UTC()
}

// convertHost checks a host, and reports why it is not one.
func convertHost(text, field string, out *Object) (DeclaredHost, bool) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	what, way := "", ""
	switch {
	case name == "":
		what, way = "The host is empty", "Use the name of a Service."
	case !utf8.ValidString(name):
		what, way = "The host is not UTF-8", "Use the name of a Service."
	case strings.LastIndexByte(name, '*') > 0:
		what, way = fmt.Sprintf("%q has a wildcard that is not at its start", text), "Use *.example.com or a full name."
	case !isHost(strings.TrimPrefix(strings.TrimPrefix(name, "*"), ".")):
		what, way = fmt.Sprintf("%q is not a host", text), "Use letters, digits, dots and hyphens."
	}
	if what != "" {
		out.Report(mesh.CodeInvalidValue, mesh.Error, field, what+". It is ignored. "+way)
		return DeclaredHost{}, false
	}
	return DeclaredHost{Name: name, Field: field}, true
}

// isHost reports whether name is a DNS name, or empty as after the wildcard "*". Underscores are allowed, because they
// are in use.
func isHost(name string) bool {
	if name == "" {
		return true
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(name) <= 253
}
