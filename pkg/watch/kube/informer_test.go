package kube

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestInformer(t *testing.T) {
	one, two := newFakeService("a", "one"), newFakeService("a", "two")
	changed := newFakeService("a", "one")
	changed.ResourceVersion = "2"
	// This happens after an etcd was restored from a backup.
	restored := newFakeService("a", "one")
	restored.Spec.Ports[0].Port = 81
	tests := map[string]struct {
		do   func(*informer) error
		want []string
	}{
		"the first list brings everything": {
			do:   func(i *informer) error { return i.Replace([]any{one, two}, "1") },
			want: []string{"one set", "two set"},
		},
		"a list that gives a version to something else counts": {
			do: func(i *informer) error {
				err := i.Replace([]any{one}, "1")
				i.inbox.Take()
				return errors.Join(err, i.Replace([]any{restored}, "1"))
			},
			want: []string{"one set"},
		},
		"a list takes away what it lacks": {
			do: func(i *informer) error {
				err := i.Replace([]any{one, two}, "1")
				i.inbox.Take()
				return errors.Join(err, i.Replace([]any{changed}, "2"))
			},
			want: []string{"one set", "two gone"},
		},
		"the latest of several changes counts": {
			do: func(i *informer) error {
				return errors.Join(i.Add(one), i.Update(changed), i.Delete(changed), i.Add(two))
			},
			want: []string{"one gone", "two set"},
		},
		"objects that were converted on the way are taken as they are": {
			do: func(i *informer) error {
				converted, err := i.Transformer()(one)
				return errors.Join(err, i.Replace([]any{converted}, "1"))
			},
			want: []string{"one set"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i := newTestInformer(t, object.KindService)
			if err := test.do(i); err != nil {
				t.Fatal(err)
			}
			var got []string
			changes, _ := i.inbox.Take()
			for key, o := range changes.Objects {
				what := "set"
				if o == nil {
					what = "gone"
				}
				got = append(got, fmt.Sprintf("%s %s", key.Name, what))
			}
			slices.Sort(got)
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("changes (-got +want):\n%s", diff)
			}
		})
	}
}

// TestInformerSurvivesPanics reads an object whose conversion panics. No known object of an API server does that.
func TestInformerSurvivesPanics(t *testing.T) {
	i := newTestInformer(t, object.KindService)
	if err := i.Replace([]any{(*corev1.Service)(nil), newFakeService("a", "one")}, "1"); err != nil {
		t.Fatal(err)
	}
	changes, _ := i.inbox.Take()
	if changes.Objects[object.Key{Kind: object.KindService, Namespace: "a", Name: "one"}] == nil {
		t.Error("got no change for the object that can be read, want one")
	}
	bad := changes.Objects[object.Key{Kind: object.KindService}]
	if bad == nil || bad.Value != nil || len(bad.Problems) != 1 {
		t.Errorf("got %+v for the object that cannot be read, want no value and one Problem", bad)
	}
}

// TestInformerLeavesOutOneMachine: what means something on one machine only is for files.
func TestInformerLeavesOutOneMachine(t *testing.T) {
	i := newTestInformer(t, object.KindWorkloadEntry)
	for name, address := range map[string]string{"own": "127.0.0.1", "other": "10.0.0.1"} {
		raw := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": map[string]any{"name": name, "namespace": "demo"}, "spec": map[string]any{"address": address},
		}}
		if err := i.Add(raw); err != nil {
			t.Fatal(err)
		}
	}
	changes, _ := i.inbox.Take()
	for name, used := range map[string]bool{"own": false, "other": true} {
		o := changes.Objects[object.Key{Kind: object.KindWorkloadEntry, Namespace: "demo", Name: name}]
		if o == nil || (o.Value != nil) != used || (len(o.Problems) == 0) != used {
			t.Errorf("%s: got %+v, want it used: %t", name, o, used)
		}
	}
}
