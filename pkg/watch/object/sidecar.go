package object

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertSidecar(s *istiov1.Sidecar, _ string) Object {
	out := newObject(KindSidecar, &s.ObjectMeta)
	spec := proto.CloneOf(&s.Spec)
	if !encodable(spec, &out) {
		return out
	}
	value := &Sidecar{Spec: spec, Created: created(&s.ObjectMeta)}
	if selector := spec.GetWorkloadSelector(); selector != nil {
		value.Selector = map[string]string{}
		maps.Copy(value.Selector, selector.GetLabels())
		validator{&out}.labels("spec.workloadSelector.labels", selector.GetLabels(), "The Sidecar applies to no client")
		if len(selector.GetLabels()) == 0 {
			out.Report(mesh.CodeInvalidValue, mesh.Info, "spec.workloadSelector", "The selector has no labels, so it selects every client of the namespace. Write labels, or remove workloadSelector.")
		}
	}
	for i, listener := range spec.GetEgress() {
		value.Egress = append(value.Egress, egressHosts(listener.GetHosts(), fmt.Sprintf("spec.egress[%d].hosts", i), &out))
	}
	out.Value = value
	return out
}

// egressHosts reads a list of hosts. An entry that cannot be read imports nothing, and one that excludes then excludes everything.
func egressHosts(list []string, field string, out *Object) mesh.EgressHosts {
	var hosts mesh.EgressHosts
	for i, text := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		entry, excludes, ok := egressEntry(text, at, out)
		switch {
		case ok && !excludes:
			hosts.Imported = append(hosts.Imported, entry)
		case ok:
			hosts.Excluded = append(hosts.Excluded, entry)
		case excludes:
			hosts.Excluded = append(hosts.Excluded, mesh.EgressHost{Namespace: mesh.AnyNamespace, Host: "*", Field: at})
		}
	}
	switch {
	case len(list) == 0:
		refuse(out, field, "The list has no hosts, and Istio's validation refuses it. It exposes no host. List hosts, or remove the entry of egress.")
	case len(hosts.Imported) == 0 && len(hosts.Excluded) > 0 && !slices.Contains(list, noHosts):
		out.Report(mesh.CodeInvalidValue, mesh.Warning, field, `The list only excludes hosts. It exposes none. Add "*/*" for all others, or write "`+noHosts+`" for none.`)
	}
	return hosts
}

// noHosts is how authors write that a client sees no host.
const noHosts = exportNone + "/*"

// egressEntry reads an entry. It reports whether it excludes, and whether it can be read.
func egressEntry(text, at string, out *Object) (entry mesh.EgressHost, excludes, ok bool) {
	namespace, host, whole := strings.Cut(text, "/")
	if namespace, excludes = strings.CutPrefix(namespace, exportNone); excludes && namespace == "" {
		namespace = mesh.AnyNamespace
	}
	entry = mesh.EgressHost{Namespace: Intern(namespace), Field: at}
	switch {
	case !whole:
		sign := text[:len(text)-len(strings.TrimPrefix(text, exportNone))]
		refuseEgress(out, at, excludes, fmt.Sprintf("%q is not of the form NAMESPACE/HOST", text),
			fmt.Sprintf("Write %s./%s for a host of the client's own namespace, or %[1]s*/%[2]s.", sign, strings.TrimPrefix(text, exportNone)))
	case namespace != mesh.AnyNamespace && namespace != mesh.OwnNamespace && len(validation.IsDNS1123Label(namespace)) > 0:
		refuseEgress(out, at, excludes, fmt.Sprintf("%q is not a namespace", namespace), `Write a name, "." for the client's own, or "*" for any.`)
	default:
		entry.Host, ok = egressHost(host, at, excludes, out)
	}
	return entry, excludes, ok
}

// egressHost reads the host of an entry.
func egressHost(text, at string, excludes bool, out *Object) (string, bool) {
	if text == "*" {
		return text, true
	}
	read := Object{Key: out.Key}
	host, ok := convertHost(text, at, &read)
	if !ok {
		refuseEgress(out, at, excludes, fmt.Sprintf("%q is neither a host nor a wildcard", text), "Write a full name, *.example.com, or * for every host.")
	}
	return Intern(host.Name), ok
}

func refuseEgress(out *Object, at string, excludes bool, what, wayOut string) {
	effect := "The entry imports no host"
	if excludes {
		effect = "What it excludes is not known, so the list exposes no host"
	}
	refuse(out, at, "%s. %s. %s", what, effect, wayOut)
}

// storedSidecar is the stored form of a Sidecar. Selector distinguishes nil from empty.
type storedSidecar struct {
	Spec     []byte             `json:"spec"`
	Selector map[string]string  `json:"selector"`
	Egress   []mesh.EgressHosts `json:"egress,omitempty"`
	Created  time.Time          `json:"created"`
}

func sidecarField(o *storedObject) **storedSidecar { return &o.Sidecar }

func storeSidecar(s *Sidecar) (*storedSidecar, error) {
	spec, err := proto.Marshal(s.Spec)
	return &storedSidecar{Spec: spec, Selector: s.Selector, Egress: s.Egress, Created: s.Created}, err
}

func loadSidecar(s *storedSidecar) (*Sidecar, error) {
	out := &Sidecar{Spec: &networking.Sidecar{}, Selector: s.Selector, Egress: s.Egress, Created: s.Created}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}
