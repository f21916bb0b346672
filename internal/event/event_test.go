package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	dynamicfake "k8s.io/client-go/dynamic/fake"
)

func fake() *dynamicfake.FakeDynamicClient {
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{events: "EventList"})
}

func TestEventsAreValid(t *testing.T) {
	o := fake()
	about := Regarding{APIVersion: "networking.istio.io/v1", Kind: "VirtualService", Namespace: "shop", Name: "echo", UID: "u", ResourceVersion: "7"}
	if err := Write(t.Context(), o, "a", Warning{about, "Translate", "Refused", "why"}); err != nil {
		t.Fatal(err)
	}
	list, err := o.Resource(events).Namespace("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("got %v, %v, want one Event", list, err)
	}
	got := &eventsv1.Event{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(list.Items[0].Object, got, true); err != nil {
		t.Fatal(err)
	}
	if got.EventTime.IsZero() || got.Name == "" || got.Kind != "Event" || got.APIVersion != "events.k8s.io/v1" {
		t.Errorf("incomplete: %v", got)
	}
	got.ObjectMeta, got.TypeMeta, got.EventTime = metav1.ObjectMeta{}, metav1.TypeMeta{}, metav1.MicroTime{}
	want := eventsv1.Event{
		ReportingController: controller, ReportingInstance: "a", Action: "Translate", Reason: "Refused", Type: "Warning", Note: "why",
	}
	want.Regarding.APIVersion, want.Regarding.Kind, want.Regarding.Namespace = "networking.istio.io/v1", "VirtualService", "shop"
	want.Regarding.Name, want.Regarding.UID, want.Regarding.ResourceVersion = "echo", "u", "7"
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEventsOfLongNamesHaveNames(t *testing.T) {
	o := fake()
	for _, end := range []string{"-.", "--", "a."} {
		about := Regarding{Kind: "VirtualService", Namespace: "shop", Name: strings.Repeat("a", 198) + end + "tail"}
		if err := Write(t.Context(), o, "a", Warning{about, "Translate", "Refused", "why"}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := o.Resource(events).Namespace("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("got %v, %v, want three Events", list, err)
	}
	for _, e := range list.Items {
		if wrong := validation.IsDNS1123Subdomain(e.GetName()); len(wrong) > 0 {
			t.Errorf("%s: %s", e.GetName(), wrong)
		}
	}
}
