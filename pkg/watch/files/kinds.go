package files

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// unreadKinds are the kinds of Istio, of the Gateway API and of the Multi-Cluster Services API that are not read, by group. The
// kinds that are read have rows.
var unreadKinds = map[string][]string{
	"networking.istio.io":   {"EnvoyFilter", "Gateway", "ProxyConfig", "WorkloadGroup"},
	"telemetry.istio.io":    {"Telemetry"},
	"extensions.istio.io":   {"WasmPlugin", "TrafficExtension"},
	"security.istio.io":     {},
	"multicluster.x-k8s.io": {"ServiceExport"},
	gatewayAPI:              {"Gateway", "GatewayClass", "ListenerSet", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute"},
}

const gatewayAPI = "gateway.networking.k8s.io"

// gatewayRoutes are the kinds of the Gateway API that route calls, of a gateway, or of a mesh if their parent is a Service,
// and are not read.
var gatewayRoutes = []string{"TCPRoute", "TLSRoute", "UDPRoute"}

// builtIn are names that authors take for the group of a kind of Kubernetes, beside those that end in .k8s.io.
var builtIn = []string{"", "core", "apps", "autoscaling", "batch", "extensions", "policy", "k8s.io", "kubernetes.io", "v1"}

// commonWords are parts of many groups' names.
var commonWords = []string{"io", "k8s", "kubernetes"}

// unread reports an object of a kind that is not read: as an error if it is nearly of a kind that is.
func (f *fileParser) unread(n *yaml.Node, line int, h head) {
	ref := mesh.Ref{Kind: h.kind, Namespace: h.namespace, Name: h.name}
	reported := len(f.out.problems)
	if why := nearly(n, h); why != "" {
		if row := f.closeNearly(n, line, ref); row != nil {
			why = strings.Replace(why, "The object is not used.", fmt.Sprintf("The object closes, as any %s that cannot be read.", row.Kind), 1)
		}
		f.fail(mesh.CodeUnknownKind, line, ref, "", why)
	} else {
		why := h.apiVersion + " " + h.kind + " is not read from files. The object has no effect here."
		if group := groupMeant(h); group != "" {
			why += fmt.Sprintf(" Did you mean the group %q?", group)
		}
		f.report(mesh.CodeUnknownKind, mesh.Info, line, ref, "", why)
	}
	f.unreadKeys(n, line, ref)
	f.silence(n, line, ref, reported)
}

// unreadKeys checks the annotations and labels of an object of a kind that is read from clusters only.
func (f *fileParser) unreadKeys(n *yaml.Node, line int, ref mesh.Ref) {
	row := object.Kind(ref.Kind).Row()
	if row == nil || !row.Live || text(lookup(n, "apiVersion")) != row.Resource.GroupVersion().String() {
		return
	}
	metadata := lookup(n, "metadata")
	meta := metav1.ObjectMeta{Labels: texts(lookup(metadata, "labels")), Annotations: texts(lookup(metadata, "annotations"))}
	for _, p := range object.CheckKeys(object.Key{Kind: row.Kind, Name: ref.Name}, &meta) {
		f.report(p.Code, p.Severity, line-n.Line+fieldLine(n, p.Field), ref, p.Field, p.Message)
	}
}

// texts returns the entries of a mapping of strings.
func texts(n *yaml.Node) map[string]string {
	all := map[string]string{}
	if n == nil || n.Kind != yaml.MappingNode {
		return all
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		all[n.Content[i].Value] = text(resolve(n.Content[i+1]))
	}
	return all
}

// silence removes the Problems of an object, from a position on, whose codes its author silenced. It is for objects that are not converted, and so have no value that tells.
func (f *fileParser) silence(n *yaml.Node, line int, ref mesh.Ref, from int) {
	annotation := lookup(lookup(lookup(n, "metadata"), "annotations"), mesh.AnnotationIgnore)
	if annotation == nil {
		return
	}
	codes, mistakes := object.ParseSilenced(text(annotation))
	kept := slices.DeleteFunc(f.out.problems[from:], func(p mesh.Problem) bool { return p.Object == ref && slices.Contains(codes, p.Code) })
	f.out.problems = f.out.problems[:from+len(kept)]
	for _, mistake := range mistakes {
		f.report(mesh.CodeInvalidValue, mesh.Warning, line, ref, mesh.AnnotationField(mesh.AnnotationIgnore), mistake)
	}
}

// nearly returns why an object is not of the kind that its author probably meant; empty if it is of another kind.
func nearly(n *yaml.Node, h head) string {
	group, version := groupVersion(h.apiVersion)
	one := strings.TrimSuffix(h.kind, listSuffix) // a list of a kind is in the group of the kind
	if row := object.Kind(one).Row(); row != nil && !row.Live {
		return wrongVersion(row, h, group, version)
	}
	known := unreadKinds[group]
	switch {
	case nearGroup(group, gatewayAPI) && slices.ContainsFunc(gatewayRoutes, func(kind string) bool { return strings.EqualFold(kind, h.kind) }):
		return meshRoute(n, h)
	case slices.Contains(known, one):
		return ""
	}
	var read []string
	for row := range object.InFiles() {
		if nearGroup(group, row.Resource.Group) {
			read = append(read, string(row.Kind), string(row.Kind)+listSuffix)
		}
	}
	if group == "" || hasObjects(lookup(n, "items")) {
		read = append(read, listSuffix)
	}
	if meant := mesh.Nearest(h.kind, append(read, known...)); meant != "" {
		return fmt.Sprintf("Unknown kind %q. The object is not used. Did you mean %q?", h.kind, meant)
	}
	if known != nil && group != gatewayAPI { // The Gateway API gets further kinds.
		return fmt.Sprintf("%s has no kind %q. The object is not used. %s", group, h.kind, wayOutOfKind(group))
	}
	return ""
}

// wayOutOfKind names the kinds of a group that are read.
func wayOutOfKind(group string) string {
	var read []string
	for row := range object.InFiles() {
		if row.Resource.Group == group {
			read = append(read, string(row.Kind))
		}
	}
	if len(read) == 0 {
		return "Correct the kind, or remove the object."
	}
	slices.Sort(read)
	return "Write one of the kinds that are read: " + strings.Join(read, ", ") + "."
}

func groupVersion(apiVersion string) (group, version string) {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok && strings.Contains(apiVersion, ".") {
		return apiVersion, "" // versions have no dots
	}
	if !ok {
		return "", apiVersion
	}
	return group, version
}

// nearGroup reports whether a group is the other one, perhaps misspelled, with its words in another order, or without
// some of them.
func nearGroup(group, other string) bool {
	if group == other || group == "" || other == "" {
		return group == other
	}
	if mesh.Nearest(group, []string{other}) != "" {
		return true
	}
	words, others := groupWords(group), groupWords(other)
	return len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool { return mesh.Nearest(word, others) == "" })
}

// groupWords returns the words of a group's name that tell it from other groups.
func groupWords(group string) []string {
	words := strings.FieldsFunc(group, func(r rune) bool { return strings.ContainsRune(".-_/", r) })
	return slices.DeleteFunc(words, func(word string) bool { return slices.Contains(commonWords, word) })
}

// groupMeant returns the group that an object of a kind of Istio or of the Gateway API, which is not read, should have;
// empty if it has it, or if the kind may be of others.
func groupMeant(h head) string {
	group, _ := groupVersion(h.apiVersion)
	if slices.Contains(gatewayRoutes, h.kind) && group != gatewayAPI && nearGroup(group, gatewayAPI) {
		return gatewayAPI
	}
	for meant, kinds := range unreadKinds {
		if slices.Contains(kinds, h.kind) && unreadKinds[group] == nil && group != gatewayAPI && nearGroup(group, meant) {
			return meant
		}
	}
	return ""
}

// wrongVersion returns why an object of a kind that is read, or a list of them, is not read; empty if the kind is another
// group's own.
func wrongVersion(row *object.KindRow, h head, group, version string) string {
	right := row.Resource.GroupVersion().String()
	switch {
	case group == row.Resource.Group:
		return fmt.Sprintf("Version %q of %s is not read. The object is not used. Write apiVersion: %s", version, h.kind, right)
	case nearGroup(group, row.Resource.Group), slices.Contains(builtIn, group), strings.HasSuffix(group, ".k8s.io"), strings.HasSuffix(group, "istio.io"):
		return fmt.Sprintf("There is no %s in apiVersion %q. The object is not used. Write apiVersion: %s", h.kind, h.apiVersion, right)
	}
	return ""
}

// meshRoute returns why a route of the Gateway API has no effect; empty if it is for gateways alone.
func meshRoute(n *yaml.Node, h head) string {
	i := slices.IndexFunc(gatewayRoutes, func(kind string) bool { return strings.EqualFold(kind, h.kind) })
	if i < 0 {
		return ""
	}
	if parents := lookup(lookup(n, "spec"), "parentRefs"); parents != nil && len(parents.Content) > 0 {
		forMesh := slices.ContainsFunc(parents.Content, func(parent *yaml.Node) bool {
			return text(lookup(resolve(parent), "kind")) == string(object.KindService)
		})
		if !forMesh {
			return ""
		}
	}
	if group, _ := groupVersion(h.apiVersion); group != gatewayAPI {
		return fmt.Sprintf("There is no %s in apiVersion %q, and objects of the group %q are not read. No call is routed by this one. Write a GRPCRoute.", gatewayRoutes[i], h.apiVersion, gatewayAPI)
	}
	return fmt.Sprintf("Objects of kind %s are not read. No call is routed by this one. Write a GRPCRoute.", gatewayRoutes[i])
}

// headless reports a document without apiVersion or kind. In a folder it may be something else, such as a patch or
// the values of a chart, unless it looks like an object.
func (f *fileParser) headless(n *yaml.Node, line int, h head) {
	var read []string
	for row := range object.InFiles() {
		read = append(read, string(row.Kind))
	}
	misspelled := 0
	lacks, wayOut := h.lacks()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if meant := mesh.Nearest(key, []string{"apiVersion", "kind"}); meant != "" && key != meant && lookup(n, meant) == nil {
			wayOut, misspelled = fmt.Sprintf("Did you mean %q in place of %q?", meant, key), misspelled+1
		}
	}
	isObject := (h.apiVersion+h.kind != "" || misspelled == 2) && (lookup(n, "metadata") != nil || mesh.Nearest(h.kind, read) != "")
	if f.strict || isObject {
		f.fail(mesh.CodeUnreadable, line, f.ref(), "", "The document has "+lacks+". It is not used. "+wayOut)
		return
	}
	f.other(line)
}

// lacks returns which of apiVersion and kind a document does not have, and what to do.
func (h head) lacks() (what, wayOut string) {
	switch row := object.Kind(h.kind).Row(); {
	case h.apiVersion != "":
		return "no kind", "Add it."
	case h.kind == "":
		return "no apiVersion and no kind", "Add both."
	case row != nil && !row.Live:
		return "no apiVersion", "Add apiVersion: " + row.Resource.GroupVersion().String()
	}
	return "no apiVersion", "Add it."
}

// other reports a document of a folder that is not an object.
func (f *fileParser) other(line int) {
	f.report(mesh.CodeUnknownKind, mesh.Info, line, f.ref(), "", "The document is not an object: it has no apiVersion and kind. It is not read.")
}

// list reads the items of a List. An item without apiVersion and kind, as in a DestinationRuleList of an API server, has
// those of the List.
func (f *fileParser) list(n *yaml.Node, before int, h head) {
	if f.lists == maxLists {
		f.fail(mesh.CodeUnreadable, before+n.Line, f.ref(), "items", "Lists are nested too deeply. The inner List is not read. Flatten them.")
		return
	}
	f.lists++
	defer func() { f.lists-- }()
	items := lookup(n, "items")
	if items == nil || items.Kind != yaml.SequenceNode && items.ShortTag() != "!!null" {
		f.fail(mesh.CodeInvalidValue, before+n.Line, f.ref(), "items", "The "+h.kind+" has no list of items. It is not used. Write its objects under items.")
		return
	}
	item := head{}
	if kind := strings.TrimSuffix(h.kind, "List"); kind != "" {
		item = head{apiVersion: h.apiVersion, kind: kind}
	}
	for _, n := range items.Content {
		f.document(n, before, item)
	}
}

const listSuffix = "List"

// isList reports whether an object is a list of objects: any List, a list of a kind that is read, and whatever else has
// items and is called one.
func isList(n *yaml.Node, h head) bool {
	one, ok := strings.CutSuffix(h.kind, listSuffix)
	return ok && (lookup(n, "items") != nil || one == "" && h.apiVersion == "v1" || one != "" && object.RowOf(h.apiVersion, one) != nil)
}
