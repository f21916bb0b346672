package status_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestConditionsWithoutPolicies: rules have conditions in a cluster that does not have all kinds.
func TestConditionsWithoutPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.istio.PrependReactor("list", "authorizationpolicies", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewNotFound(schema.GroupResource{}, "")
		})
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		same(t, "conditions", r.conditions(t), []string{"Reconciled=True <nil> of 1", "mizzen.dev/Accepted=True Accepted of 1", "mizzen.dev/Programmed=True Programmed of 1"})
	})
}

// TestConditionsOfPolicies: objects that configure servers have conditions like rules.
func TestConditionsOfPolicies(t *testing.T) {
	const policy = `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: shop, generation: 1}, ` +
		`spec: {targetRefs: [{kind: Gatway, name: b}]}}`
	policies := schema.GroupVersionResource{Group: "security.istio.io", Version: "v1", Resource: "authorizationpolicies"}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if _, err := r.istio.Resource(policies).Namespace("shop").Create(t.Context(), object(t, policy), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		stop := r.writer(t.Context(), "a")
		defer stop()
		r.publish(t, policy)
		wait(8 * time.Second)
		u, err := r.istio.Resource(policies).Namespace("shop").Get(t.Context(), "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		if len(list) == 0 {
			t.Fatal("got no conditions")
		}
		accepted, _ := list[0].(map[string]any)
		if accepted["type"] != "mizzen.dev/Accepted" || accepted["status"] != "False" || accepted["reason"] != "Closed" {
			t.Errorf("got %v, want mizzen.dev/Accepted=False Closed", accepted)
		}
	})
}

// TestConditionsSayWhomAPolicyRefuses: the condition of a policy names the accounts of connected clients that it refuses. It
// stays True.
func TestConditionsSayWhomAPolicyRefuses(t *testing.T) {
	const policy = `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: shop, generation: 1}, ` +
		`spec: {rules: [{from: [{source: {serviceAccounts: [web/front]}}]}]}}`
	const echo = `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: echo-1, namespace: shop, labels: {kubernetes.io/service-name: echo}}, ` +
		`addressType: IPv4, ports: [{name: grpc, port: 8080}], endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, namespace: shop, name: echo-1}}]}`
	const pod = `{apiVersion: v1, kind: Pod, metadata: {name: echo-1, namespace: shop, labels: {mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}, ` +
		`spec: {serviceAccountName: echo, containers: [{name: a, image: a}]}, status: {podIP: 10.0.0.1}}`
	policies := schema.GroupVersionResource{Group: "security.istio.io", Version: "v1", Resource: "authorizationpolicies"}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if _, err := r.istio.Resource(policies).Namespace("shop").Create(t.Context(), object(t, policy), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		stop := r.writer(t.Context(), "a")
		defer stop()
		r.publish(t, policy, echo, pod)
		session := r.store.Open(serving.ClientInfo{
			NodeID: "n", Account: mesh.Account{Namespace: "jobs", Name: "sync"}, Client: mesh.Client{Namespace: "jobs", Providers: mesh.MakeProviders("default")},
		}, nil)
		defer session.Close()
		request := &serving.Request{Type: snapshot.ClusterType, Names: []string{"outbound|80||echo.shop.svc.cluster.local"}}
		session.Request(request)
		request.Nonce = session.Next().Nonce
		session.Request(request)
		wait(8 * time.Second)
		u, err := r.istio.Resource(policies).Namespace("shop").Get(t.Context(), "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		if len(list) != 2 {
			t.Fatalf("got the conditions %v, want 2", list)
		}
		programmed, _ := list[1].(map[string]any)
		const want = "of the accounts whose clients subscribe to echo.shop:80 now, it refuses every call of jobs/sync"
		if text, _ := programmed["message"].(string); programmed["status"] != "True" || !strings.Contains(text, want) {
			t.Errorf("got %v, want True and %q", programmed, want)
		}
	})
}
