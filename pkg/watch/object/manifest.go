package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// KeepManifest sets the object's Manifest, if its kind is Configuration. typed is what the object was converted from, and content
// its fields as they were read; nil makes them of typed.
func (o *Object) KeepManifest(typed metav1.Object, content map[string]any) {
	row := o.Key.Kind.Row()
	if row == nil || !row.Configuration || o.Key.Cluster != "" {
		return
	}
	if content == nil {
		var err error
		if content, err = plain(typed); err != nil {
			return // It is no object of an API.
		}
	}
	text := row.manifestText(o.Key, typed, content)
	if text == "" {
		return
	}
	m := mesh.NewManifest(o.Key.Ref(), text)
	m.Created, m.Generation = typed.GetCreationTimestamp().Time, typed.GetGeneration()
	if o.Source != nil {
		m.File, m.Manager = o.Source.File, o.Source.File
	} else {
		m.Manager, m.Operation, m.Written = lastWriter(typed)
	}
	o.Manifest = m
}

// manifestText returns the object as JSON; empty if nothing of it is configuration.
func (r *KindRow) manifestText(key Key, typed metav1.Object, content map[string]any) string {
	meta := map[string]any{"name": key.Name}
	if key.Namespace != "" {
		meta["namespace"] = key.Namespace
	}
	labels, annotations := r.configured(typed.GetLabels()), r.configured(typed.GetAnnotations())
	if r.OnlyMeshKeys && len(labels)+len(annotations) == 0 {
		return ""
	}
	if len(labels) > 0 {
		meta["labels"] = labels
	}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
	written := map[string]any{}
	if !r.OnlyMeshKeys {
		maps.Copy(written, content)
		delete(written, "status")
	}
	written["metadata"], written["kind"] = meta, string(r.Kind)
	if version, _ := content["apiVersion"].(string); version == "" {
		written["apiVersion"] = r.Resource.GroupVersion().String()
	} else {
		written["apiVersion"] = version
	}
	text, err := json.Marshal(written)
	if err != nil {
		return "" // It was read from JSON.
	}
	return string(text)
}

// configured returns the labels or annotations that are configuration: not the copy of the object that kubectl keeps.
func (r *KindRow) configured(all map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range all {
		domain, _, _ := strings.Cut(key, "/")
		ours := domain == "mizzen.dev" || domain == "istio.io" || strings.HasSuffix(domain, ".istio.io")
		if key != corev1.LastAppliedConfigAnnotation && (ours || !r.OnlyMeshKeys) {
			kept[key] = value
		}
	}
	return kept
}

// plain returns the fields of an object, without its managedFields, which are long.
func plain(typed metav1.Object) (map[string]any, error) {
	if u, ok := typed.(*unstructured.Unstructured); ok {
		return u.Object, nil
	}
	managed := typed.GetManagedFields()
	typed.SetManagedFields(nil)
	defer typed.SetManagedFields(managed)
	return runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
}

// lastWriter returns which tool wrote an object last, how and when. Those that wrote its status do not count.
func lastWriter(typed metav1.Object) (manager, operation string, at time.Time) {
	for _, entry := range typed.GetManagedFields() {
		if entry.Subresource != "" || entry.Time == nil || entry.Time.Time.Before(at) {
			continue
		}
		manager, operation, at = Intern(entry.Manager), Intern(string(entry.Operation)), entry.Time.Time
	}
	return manager, operation, at
}

// Typed makes a typed object of the kind of the fields of an object that was read untyped.
func (r *KindRow) Typed(content map[string]any) (metav1.Object, error) {
	typed := r.New()
	if strict, ok := typed.(Strict); ok {
		spec, _ := content["spec"].(map[string]any)
		strict.NoteUnknown(UnknownFields(spec, strict.SpecMessage()), EmptyFields(spec), false)
	}
	return typed, Decode(content, typed)
}

// Unread returns what is kept of an object that cannot be read: nothing, unless its kind closes. content are its fields, as far
// as they are known.
func (r *KindRow) Unread(key Key, domain string, content map[string]any) Object {
	if r.Close == nil {
		return Object{Key: key}
	}
	parts, annotations := AllUnreadable, map[string]string(nil)
	if spec, ok := content["spec"].(map[string]any); ok {
		parts, annotations = Parts(spec), (&unstructured.Unstructured{Object: content}).GetAnnotations()
	}
	return r.Close(key, domain, annotations, parts)
}

// FromManifest converts the object of a Manifest, as it was converted when the Manifest was kept.
func FromManifest(m *mesh.Manifest, domain string) (Object, error) {
	key := Key{Kind: Kind(m.Ref.Kind), Namespace: Intern(m.Ref.Namespace), Name: m.Ref.Name}
	row := key.Kind.Row()
	if row == nil {
		return Object{Key: key}, fmt.Errorf("%s: this version does not read the kind", m.Ref)
	}
	var content map[string]any
	if err := kjson.Unmarshal([]byte(m.Text), &content); err != nil {
		return Object{Key: key}, fmt.Errorf("%s: %w", m.Ref, err)
	}
	typed, err := row.Typed(content)
	o := Object{Key: key}
	if err != nil {
		o = row.Unread(key, domain, content)
		o.Report(mesh.CodeInvalidValue, mesh.Error, "", "The object cannot be read: "+err.Error()+". Correct it.")
	} else {
		typed.SetCreationTimestamp(metav1.NewTime(m.Created))
		o = row.Convert(typed, domain)
	}
	if m.File == "" {
		FromCluster(&o)
	} else {
		o.Source = &mesh.Source{File: m.File}
	}
	o.Generation, o.Manifest = m.Generation, m
	return o, nil
}
