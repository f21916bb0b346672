package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestNotInjected: pods without the bootstrap are reported while their namespace has the label, and told apart by what
// they are older than.
func TestNotInjected(t *testing.T) {
	a := newTestAssembler()
	key := func(kind object.Kind, namespace, name string) object.Key {
		return object.Key{Kind: kind, Namespace: namespace, Name: name}
	}
	put := func(k object.Key, value any) { a.Apply(map[object.Key]*object.Object{k: {Key: k, Value: value}}, nil) }
	remove := func(k object.Key) { a.Apply(map[object.Key]*object.Object{k: nil}, nil) }
	pod := func(name string) object.Key { return key(object.KindPod, "shop", name) }
	namespace, policy := key(object.KindNamespace, "", "shop"), key(object.KindInjectionPolicy, "", "mizzen-injection")
	expect := func(when string, want ...string) {
		t.Helper()
		got := []string{}
		for _, p := range a.World().Problems {
			if p.Code != mesh.CodeNotInjected {
				t.Errorf("%s: got %v", when, p)
			}
			first, _, _ := strings.Cut(p.Message, ". ")
			got = append(got, fmt.Sprintf("%s %s: %s", p.Severity, p.Object, first))
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	const (
		young   = "warning Pod shop/young: The policy mizzen-injection did not change the pod, although its namespace has the label mizzen.dev/inject: enabled"
		unknown = "warning Pod shop/young: The namespace has the label mizzen.dev/inject: enabled, and no MutatingAdmissionPolicy mizzen-injection is known that would have changed the pod"
		label   = "info Namespace shop: Pods that are older than the label mizzen.dev/inject: enabled have no bootstrap: %d, such as %s"
		install = "info Namespace shop: Pods that are older than the policy mizzen-injection have no bootstrap: %d, such as %s"
	)

	put(pod("injected"), &object.Pod{UID: "1"})
	put(pod("older"), &object.Pod{UID: "2", NotInjected: 10})
	put(pod("oldest"), &object.Pod{UID: "3", NotInjected: 5})
	put(pod("between"), &object.Pod{UID: "4", NotInjected: 25})
	put(pod("young"), &object.Pod{UID: "5", NotInjected: 40})
	put(key(object.KindPod, "other", "young"), &object.Pod{UID: "6", NotInjected: 40})
	expect("no namespace has the label")

	put(namespace, &object.Namespace{Injected: true, Labeled: 20})
	put(policy, &object.InjectionPolicy{Created: 30})
	expect("the namespace has the label", fmt.Sprintf(label, 2, "older"), fmt.Sprintf(install, 1, "between"), young)

	put(namespace, &object.Namespace{Injected: true, Labeled: 50})
	expect("the namespace was written again", fmt.Sprintf(label, 2, "older"), fmt.Sprintf(install, 1, "between"), young)

	remove(pod("older"))
	put(pod("oldest"), &object.Pod{UID: "3", NotInjected: 60})
	remove(pod("between"))
	put(pod("young"), &object.Pod{UID: "5"})
	expect("pods were replaced", strings.ReplaceAll(young, "young", "oldest"))

	remove(pod("oldest"))
	put(pod("young"), &object.Pod{UID: "5", NotInjected: 40})
	remove(policy)
	expect("there is no policy", unknown)
	put(key(object.KindInjectionPolicy, "", "another"), nil)
	expect("another policy", unknown)
	put(policy, &object.InjectionPolicy{Created: 30})
	expect("there is the policy", young)

	var kinds []string
	for _, o := range a.ListObjects() {
		if o.Key.Kind == object.KindNamespace || o.Key.Kind == object.KindInjectionPolicy {
			kinds = append(kinds, o.Key.Ref().String())
		}
	}
	if diff := cmp.Diff([]string{"Namespace shop", "MutatingAdmissionPolicy mizzen-injection"}, kinds); diff != "" {
		t.Errorf("what is saved (-want +got):\n%s", diff)
	}

	remove(namespace)
	expect("the label is gone")
}

// TestNoIdentity: pods without a certificate are reported while their namespace has both labels. A pod that came without
// the bootstrap is reported for that alone.
func TestNoIdentity(t *testing.T) {
	a := newTestAssembler()
	pod := func(name string) object.Key {
		return object.Key{Kind: object.KindPod, Namespace: "shop", Name: name}
	}
	put := func(k object.Key, value any) { a.Apply(map[object.Key]*object.Object{k: {Key: k, Value: value}}, nil) }
	namespace, policy := object.Key{Kind: object.KindNamespace, Name: "shop"}, object.Key{Kind: object.KindInjectionPolicy, Name: "mizzen-injection"}
	expect := func(when string, want ...string) {
		t.Helper()
		got := []string{}
		for _, p := range a.World().Problems {
			first, _, _ := strings.Cut(p.Message, ". ")
			got = append(got, fmt.Sprintf("%s %s %s %s: %s", p.Severity, p.Code, p.Object, p.Field, first))
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	const (
		field   = " metadata.labels[mizzen.dev/identity]: "
		young   = "warning NotInjected Pod shop/young" + field + "The pod got no certificate, although its namespace has the label mizzen.dev/identity: spiffe, so it cannot use mTLS"
		unknown = "warning NotInjected Pod shop/young" + field + "The namespace has the label mizzen.dev/identity: spiffe, and no MutatingAdmissionPolicy mizzen-injection is known that would have given the pod a certificate"
		older   = "info NotInjected Namespace shop" + field + "Pods that are older than the label mizzen.dev/identity: spiffe have no certificate: 1, such as older"
		bare    = "warning NotInjected Pod shop/bare : The policy mizzen-injection did not change the pod, although its namespace has the label mizzen.dev/inject: enabled"
	)
	put(pod("certified"), &object.Pod{UID: "1"})
	put(pod("older"), &object.Pod{UID: "2", NoIdentity: 25})
	put(pod("young"), &object.Pod{UID: "3", NoIdentity: 40})
	put(pod("bare"), &object.Pod{UID: "4", NotInjected: 40, NoIdentity: 40})
	put(policy, &object.InjectionPolicy{Created: 10})
	put(namespace, &object.Namespace{Injected: true, Labeled: 20})
	expect("the namespace has the label for the bootstrap alone", bare)
	put(namespace, &object.Namespace{Injected: true, Labeled: 20, Identity: 30})
	expect("the namespace has both labels", older, bare, young)
	put(namespace, &object.Namespace{Injected: true, Labeled: 50, Identity: 60})
	expect("the namespace was written again", older, bare, young)
	put(namespace, &object.Namespace{Injected: true, Labeled: 20})
	expect("the label for certificates is gone", bare)
	put(namespace, &object.Namespace{Injected: true, Labeled: 20, Identity: 35})
	put(pod("bare"), &object.Pod{UID: "4"})
	expect("the label is back, and a pod was replaced", older, young)
	put(pod("older"), &object.Pod{UID: "5"})
	a.Apply(map[object.Key]*object.Object{policy: nil}, nil)
	expect("there is no policy", unknown)
}
