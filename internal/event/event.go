package event

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var events = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}

const (
	controller = "mizzen.dev/controlplane"
	manager    = "mizzen"
)

// Regarding is the object that an Event is about.
type Regarding struct {
	APIVersion, Kind, Namespace, Name, UID, ResourceVersion string
}

// Warning is an Event. Action is what the process was doing, Reason why it is not as intended, in one word each.
type Warning struct {
	Regarding            Regarding
	Action, Reason, Note string
}

// Write creates the Event, in the namespace of its object, as the replica with that name.
func Write(ctx context.Context, client dynamic.Interface, replica string, w Warning) error {
	now := time.Now()
	// A name that is cut must still end with a valid character.
	name := strings.TrimRight(Clip(w.Regarding.Name, 200), "-.")
	_, err := client.Resource(events).Namespace(w.Regarding.Namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": events.GroupVersion().String(), "kind": "Event",
		"metadata":            map[string]any{"namespace": w.Regarding.Namespace, "name": fmt.Sprintf("%s.%x", name, now.UnixNano())},
		"eventTime":           now.UTC().Format(metav1.RFC3339Micro),
		"reportingController": controller, "reportingInstance": Clip(replica, 128),
		"action": w.Action, "reason": w.Reason, "type": "Warning", "note": Clip(w.Note, 1000),
		"regarding": map[string]any{
			"apiVersion": w.Regarding.APIVersion, "kind": w.Regarding.Kind, "namespace": w.Regarding.Namespace, "name": w.Regarding.Name,
			"uid": w.Regarding.UID, "resourceVersion": w.Regarding.ResourceVersion,
		},
	}}, metav1.CreateOptions{FieldManager: manager})
	return err
}

// Clip cuts a text between two characters.
func Clip(s string, longest int) string {
	if len(s) <= longest {
		return s
	}
	for longest > 0 && !utf8.RuneStart(s[longest]) {
		longest--
	}
	return s[:longest]
}
