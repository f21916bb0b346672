package status

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	controller = "mizzen.dev/controlplane"
	manager    = "mizzen"
)

// remark is what an Event is about. Its text is not part of it: it may count clients.
type remark struct {
	ref         mesh.Ref
	code        mesh.Code
	field, text string
}

// remarks are the things about an object that are worth an Event. A remark that clients refuse it is one for each of the texts.
func (r report) remarks(all bool) map[remark]string {
	found := map[remark]string{}
	for _, p := range r.problems {
		if all && p.Severity != mesh.Info {
			found[remark{r.rule.Ref, p.Code, p.Field, ""}] = line(p)
		}
	}
	for _, refusal := range r.refusals {
		found[remark{r.rule.Ref, mesh.CodeRefused, "", refusal}] = refusal
	}
	return found
}

// speak writes an Event for each remark that was not there before, and forgets those that are gone.
func (w *Writer) speak(ctx context.Context, object *unstructured.Unstructured, r report, all bool) error {
	said := map[remark]struct{}{}
	for about, note := range r.remarks(all) {
		if _, before := w.spoken[r.rule.Ref][about]; !before {
			if err := w.event(ctx, object, about, note); err != nil {
				return err
			}
		}
		said[about] = struct{}{}
	}
	w.spoken[r.rule.Ref] = said
	return nil
}

// news says whether there is a remark that was not there before.
func (w *Writer) news(r report, all bool) bool {
	for about := range r.remarks(all) {
		if _, before := w.spoken[r.rule.Ref][about]; !before {
			return true
		}
	}
	return false
}

func (w *Writer) event(ctx context.Context, object *unstructured.Unstructured, about remark, note string) error {
	if err := w.limit.Wait(ctx); err != nil {
		return err
	}
	now := time.Now()
	_, err := w.Client.EventsV1().Events(about.ref.Namespace).Create(ctx, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: about.ref.Namespace, Name: fmt.Sprintf("%s.%x", clip(about.ref.Name, 200), now.UnixNano())},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: controller, ReportingInstance: clip(w.Identity, 128),
		Action: "Translate", Reason: string(about.code), Type: corev1.EventTypeWarning, Note: clip(note, 1000),
		Regarding: corev1.ObjectReference{
			APIVersion: object.GetAPIVersion(), Kind: about.ref.Kind, Namespace: about.ref.Namespace, Name: about.ref.Name,
			UID: object.GetUID(), ResourceVersion: object.GetResourceVersion(),
		},
	}, metav1.CreateOptions{FieldManager: manager})
	return err
}
