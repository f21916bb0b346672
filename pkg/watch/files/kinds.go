package files

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// istioKinds are Istio's kinds that are not read, by group. The kinds that are read have rows.
var istioKinds = map[string][]string{
	"networking.istio.io": {"EnvoyFilter", "Gateway", "ProxyConfig", "ServiceEntry", "Sidecar", "WorkloadEntry", "WorkloadGroup"},
	"security.istio.io":   {"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"},
	"telemetry.istio.io":  {"Telemetry"},
	"extensions.istio.io": {"WasmPlugin", "TrafficExtension"},
}

const gatewayAPI = "gateway.networking.k8s.io"

// gatewayRoutes are the kinds of the Gateway API that route calls: of a gateway, or of a mesh if their parent is a
// Service.
var gatewayRoutes = []string{"GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute"}

// builtIn are groups of Kubernetes without a dot in their names.
var builtIn = []string{"", "core", "apps", "autoscaling", "batch", "extensions", "policy"}

// unread reports an object of a kind that is not read: as an error if it is nearly of a kind that is.
func (f *fileParser) unread(n *yaml.Node, line int, h head) {
	ref := mesh.Ref{Kind: h.kind, Namespace: h.namespace, Name: h.name}
	reported := len(f.out.problems)
	if why := nearly(n, h); why != "" {
		f.fail(mesh.CodeUnknownKind, line, ref, "", why)
	} else {
		f.report(mesh.CodeUnknownKind, mesh.Info, line, ref, "", h.apiVersion+" "+h.kind+" is not read from files. The object has no effect here.")
	}
	f.silence(n, line, ref, reported)
}

// silence removes the Problems of an object, from a position on, whose codes its author silenced, and returns the
// codes. It is for objects that are not converted, and so have no value that tells.
func (f *fileParser) silence(n *yaml.Node, line int, ref mesh.Ref, from int) []mesh.Code {
	annotation := lookup(lookup(lookup(n, "metadata", 0), "annotations", 0), mesh.AnnotationIgnore, 0)
	if annotation == nil {
		return nil
	}
	codes, mistakes := object.ParseSilenced(text(annotation))
	kept := slices.DeleteFunc(f.out.problems[from:], func(p mesh.Problem) bool { return p.Object == ref && slices.Contains(codes, p.Code) })
	f.out.problems = f.out.problems[:from+len(kept)]
	for _, mistake := range mistakes {
		f.report(mesh.CodeInvalidValue, mesh.Warning, line, ref, mesh.AnnotationField(mesh.AnnotationIgnore), mistake)
	}
	return codes
}

// nearly returns why an object is not of the kind that its author probably meant; empty if it is of another kind.
func nearly(n *yaml.Node, h head) string {
	group, version, ok := strings.Cut(h.apiVersion, "/")
	if !ok {
		group, version = "", group
	}
	if row := object.Kind(h.kind).Row(); row != nil && !row.Live {
		return wrongVersion(row, group, version)
	}
	known := istioKinds[group]
	switch {
	case slices.Contains(known, h.kind):
		return ""
	case group == gatewayAPI:
		return meshRoute(n, h)
	}
	var read []string
	for row := range object.InFiles() {
		if nearGroup(group, row.Resource.Group) {
			read = append(read, string(row.Kind))
		}
	}
	if meant := mesh.Nearest(h.kind, append(read, known...)); meant != "" {
		return fmt.Sprintf("Unknown kind %q. The object is not used. Did you mean %q?", h.kind, meant)
	}
	if known != nil {
		return fmt.Sprintf("%s has no kind %q. The object is not used. Write a VirtualService or DestinationRule.", group, h.kind)
	}
	return ""
}

// nearGroup reports whether a group is the other one, perhaps misspelled.
func nearGroup(group, other string) bool {
	return group == other || group != "" && other != "" && mesh.Nearest(group, []string{other}) != ""
}

// wrongVersion returns why an object of a kind that is read is not read; empty if the kind is another group's own.
func wrongVersion(row *object.KindRow, group, version string) string {
	right := row.Resource.GroupVersion().String()
	switch {
	case group == row.Resource.Group:
		return fmt.Sprintf("Version %q of %s is not read. The object is not used. Write apiVersion: %s", version, row.Kind, right)
	case nearGroup(group, row.Resource.Group), slices.Contains(builtIn, group), strings.HasSuffix(group, ".k8s.io"), strings.HasSuffix(group, "istio.io"):
		return fmt.Sprintf("Group %q has no kind %s. The object is not used. Write apiVersion: %s", group, row.Kind, right)
	}
	return ""
}

// meshRoute returns why a route of the Gateway API has no effect; empty if it is for gateways alone.
func meshRoute(n *yaml.Node, h head) string {
	i := slices.IndexFunc(gatewayRoutes, func(kind string) bool { return strings.EqualFold(kind, h.kind) })
	if i < 0 {
		return ""
	}
	if parents := lookup(lookup(n, "spec", 0), "parentRefs", 0); parents != nil && len(parents.Content) > 0 {
		forMesh := slices.ContainsFunc(parents.Content, func(parent *yaml.Node) bool {
			return text(lookup(resolve(parent), "kind", 0)) == string(object.KindService)
		})
		if !forMesh {
			return ""
		}
	}
	return fmt.Sprintf("Objects of kind %s are not read. No call is routed by this one. Write a VirtualService.", gatewayRoutes[i])
}

// headless reports a document without apiVersion or kind. In a folder it may be something else, such as a patch or
// the values of a chart, unless it looks like an object.
func (f *fileParser) headless(n *yaml.Node, line int, h head) {
	var read []string
	for row := range object.InFiles() {
		read = append(read, string(row.Kind))
	}
	isObject := h.apiVersion+h.kind != "" && (lookup(n, "metadata", 0) != nil || mesh.Nearest(h.kind, read) != "")
	if f.strict || isObject {
		f.fail(mesh.CodeUnreadable, line, f.ref(), "", "The document has no apiVersion or no kind. It is not used. Add both.")
		return
	}
	f.other(line)
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
	items := lookup(n, "items", 0)
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

// isList reports whether an object is a list of objects: any List, and whatever else has items and is called one.
func isList(n *yaml.Node, h head) bool {
	return h.kind == "List" && h.apiVersion == "v1" || strings.HasSuffix(h.kind, "List") && lookup(n, "items", 0) != nil
}
