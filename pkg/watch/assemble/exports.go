package assemble

import (
	"fmt"
	"slices"

	"istio.io/api/annotation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// exportIndex reports namespaces of exportTo in which no known object is and that are probably a mistake: words for all or
// none, and misspelled names. Other namespaces without an object are not reported: they may have clients only.
type exportIndex struct {
	problems *problemIndex
	// exports has the objects that are exported to namespaces by name. dirty must be evaluated again.
	exports map[object.Key]mesh.Export
	dirty   map[object.Key]struct{}
	// objects counts the known objects of each namespace; moved means that a namespace came or went.
	objects map[string]int
	moved   bool
}

func newExportIndex(problems *problemIndex) *exportIndex {
	return &exportIndex{problems: problems, exports: map[object.Key]mesh.Export{}, dirty: map[object.Key]struct{}{}, objects: map[string]int{}}
}

// exportWord is a word that authors write in place of a sign.
type exportWord struct {
	severity mesh.Severity
	wayOut   string
}

var (
	toAll  = exportWord{mesh.Warning, `If you mean all namespaces, write "*".`}
	toOwn  = exportWord{mesh.Warning, `If you mean the object's own namespace, write ".".`}
	toNone = exportWord{mesh.Warning, "If nobody is meant, name the namespaces of the clients."}
	// Teams have namespaces of these names, too.
	maybeAll, maybeOwn = exportWord{mesh.Info, toAll.wayOut}, exportWord{mesh.Info, toOwn.wayOut}
)

var exportWords = map[string]exportWord{
	"all": toAll, "any": toAll, "every": toAll, "everyone": toAll, "everything": toAll, "mesh": toAll, "public": maybeAll,
	"own": toOwn, "self": toOwn, "private": maybeOwn, "none": toNone, "nobody": toNone,
}

// put records the namespaces that the value of an object names.
func (x *exportIndex) put(key object.Key, value any) {
	var export mesh.Export
	switch v := value.(type) {
	case *object.VirtualService:
		export = v.Export
	case *object.DestinationRule:
		export = v.Export
	case *mesh.Service:
		if v != nil && v.Export != nil {
			export = *v.Export
		}
	}
	if old := x.exports[key]; old.Private == export.Private && slices.Equal(old.Namespaces, export.Namespaces) {
		return
	}
	x.dirty[key] = struct{}{}
	if export.Namespaces == nil {
		delete(x.exports, key)
		return
	}
	x.exports[key] = export
}

// count records that an object of a namespace came or went.
func (x *exportIndex) count(namespace string, had, has bool) {
	switch {
	case had == has:
		return
	case has:
		x.objects[namespace]++
		x.moved = x.moved || x.objects[namespace] == 1
	default:
		x.objects[namespace]--
		if x.objects[namespace] == 0 {
			delete(x.objects, namespace)
			x.moved = true
		}
	}
}

// apply evaluates what changed.
func (x *exportIndex) apply() {
	if x.moved {
		x.moved = false
		for key := range x.exports {
			x.dirty[key] = struct{}{}
		}
	}
	for key := range take(&x.dirty) {
		var found []mesh.Problem
		for _, namespace := range x.exports[key].Namespaces {
			if p, ok := x.check(key, namespace); ok {
				found = append(found, p)
			}
		}
		x.problems.put(problemKey{topicExport, key}, found)
	}
}

func (x *exportIndex) check(key object.Key, namespace string) (mesh.Problem, bool) {
	p := mesh.Problem{Code: mesh.CodeInvalidValue, Object: key.Ref(), Field: "spec.exportTo"}
	if key.Kind == object.KindService {
		p.Field = object.AnnotationField(annotation.NetworkingExportTo.Name)
	}
	if x.objects[namespace] > 0 {
		return p, false
	}
	if word, ok := exportWords[namespace]; ok {
		p.Severity = word.severity
		p.Message = fmt.Sprintf("%q is the name of a namespace, and no known object is in it. Clients of other namespaces do not see the object by this entry. %s", namespace, word.wayOut)
		return p, true
	}
	meant, export := "", x.exports[key]
	for other := range x.objects {
		if likelyTypo(namespace, other) && (meant == "" || other < meant) {
			meant = other
		}
	}
	if meant == "" || slices.Contains(export.Namespaces, meant) || export.Private && meant == key.Namespace {
		return p, false
	}
	p.Severity = mesh.Info
	p.Message = fmt.Sprintf("No known object is in namespace %q. Clients in namespace %q do not see the object by this entry. Did you mean %q?", namespace, meant, meant)
	return p, true
}
