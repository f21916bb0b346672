package status

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/internal/event"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
	return event.Write(ctx, w.Dynamic, w.Identity, event.Warning{
		Regarding: event.Regarding{
			APIVersion: object.GetAPIVersion(), Kind: about.ref.Kind, Namespace: about.ref.Namespace, Name: about.ref.Name,
			UID: string(object.GetUID()), ResourceVersion: object.GetResourceVersion(),
		},
		Action: "Translate", Reason: string(about.code), Note: note,
	})
}
