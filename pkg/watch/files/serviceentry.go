package files

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// isServiceEntry reports whether an object is Istio's, in any version.
func isServiceEntry(h head) bool {
	return h.kind == string(object.KindServiceEntry) && strings.HasPrefix(h.apiVersion, object.KindVirtualService.Row().Resource.Group+"/")
}

// serviceEntry reads the hosts of a ServiceEntry, so that the rules that name them can be told why they do not exist.
func (f *fileParser) serviceEntry(n *yaml.Node, line int, h head) {
	namespace := cmp.Or(h.namespace, f.options.Namespace)
	if !f.reads(namespace) {
		return
	}
	var hosts []string
	if list := lookup(lookup(n, "spec"), "hosts"); list != nil {
		for _, item := range list.Content {
			if host := strings.ToLower(strings.TrimSuffix(text(resolve(item)), ".")); host != "" {
				hosts = append(hosts, host)
			}
		}
	}
	resolution := lookup(lookup(n, "spec"), "resolution")
	static := resolution != nil && text(resolve(resolution)) == "STATIC"
	o := object.Object{
		Key:    object.Key{Kind: object.KindServiceEntry, Namespace: namespace, Name: h.name},
		Value:  &object.ServiceEntry{Hosts: hosts, Static: static},
		Source: &mesh.Source{File: f.path, Line: line},
	}
	o.Silenced = f.silence(n, line, o.Key.Ref(), len(f.out.problems))
	f.out.objects = append(f.out.objects, &o)
}
