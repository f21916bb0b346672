package status

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

var events = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}

const (
	controller = "mizzen.dev/controlplane"
	manager    = "mizzen"
)

// eventKey identifies an Event. Its note is not part of it, because the note may contain a number of clients.
type eventKey struct {
	ref         mesh.Ref
	code        mesh.Code
	field, text string
}

// events returns the notes of the Events that an object should have: one for each Problem that all replicas know, if all
// is set, one for each error that concerns clients, and one for each text with which clients reject its resources.
func (r report) events(all bool) map[eventKey]string {
	found := map[eventKey]string{}
	for _, p := range r.problems {
		if all && p.Severity != mesh.Info {
			found[eventKey{r.rule.Ref, p.Code, p.Field, ""}] = line(p)
		}
	}
	for _, p := range r.ofClients {
		found[eventKey{r.rule.Ref, p.Code, p.Field, p.Message}] = line(p)
	}
	for _, refusal := range r.refusals {
		found[eventKey{r.rule.Ref, mesh.CodeRefused, "", refusal}] = refusal
	}
	return found
}

// keys returns the keys of events.
func keys(events map[eventKey]string) map[eventKey]struct{} {
	set := make(map[eventKey]struct{}, len(events))
	for about := range events {
		set[about] = struct{}{}
	}
	return set
}

// emit writes an Event for each key that is new, and forgets the keys that no longer apply.
func (w *Writer) emit(ctx context.Context, object *unstructured.Unstructured, r report, all bool) error {
	emitted := map[eventKey]struct{}{}
	for about, note := range r.events(all) {
		if _, before := w.emitted[r.rule.Ref][about]; !before {
			if err := w.event(ctx, object, about, note); err != nil {
				return err
			}
		}
		emitted[about] = struct{}{}
	}
	w.emitted[r.rule.Ref] = emitted
	return nil
}

// hasEvents reports whether there is an Event that emit would write.
func (w *Writer) hasEvents(r report, all bool) bool {
	for about := range r.events(all) {
		if _, before := w.emitted[r.rule.Ref][about]; !before {
			return true
		}
	}
	return false
}

func (w *Writer) event(ctx context.Context, object *unstructured.Unstructured, about eventKey, note string) error {
	if err := w.limit.Wait(ctx); err != nil {
		return err
	}
	now := time.Now()
	// A name that is cut must still end with a valid character.
	name := strings.TrimRight(clip(about.ref.Name, 200), "-.")
	_, err := w.Dynamic.Resource(events).Namespace(about.ref.Namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": events.GroupVersion().String(), "kind": "Event",
		"metadata":            map[string]any{"namespace": about.ref.Namespace, "name": fmt.Sprintf("%s.%x", name, now.UnixNano())},
		"eventTime":           now.UTC().Format(metav1.RFC3339Micro),
		"reportingController": controller, "reportingInstance": clip(w.Identity, 128),
		"action": "Translate", "reason": string(about.code), "type": "Warning", "note": clip(note, 1000),
		"regarding": map[string]any{
			"apiVersion": object.GetAPIVersion(), "kind": about.ref.Kind, "namespace": about.ref.Namespace, "name": about.ref.Name,
			"uid": string(object.GetUID()), "resourceVersion": object.GetResourceVersion(),
		},
	}}, metav1.CreateOptions{FieldManager: manager})
	return err
}
